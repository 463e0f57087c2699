"""What the statistics cost at import: nothing of scipy, and of the command line nothing of either."""

from __future__ import annotations

import subprocess
import sys

import pytest

EVERY = """
for module in pkgutil.iter_modules(harness.stats.__path__):
    importlib.import_module(f"harness.stats.{module.name}")
"""


def loaded(code: str, *packages: str) -> set[str]:
    """Those of ``packages`` that a fresh interpreter has loaded after ``code``."""
    program = f"import importlib, pkgutil, sys, harness.stats\n{code}\nprint(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(packages) & set(result.stdout.split())


def test_every_module_of_the_statistics_imports_without_scipy_and_numpy() -> None:
    assert loaded(EVERY, "harness.stats.planning", "scipy", "scipy.stats", "numpy") == {
        "harness.stats.planning"
    }


def test_a_comparison_and_a_plan_never_load_scipy_stats() -> None:
    code = (
        "from harness.stats.choosing import choose_test\n"
        "from harness.stats.planning import detectable_effect\n"
        "choose_test({'a': [0.5, 0.0, 0.25] * 9}, m=4, binary=True)\n"
        "choose_test({'a': [0.5, 0.0, 0.25] * 30, 'b': [0.0, 0.25] * 30}, m=4, binary=False)\n"
        "detectable_effect(0.3, 100)"
    )
    assert loaded(code, "scipy.special", "scipy.stats") == {"scipy.special"}


@pytest.mark.parametrize("module", ["compare", "power", "calibrate", "main"])
def test_a_command_line_module_loads_no_number_cruncher(module: str) -> None:
    heavy = ("numpy", "scipy", "torch", "PIL", "jinja2", "rich.table")
    assert loaded(f"import harness.cli.{module}", *heavy) == set()
