"""What the statistics cost at import: nothing of scipy, and of the command line nothing of either."""

from __future__ import annotations

import subprocess
import sys

import pytest

EVERY = """
for module in pkgutil.iter_modules(selfreward_eval.harness.stats.__path__):
    importlib.import_module(f"selfreward_eval.harness.stats.{module.name}")
"""


def loaded(code: str, *packages: str) -> set[str]:
    """Those of ``packages`` that a fresh interpreter has loaded after ``code``."""
    program = f"import importlib, pkgutil, sys, selfreward_eval.harness.stats\n{code}\nprint(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(packages) & set(result.stdout.split())


def test_every_module_of_the_statistics_imports_without_scipy_and_numpy() -> None:
    assert loaded(EVERY, "selfreward_eval.harness.stats.power", "scipy", "scipy.stats", "numpy") == {
        "selfreward_eval.harness.stats.power"
    }


def test_a_comparison_and_a_plan_never_load_scipy_stats() -> None:
    code = (
        "from selfreward_eval.harness.stats.choosing import choose_test\n"
        "from selfreward_eval.harness.stats.power import detectable_effect\n"
        "choose_test({'a': [0.5, 0.0, 0.25] * 9}, m=4, binary=True)\n"
        "choose_test({'a': [0.5, 0.0, 0.25] * 30, 'b': [0.0, 0.25] * 30}, m=4, binary=False)\n"
        "detectable_effect(0.3, 100)"
    )
    assert loaded(code, "scipy.special", "scipy.stats") == {"scipy.special"}


@pytest.mark.parametrize("module", ["compare", "power", "calibrate", "main"])
def test_a_command_line_module_loads_no_number_cruncher(module: str) -> None:
    heavy = ("numpy", "scipy", "torch", "PIL", "jinja2", "rich.table")
    assert loaded(f"import selfreward_eval.cli.{module}", *heavy) == set()
