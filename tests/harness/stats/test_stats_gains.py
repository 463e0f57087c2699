"""Intervals where few items differ, or nearly all one way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.harness.stats.choosing import deciding_test
from selfreward_eval.harness.stats.gains import effective, gains_and_losses, lopsided
from selfreward_eval.harness.stats.paired import paired

QUARTERS = st.sampled_from([-1.0, -0.5, -0.25, 0.0, 0.0, 0.0, 0.25, 0.5, 1.0])


def test_equal_runs_leave_what_could_not_be_seen() -> None:
    low, high = gains_and_losses({"": [0.0] * 24}, width=1.0)
    assert high == pytest.approx(1 - 0.025 ** (1 / 24))
    assert low == pytest.approx(-high)


def test_a_range_is_only_another_scale() -> None:
    values = np.array([0.0] * 30 + [0.5, 0.25, 1.0, -0.25])
    unit = gains_and_losses({"": values}, width=1.0)
    assert gains_and_losses({"": 100 * values}, width=100.0) == pytest.approx([100 * end for end in unit])


@given(st.lists(QUARTERS, min_size=2, max_size=30))
def test_the_other_way_round_the_ends_change_places(values: list[float]) -> None:
    low, high = gains_and_losses({"": values}, width=1.0, pictures=4)
    back = gains_and_losses({"": [-value for value in values]}, width=1.0, pictures=4)
    assert back == pytest.approx((-high, -low))


@given(st.lists(QUARTERS, min_size=2, max_size=30), st.randoms())
def test_the_order_of_the_items_changes_no_digit(values: list[float], random: object) -> None:
    shuffled = values.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert gains_and_losses({"": shuffled}, width=1.0) == gains_and_losses({"": values}, width=1.0)


@given(st.lists(QUARTERS, min_size=2, max_size=70))
def test_p_and_interval_agree_and_no_interval_is_without_width(values: list[float]) -> None:
    found = deciding_test({"": values}, m=4, binary=True, width=1.0, resamples=199)
    assert found.low is not None
    assert found.high is not None
    assert -1 <= found.low < found.high <= 1
    assert found.low <= found.effect <= found.high
    if found.p is not None:
        assert (found.p > 0.05) == (found.low <= 0 <= found.high)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("items", [6, 24, 60])
def test_changes_one_way_are_covered_where_t_covers_too_little(items: int, sign: float) -> None:
    rng = np.random.default_rng(3)
    ours = t = 0
    for _ in range(200):
        values = sign * (rng.random(items) < 0.1) * rng.binomial(4, 0.5, items) / 4
        found, plain = deciding_test({"": values}, m=4, binary=True, width=1.0, resamples=199), paired(values)
        ours += (found.low or 0.0) <= sign * 0.05 <= (found.high or 0.0)
        t += (plain.low or 0.0) <= sign * 0.05 <= (plain.high or 0.0)
    assert ours / 200 >= 0.94
    assert t / 200 < 0.94


def test_without_a_range_equal_runs_have_no_interval() -> None:
    found = deciding_test({"": [0.0] * 60}, m=1, binary=False)
    assert (found.p, found.low, found.high) == (1.0, None, None)


def test_balanced_changes_keep_the_interval_of_their_test() -> None:
    values = [0.25, -0.25, 0.5, -0.5, 0.0] * 20
    plain = paired(values)
    found = deciding_test({"": values}, m=4, binary=True, width=1.0)
    assert (found.low, found.high) == (plain.low, plain.high)


@pytest.mark.parametrize(
    ("gained", "lost", "expected"),
    [(0, 0, True), (40, 0, True), (60, 0, False), (20, 12, False), (20, 5, True)],
)
def test_what_counts_as_one_sided(gained: int, lost: int, expected: bool) -> None:
    assert bool(lopsided(gained, lost)) is expected


def test_one_large_gain_among_small_ones_is_one_change() -> None:
    assert effective(np.array([1.0, 0.001, 0.001])) == pytest.approx(1.0, abs=0.01)


def test_a_claim_needs_five_items_in_every_category() -> None:
    strata = {"a": [1.0, 1.0], "b": [0.25, 0.0] * 30}
    found = deciding_test(strata, m=4, binary=True, width=1.0)
    assert found.p is None
    assert "category 'a' has only 2 items; at least 5 are needed" in found.why
    assert found.low is not None
    assert found.low < 0.3
