"""The simulation of ``docs/gating.md`` in small: who passes, who fails, and what a sequential gate saves."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest
from support.paths import ROOT

from selfreward_eval.harness.stats.noninferiority import Verdict

SCRIPT = ROOT / "benchmarks" / "gating.py"
DRAWS = 150

PASS, FAIL, INCONCLUSIVE = Verdict


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gating_simulation", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("world", ["a little everywhere", "a few entirely"])
def test_a_loss_of_the_margin_seldom_passes(simulation: ModuleType, world: str) -> None:
    for gate in simulation.rates(world, simulation.MARGIN, DRAWS, seed=7):
        # Three standard errors above 5 %.
        assert gate.share(PASS) <= 0.05 + 3 * (0.05 * 0.95 / DRAWS) ** 0.5
        assert gate.share(INCONCLUSIVE) > 0.8


def test_no_loss_passes_and_a_large_one_fails(simulation: ModuleType) -> None:
    unchanged = simulation.rates("a little everywhere", 0.0, DRAWS, seed=7)
    worse = simulation.rates("a little everywhere", 2 * simulation.MARGIN, DRAWS, seed=7)
    for gate in unchanged:
        assert gate.share(PASS) > 0.85
        assert gate.share(FAIL) == 0
    for gate in worse:
        assert gate.share(FAIL) > 0.8
        assert gate.share(PASS) == 0


def test_looking_early_saves_in_clear_cases(simulation: ModuleType) -> None:
    once, often = simulation.rates("a little everywhere", 0.0, DRAWS, seed=7)
    assert once.items == 553
    assert often.items < 0.6 * 553
