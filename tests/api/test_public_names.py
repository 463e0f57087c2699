"""``import selfreward_eval``: what it offers, what it loads, and that types and runtime say the same."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from support.installing import environment, python

import selfreward_eval


def test_importing_it_loads_nothing_else(tmp_path: Path) -> None:
    """Neither numerical packages nor any room of this project; only what Python itself brings."""
    program = (
        "import sys; before = set(sys.modules); import selfreward_eval; print(*set(sys.modules) - before)"
    )
    loaded = python(["-c", program], tmp_path, environment()).stdout.split()
    packages = {name.partition(".")[0] for name in loaded}
    assert packages - set(sys.stdlib_module_names) == {"selfreward_eval"}
    assert [name for name in loaded if name.startswith("selfreward_eval.")] == []


@pytest.mark.parametrize("name", ["Task", "Model", "Item", "Status", "SelfRewardError"])
def test_contracts_of_plugins_load_no_numerical_package(tmp_path: Path, name: str) -> None:
    program = f"import sys; from selfreward_eval import {name}; print(*sys.modules)"
    loaded = set(python(["-c", program], tmp_path, environment()).stdout.split())
    assert "selfreward_eval.harness" in loaded
    assert loaded & {"numpy", "torch", "scipy", "rich", "transformers", "jinja2", "PIL"} == set()


@pytest.mark.parametrize("name", selfreward_eval.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(selfreward_eval, name) is not None
    assert name in dir(selfreward_eval)


def test_type_checkers_and_python_find_the_same_objects() -> None:
    """The imports under TYPE_CHECKING and the table of places are two lists of one thing."""
    tree = ast.parse(Path(str(selfreward_eval.__file__)).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    typed = {
        alias.name: node.module
        for node in imports
        for alias in node.names
        if str(node.module).startswith("selfreward_eval.")
    }
    places = {
        name: f"selfreward_eval.{module}"
        for module, names in selfreward_eval._PLACES.items()
        for name in names
    }
    assert typed == places
    assert set(typed) == set(selfreward_eval.__all__) - {"__version__"}


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'selfreward_eval' has no attribute 'rnu'"):
        getattr(selfreward_eval, "rnu")  # noqa: B009
