"""Single marks against a limit: Tango's score test, and never below the binomial tail."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.harness.stats.mcnemar import tango_interval
from selfreward_eval.harness.stats.one_sided_marks import marks_against


def gains(gained: int, lost: int, n: int) -> list[float]:
    return [1.0] * gained + [-1.0] * lost + [0.0] * (n - gained - lost)


def test_with_changes_both_ways_it_is_the_end_of_tango_s_interval() -> None:
    ours = marks_against(gains(40, 30, 300), -0.05, 0.05)
    low, high = tango_interval(40, 30, 300, 0.9)
    assert (ours.low, ours.high) == (pytest.approx(low, abs=1e-9), pytest.approx(high, abs=1e-9))


def error(n: int, margin: float) -> float:
    """The exact chance that a loss of the margin passes, where nothing but losses happen."""
    chance = [comb(n, k) * margin**k * (1 - margin) ** (n - k) for k in range(12)]
    return sum(p for k, p in enumerate(chance) if marks_against(gains(0, k, n), -margin, 0.05).passes <= 0.05)


@pytest.mark.parametrize("n", [240, 268, 275, 300, 445, 553, 602])
def test_nothing_but_losses_pass_at_the_margin_in_five_of_a_hundred(n: int) -> None:
    """Tango's test alone passes 6.7 in 100 with 268 items."""
    assert error(n, 0.01) <= 0.05


@given(st.integers(0, 20), st.integers(0, 20), st.sampled_from([-0.1, -0.02, 0.0, 0.02, 0.1]))
def test_a_small_p_is_a_bound_beyond_the_limit(gained: int, lost: int, limit: float) -> None:
    found = marks_against(gains(gained, lost, 60), limit, 0.05)
    assert found.low <= (gained - lost) / 60 <= found.high
    if limit:
        assert (found.passes <= 0.05) == (found.low > limit - 1e-9) or abs(found.low - limit) < 1e-6


@given(st.integers(0, 20), st.integers(0, 20), st.sampled_from([-0.1, 0.0, 0.1]))
def test_the_other_way_round_everything_mirrors(gained: int, lost: int, limit: float) -> None:
    there, back = (
        marks_against(gains(*pair, 60), at, 0.05)
        for pair, at in (((gained, lost), limit), ((lost, gained), -limit))
    )
    assert (there.passes, there.low) == (pytest.approx(back.fails), pytest.approx(-back.high))


def test_other_numbers_are_no_marks() -> None:
    with pytest.raises(ValueError, match="one mark of 0 or 1"):
        marks_against(np.array([0.5, 1.0]), 0.0, 0.05)
