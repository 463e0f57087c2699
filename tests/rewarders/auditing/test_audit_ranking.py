"""How a reward ranks: by hand, against libraries, and against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import somersd, spearmanr

from selfreward_eval.rewarders.auditing.ranking import (
    area,
    auc,
    inside_area,
    inside_order,
    rank_correlation,
    roc,
    separation,
    spearman,
)

numbers = st.integers(-3, 3).map(float)
table = st.lists(st.tuples(numbers, st.booleans()), min_size=2, max_size=30)


@given(table)
def test_the_area_is_how_often_right_is_above_wrong(rows: list[tuple[float, bool]]) -> None:
    rewards, right = [r for r, _ in rows], [good for _, good in rows]
    pairs = [(a > b) + (a == b) / 2 for a, good in rows if good for b, bad in rows if not bad]
    found = auc(rewards, right)
    assert found == (pytest.approx(np.mean(pairs)) if pairs else None)


@given(table)
def test_turning_a_reward_round_turns_its_area_round(rows: list[tuple[float, bool]]) -> None:
    rewards, right = [r for r, _ in rows], [good for _, good in rows]
    found, turned = auc(rewards, right), auc([-r for r in rewards], right)
    assert (found is None) == (turned is None)
    if found is not None and turned is not None:
        assert found + turned == pytest.approx(1)


@given(table)
def test_the_area_below_the_curve_is_the_auc(rows: list[tuple[float, bool]]) -> None:
    rewards, right = [r for r, _ in rows], [good for _, good in rows]
    points = roc(rewards, right)
    if points:
        below = np.trapezoid([one.right for one in points], [one.wrong for one in points])
        assert below == pytest.approx(auc(rewards, right))
        assert (points[0].right, points[-1].right, points[-1].wrong) == (0.0, 1.0, 1.0)


@given(st.lists(st.tuples(numbers, numbers), min_size=3, max_size=30))
def test_rank_correlation_is_scipys(rows: list[tuple[float, float]]) -> None:
    a, b = [x for x, _ in rows], [y for _, y in rows]
    found = spearman(a, b)
    if len(set(a)) == 1 or len(set(b)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(spearmanr(a, b).statistic)


def test_inside_a_prompt_the_prompts_own_level_does_not_count() -> None:
    """Between prompts this reward is perfect, inside a prompt it is exactly wrong."""
    rewards = [10.0, 11.0, 0.0, 1.0, 5.0, 6.0]
    right = [True, False, True, False, True, True]
    items = ["a", "a", "b", "b", "c", "c"]
    found = inside_area(rewards, right, items, items)
    assert (found.value, found.n, found.units) == (0.0, 4, 2)


def test_without_a_mixed_item_there_is_no_area_inside() -> None:
    found = inside_area([1.0, 2.0], [True, False], ["a", "b"], ["a", "b"])
    assert found.value is None
    assert found.why == "no item has both a right and a wrong picture"


def test_order_inside_is_somers_d_of_every_item() -> None:
    rng = np.random.default_rng(0)
    rewards, measured = rng.integers(0, 4, 20).astype(float), rng.integers(0, 3, 20).astype(float)
    items = [k // 5 for k in range(20)]
    each = [
        somersd(measured[start : start + 5], rewards[start : start + 5]).statistic
        for start in range(0, 20, 5)
    ]
    assert inside_order(rewards, measured, items, items).value == pytest.approx(np.mean(each))


def test_separation_by_hand() -> None:
    rewards = [3.0, 1.0, 0.0, 0.0]
    found = separation(rewards, [True, True, False, False], "abcd")
    assert found.value == pytest.approx(2.0 / np.std(rewards, ddof=1))


def test_a_reward_that_never_varies_has_no_rank() -> None:
    clusters = list("abcd")
    found = rank_correlation([1.0] * 4, [0.0, 1.0, 0.0, 1.0], clusters)
    assert (found.value, found.why) == (None, "the reward or the measurement never varies")
    assert area([1.0] * 4, [True, False, True, False], clusters).value == 0.5
