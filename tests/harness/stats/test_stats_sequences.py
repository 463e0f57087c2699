"""Confidence sequences: the formula, its promise at every look, and gates that may stop early."""

from __future__ import annotations

from collections import Counter
from math import log, sqrt

import numpy as np
import pytest
from scipy import optimize, stats

from selfreward_eval.harness.stats.means import mean_interval
from selfreward_eval.harness.stats.noninferiority import Verdict
from selfreward_eval.harness.stats.sequences import (
    confidence_sequence,
    half_widths,
    look_order,
    macro_weights,
    sequential_gate,
)


def test_the_two_sided_width_is_where_the_mixture_reaches_one_over_alpha() -> None:
    # The normal mixture of exp(l s - l^2 v / 2) over l ~ N(0, 1 / rho) is a martingale; Ville's bound.
    planned, alpha = 553, 0.05
    inverse = 2 * log(1 / alpha)
    rho = planned / (inverse + log(1 + inverse))
    for t in (50, 200, 553):
        s = half_widths(np.array([t]), np.array([1.0]), planned=planned)[0] * t
        mixture = sqrt(rho / (t + rho)) * np.exp(s**2 / (2 * (t + rho)))
        assert mixture == pytest.approx(1 / alpha, rel=1e-10)


def test_the_one_sided_width_is_just_above_the_exact_mixture_s() -> None:
    planned, alpha = 553, 0.05
    inverse = 2 * log(1 / (2 * alpha))
    rho = planned / (inverse + log(1 + inverse))
    for t in (50, 200, 553):

        def excess(s: float, t: int = t) -> float:
            half_normal = 2 * sqrt(rho / (t + rho)) * np.exp(s**2 / (2 * (t + rho)))
            return half_normal * stats.norm.cdf(s / sqrt(t + rho)) - 1 / alpha

        exact = optimize.brentq(excess, 0, 10 * sqrt(t + rho))
        ours = half_widths(np.array([t]), np.array([1.0]), planned=planned, sided=1)[0] * t
        assert exact <= ours <= 1.02 * exact


def test_its_price_at_the_planned_end() -> None:
    d = np.random.default_rng(0).normal(size=553)
    fixed, sequence = mean_interval(d), confidence_sequence(d, planned=553)
    ratio = (sequence.high[-1] - sequence.low[-1]) / (fixed.high - fixed.low)  # type: ignore[operator]
    assert ratio == pytest.approx(1.55, abs=0.01)


def test_means_and_spreads_are_those_of_the_items_so_far() -> None:
    d = 1e6 + np.random.default_rng(1).normal(size=80)
    sequence = confidence_sequence(d, planned=80)
    assert sequence.counts.tolist() == list(range(50, 81))
    assert sequence.means[10] == pytest.approx(d[:60].mean(), rel=1e-12)
    expected = half_widths(np.array([60]), np.array([d[:60].std(ddof=1)]), planned=80)[0]
    assert sequence.high[10] - sequence.means[10] == pytest.approx(expected, rel=1e-6)


def test_looking_at_every_item_rejects_a_true_null_less_than_once_in_twenty() -> None:
    rng = np.random.default_rng(2)
    wrong = 0
    for _ in range(400):
        sequence = confidence_sequence(rng.choice([-0.5, -0.25, 0, 0.25, 0.5], size=400), planned=400)
        wrong += bool(((sequence.low > 0) | (sequence.high < 0)).any())
    assert wrong / 400 <= 0.05


def test_there_is_no_interval_before_the_burn_in() -> None:
    assert len(confidence_sequence(np.arange(49.0), planned=553).counts) == 0
    assert sequential_gate(np.arange(49.0), 0.1, planned=553).low is None
    assert sequential_gate(np.arange(49.0), 0.1, planned=553).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("mean", "verdict"), [(0.1, Verdict.PASS), (-0.4, Verdict.FAIL), (-0.05, Verdict.INCONCLUSIVE)]
)
def test_a_gate_stops_when_it_can(mean: float, verdict: Verdict) -> None:
    d = mean + 0.3 * np.random.default_rng(3).normal(size=553)
    stop = sequential_gate(d, 0.05, planned=553)
    assert stop.verdict is verdict
    assert (stop.count < 553) == (verdict is not Verdict.INCONCLUSIVE)
    mirrored = sequential_gate(-d, 0.05, planned=553, higher_is_better=False)
    assert (mirrored.verdict, mirrored.count) == (stop.verdict, stop.count)


def test_items_that_do_not_vary_never_stop_a_gate() -> None:
    assert sequential_gate([0.0] * 200, 0.05, planned=200).verdict is Verdict.INCONCLUSIVE


def test_the_order_of_looks_mixes_the_categories_evenly() -> None:
    categories = ["a"] * 100 + ["b"] * 50 + ["c"] * 10
    order = look_order(categories, seed=0)
    assert sorted(order) == list(range(160))
    first_half = Counter(categories[i] for i in order[:80])
    assert abs(first_half["a"] - 50) <= 2
    assert abs(first_half["b"] - 25) <= 2
    assert abs(first_half["c"] - 5) <= 1
    assert order != look_order(categories, seed=1)
    assert order == look_order(categories, seed=0)


def test_every_item_of_a_category_is_as_likely_to_come_first() -> None:
    firsts = Counter(look_order(["a"] * 4 + ["b"] * 8, seed)[0] for seed in range(3000))
    assert all(firsts[item] > 0 for item in range(12))
    assert abs(firsts[0] - firsts[3]) < 4 * sqrt(2 * max(firsts[0], 1))


def test_macro_weights_make_a_plain_mean_the_macro_mean() -> None:
    categories = ["a", "a", "a", "b"]
    values = np.array([0.0, 0.3, 0.6, 1.0])
    assert np.mean(values * macro_weights(categories)) == pytest.approx((0.3 + 1.0) / 2)


@pytest.mark.parametrize(
    "call",
    [
        lambda: half_widths(np.array([5]), np.array([1.0]), planned=0),
        lambda: half_widths(np.array([5]), np.array([1.0]), planned=5, alpha=0.0),
        lambda: half_widths(np.array([5]), np.array([1.0]), planned=5, sided=3),
        lambda: half_widths(np.array([5]), np.array([1.0]), planned=5, alpha=0.6, sided=1),
        lambda: confidence_sequence([0.0, 1.0], planned=5, burn_in=1),
        lambda: sequential_gate([0.0, 1.0], 0.0, planned=5),
    ],
)
def test_arguments_out_of_range_are_refused(call: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        call()  # type: ignore[operator]
