"""Anytime-valid bounds: right at every look, for any distribution in the range."""

from __future__ import annotations

import numpy as np
import pytest

from selfreward_eval.harness.stats.anytime_valid import first_rejection, log_wealth, lower_bound

ENDS = {"bottom": -1.0, "top": 1.0}


@pytest.mark.parametrize("shape", ["lumps", "symmetric"])
def test_watching_all_the_time_costs_no_more_than_alpha(shape: str) -> None:
    rng = np.random.default_rng(0)

    def draw() -> np.ndarray:
        if shape == "lumps":
            return -(rng.random(300) < 0.05).astype(float)
        return rng.choice([-0.25, 0.0, 0.25], 300) - 0.05

    wrong = sum(first_rejection(draw(), -0.05, planned=300, **ENDS) is not None for _ in range(1000))
    assert wrong / 1000 <= 0.05 + 1.64 * 0.0069


def test_wealth_depends_on_the_past_alone() -> None:
    values = np.random.default_rng(0).uniform(-1, 1, 50)
    whole = log_wealth(values, 0.0, planned=50, **ENDS)
    assert log_wealth(values[:20], 0.0, planned=50, **ENDS) == pytest.approx(whole[:20])


def test_no_value_can_ruin_it() -> None:
    assert np.isfinite(log_wealth([-1.0] * 100, 0.5, planned=100, **ENDS)).all()


def test_a_crossing_is_a_bound_above_the_limit() -> None:
    values = np.random.default_rng(2).choice([0.0, 0.25, -0.25], 400)
    count = first_rejection(values, -0.06, planned=400, **ENDS)
    assert count is not None
    assert count < 400
    assert lower_bound(values[:count], planned=400, **ENDS) >= -0.06 - 1e-6
    assert lower_bound(values[: count - 1], planned=400, **ENDS) < -0.06


def test_nothing_seen_shows_nothing() -> None:
    assert lower_bound([], planned=10, **ENDS) == -1.0
    assert first_rejection([], 0.0, planned=10, **ENDS) is None


def test_equal_values_decide_too() -> None:
    count = first_rejection([0.0] * 300, -0.05, planned=300, **ENDS)
    assert count is not None
    assert 59 <= count < 150


def test_values_outside_the_range_are_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        first_rejection([1.5], 0.0, planned=10, **ENDS)
    with pytest.raises(ValueError, match="a limit lies in"):
        first_rejection([0.5], -1.0, planned=10, **ENDS)
