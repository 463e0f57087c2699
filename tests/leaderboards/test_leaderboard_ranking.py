"""Ranks say no more than the tests behind them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.leaderboards.ranking import adjusted, better_matrix, places

NAN = float("nan")


def matrix(count: int, *pairs: tuple[int, int]) -> np.ndarray:
    better = np.zeros((count, count), dtype=bool)
    for above, below in pairs:
        better[above, below] = True
    return better


def test_nothing_told_apart_shares_rank_one() -> None:
    found = places(matrix(3))
    assert [(one.rank, one.worst, one.group) for one in found] == [(1, 3, 1)] * 3


def test_a_clear_order_has_ranks_without_an_interval() -> None:
    found = places(matrix(3, (0, 1), (0, 2), (1, 2)))
    assert [(one.rank, one.worst, one.group) for one in found] == [(1, 1, 1), (2, 2, 2), (3, 3, 3)]


def test_two_that_tie_below_a_winner_share_rank_two() -> None:
    found = places(matrix(3, (0, 1), (0, 2)))
    assert [(one.rank, one.worst, one.group) for one in found] == [(1, 1, 1), (2, 3, 2), (2, 3, 2)]


def test_a_chain_of_ties_is_one_group_with_overlapping_intervals() -> None:
    # 0 ~ 1 ~ 2 and yet 0 > 2.
    found = places(matrix(3, (0, 2)))
    assert [(one.rank, one.worst) for one in found] == [(1, 2), (1, 3), (2, 3)]
    assert [one.group for one in found] == [1, 1, 1]


def test_a_cut_needs_every_model_above_to_beat_every_one_below() -> None:
    # 1 beats 2 and 3, 0 beats 3 only: no cut between 1 and 2.
    found = places(matrix(4, (0, 3), (1, 2), (1, 3), (2, 3)))
    assert [one.group for one in found] == [1, 1, 1, 2]


@given(st.integers(2, 7).flatmap(lambda n: st.lists(st.booleans(), min_size=n * n, max_size=n * n)))
def test_models_of_different_groups_are_always_told_apart(bits: list[bool]) -> None:
    count = round(len(bits) ** 0.5)
    better = np.triu(np.array(bits).reshape(count, count), 1)
    found = places(better)
    for i in range(count):
        for j in range(i + 1, count):
            assert found[i].group == found[j].group or better[i, j]
            assert 1 <= found[i].rank <= found[i].worst <= count


def test_the_direction_of_the_metric_decides_who_is_better() -> None:
    effect, p = np.array([0.3]), np.array([0.01])
    up = better_matrix(effect, p, [0.2, 0.5], [0.2, 0.5], higher_is_better=True)
    down = better_matrix(effect, p, [0.2, 0.5], [0.2, 0.5], higher_is_better=False)
    assert up.tolist() == [[False, False], [True, False]]
    assert down.tolist() == [[False, True], [False, False]]


def test_unscored_samples_that_could_undo_a_difference_separate_nobody() -> None:
    effect, p = np.array([0.3]), np.array([0.001])
    sure = better_matrix(effect, p, [0.2, 0.45], [0.25, 0.6], higher_is_better=True)
    unsure = better_matrix(effect, p, [0.2, 0.45], [0.5, 0.6], higher_is_better=True)
    assert sure.any()
    assert not unsure.any()


@pytest.mark.parametrize("p", [0.0501, NAN])
def test_without_evidence_nobody_is_better(p: float) -> None:
    assert not better_matrix(
        np.array([0.3]), np.array([p]), [0.2, 0.5], [0.2, 0.5], higher_is_better=True
    ).any()


def test_tables_of_one_family_are_adjusted_together() -> None:
    first, second = adjusted([np.array([0.01, 0.5]), np.array([0.02, NAN])])
    # Four questions, one of which could not be tested and still counts.
    assert first.tolist() == pytest.approx([0.04, 1.0])
    assert second[0] == pytest.approx(0.06)
    assert np.isnan(second[1])
