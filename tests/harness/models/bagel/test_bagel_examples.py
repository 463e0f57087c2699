"""The examples in docstrings hold."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["batches", "metering", "bagel.network", "bagel.pictures"])
def test_docstring_examples_hold(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"selfreward_eval.harness.models.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
