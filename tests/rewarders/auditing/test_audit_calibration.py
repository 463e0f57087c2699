"""What a probability is worth, and the share of right pictures by rank."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from selfreward_eval.rewarders.auditing import calibration, ranking, rightness
from selfreward_eval.rewarders.auditing.calibration import Bin, by_rank, reliability


def test_an_honest_probability_has_next_to_no_error() -> None:
    rng = np.random.default_rng(0)
    chances = rng.random(20_000)
    bins, error = reliability(chances, (rng.random(20_000) < chances).tolist(), range(20_000))
    assert len(bins) == 10
    assert error < 0.015


def test_a_boaster_errs_by_how_much_it_boasts() -> None:
    right = [True, False] * 50
    bins, error = reliability([0.95] * 100, right, range(100))
    assert [(one.n, one.right) for one in bins] == [(100, 0.5)]
    assert error == pytest.approx(0.45)


def test_a_certain_yes_is_in_the_last_bin() -> None:
    bins, _ = reliability([1.0, 0.0], [True, False], [0, 1])
    assert [one.reward for one in bins] == [0.0, 1.0]


def test_a_number_that_is_no_probability_is_refused() -> None:
    with pytest.raises(ValueError, match=r"numbers in \[0, 1\]"):
        reliability([1.5], [True], [0])


def test_bins_by_rank_hold_equally_many() -> None:
    bins = by_rank([float(k) ** 3 for k in range(100)], [k >= 50 for k in range(100)], range(100))
    assert [one.n for one in bins] == [10] * 10
    assert [one.right for one in bins] == [0.0] * 5 + [1.0] * 5


def test_equal_rewards_are_never_parted() -> None:
    assert [one.n for one in by_rank([0.0] * 30 + [1.0] * 10, [True] * 40, range(40))] == [30, 10]


def wide(one: Bin) -> float:
    assert one.low is not None
    assert one.high is not None
    return one.high - one.low


def test_an_interval_is_over_items() -> None:
    right = [True, True, False, False] * 10
    alone = by_rank([0.5] * 40, right, range(40), bins=1)[0]
    together = by_rank([0.5] * 40, right, [k // 2 for k in range(40)], bins=1)[0]
    assert wide(together) > wide(alone)


@pytest.mark.parametrize("module", [calibration, ranking, rightness])
def test_examples_hold(module: object) -> None:
    results = doctest.testmod(module)  # type: ignore[arg-type]
    assert results.attempted > 0
    assert results.failed == 0
