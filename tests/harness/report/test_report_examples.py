"""The examples in the docstrings are true."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize(
    "name",
    [
        "cards",
        "drawing",
        "identity",
        "notation",
        "overlay",
        "pages",
        "pairs",
        "plots",
        "power_page",
        "rendering",
    ],
)
def test_docstring_examples_hold(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"selfreward_eval.harness.report.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
