"""The examples in the rewarders' documentation."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = (
    "self_vqa",
    "base",
    "normalising",
    "questions.english",
    "questions.shapes",
    "report.audit_page",
    "report.cards",
    "report.formatting",
    "srum.maps",
    "srum.regions",
    "srum.rewarder",
    "defaults",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str) -> None:
    results = doctest.testmod(importlib.import_module(f"selfreward_eval.rewarders.{name}"))
    assert results.attempted > 0
    assert results.failed == 0
