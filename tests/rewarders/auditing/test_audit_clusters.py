"""Intervals over items cover what they say, where pictures of one item resemble each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from selfreward_eval.harness.stats.means import mean_interval
from selfreward_eval.rewarders.auditing.clusters import PLAIN, jackknife
from selfreward_eval.rewarders.auditing.ranking import area, inside_area, rank_correlation

ROUNDS, ITEMS, EACH = 200, 40, 4


def ends(found: Any) -> tuple[float, float]:
    """Both ends of an interval that must be there."""
    assert found.low is not None, found.why
    return found.low, found.high


def covers(found: Any, truth: float) -> bool:
    low, high = ends(found)
    return low <= truth <= high


def drawn(rng: np.random.Generator, signal: float) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Rewards that share half of their noise with their item, and how right each picture is."""
    items = np.repeat(np.arange(ITEMS), EACH)
    shared = rng.normal(size=ITEMS)[items] + rng.normal(size=ITEMS * EACH)
    truth = rng.normal(size=ITEMS)[items] + rng.normal(size=ITEMS * EACH)
    return signal * truth + shared, truth, items.tolist()


def test_the_jackknife_of_a_mean_is_its_t_interval() -> None:
    values = np.random.default_rng(1).normal(size=12)
    found = jackknife(lambda kept: float(values[kept].mean()), range(12), PLAIN)
    known = mean_interval(values)
    assert (found.low, found.high) == pytest.approx((known.low, known.high))


@pytest.mark.slow
@pytest.mark.parametrize("signal", [0.0, 1.0])
def test_intervals_of_areas_and_correlations_cover(signal: float) -> None:
    """Nominal 95 %; a binomial error of about 1.5 points over 200 rounds."""
    rng = np.random.default_rng(7)
    # Truth and reward are normal with correlation r, for which both true values are known.
    r = signal / np.sqrt(signal**2 + 1)
    rho, chance = 6 / np.pi * np.arcsin(r / 2), _true_area(r)
    areas = ranks = 0
    for _ in range(ROUNDS):
        rewards, truth, items = drawn(rng, signal)
        areas += covers(area(rewards, (truth > 0).tolist(), items), chance)
        ranks += covers(rank_correlation(rewards, truth, items), rho)
    assert 0.91 <= areas / ROUNDS <= 0.99
    assert 0.91 <= ranks / ROUNDS <= 0.99


def _true_area(r: float) -> float:
    """P(reward of a right picture > reward of a wrong one), by a large independent sample."""
    rng = np.random.default_rng(99)
    truth = rng.normal(size=400_000)
    rewards = r * truth + np.sqrt(1 - r**2) * rng.normal(size=400_000)
    good, bad = np.sort(rewards[truth > 0]), rewards[truth <= 0]
    return float(1 - np.searchsorted(good, bad).mean() / len(good))


def test_inside_a_prompt_chance_is_covered() -> None:
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(ROUNDS):
        rewards, truth, items = drawn(rng, 0.0)
        found = inside_area(rewards.tolist(), (truth > 0).tolist(), items, items)
        hits += covers(found, 0.5)
    assert 0.91 <= hits / ROUNDS <= 0.99


def test_pictures_counted_as_independent_would_be_too_sure() -> None:
    """The reward is the item's own noise, and items are right or wrong as a whole."""
    rng = np.random.default_rng(5)
    items = np.repeat(np.arange(30), 8)
    rewards, right = rng.normal(size=30)[items], (rng.random(30) < 0.5)[items].tolist()
    low, high = ends(area(rewards, right, items.tolist()))
    careless = ends(area(rewards, right, range(len(items))))
    assert high - low > 2 * (careless[1] - careless[0])


def test_an_interval_stays_in_the_range() -> None:
    rewards = [float(k) for k in range(12)]
    found = area(rewards, [k > 5 or k in (2, 4) for k in range(12)], range(12))
    low, high = ends(found)
    assert 0 < low < 0.9 < high < 1


@pytest.mark.parametrize(
    ("right", "clusters", "why"),
    [
        ([True, True, False, False], "aabb", "fewer than three items"),
        ([True, True, False, False], "abcd", "at the end of its range"),
        ([True, True, True, False], "abcd", "at the end of its range"),
    ],
)
def test_what_cannot_be_told_is_said(right: list[bool], clusters: str, why: str) -> None:
    found = area([4.0, 3.0, 2.0, 1.0], right, clusters)
    assert found.value == 1.0
    assert (found.low, found.high) == (None, None)
    assert why in found.why


def test_a_number_that_one_item_makes_has_no_interval() -> None:
    found = area([1.0, 3.0, 2.0, 4.0], [True, False, False, False], "abcc")
    assert found.value == 0.0
    found = area([2.5, 3.0, 2.0, 4.0, 1.0], [True, False, False, False, False], "abcde")
    assert found.low is None
    assert found.why == "it rests on a single item"


def test_nothing_scored_has_no_number() -> None:
    assert area([], [], []).why == "nothing was scored"
