"""The BCa bootstrap: scipy's interval from the same resamples or without any, and what resamples are like."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from selfreward_eval.harness.stats.bootstrap import bca, bca_of_resamples, resampled_means


def coarse(seed: int, n: int = 400) -> np.ndarray:
    return np.random.default_rng(seed).integers(-4, 5, size=n) / 4


@pytest.mark.parametrize("values", [coarse(0), np.random.default_rng(1).exponential(size=40)])
def test_from_the_same_resamples_it_is_scipy_s_interval(values: np.ndarray) -> None:
    means = resampled_means(values, 2000, np.random.default_rng(2))
    ours = bca_of_resamples(float(values.mean()), [values], means)
    known = stats.bootstrap((values,), np.mean, n_resamples=9, method="percentile", rng=0)
    known.bootstrap_distribution = means
    theirs = stats.bootstrap((values,), np.mean, n_resamples=0, bootstrap_result=known, method="BCa", rng=0)
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=1e-8)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=1e-8)


def test_two_strata_from_the_same_resamples_give_scipy_s_interval() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.exponential(size=30), 2 * rng.exponential(size=12)
    means = (resampled_means(a, 2000, rng) + resampled_means(b, 2000, rng)) / 2

    def macro(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
        return (np.mean(x, axis=axis) + np.mean(y, axis=axis)) / 2

    known = stats.bootstrap((a, b), macro, n_resamples=9, method="percentile", rng=0)
    known.bootstrap_distribution = means
    theirs = stats.bootstrap((a, b), macro, n_resamples=0, bootstrap_result=known, method="BCa", rng=0)
    ours = bca_of_resamples(float(a.mean() + b.mean()) / 2, [a, b], means)
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=1e-8)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=1e-8)


@pytest.mark.parametrize("values", [coarse(4, 500), np.random.default_rng(5).normal(size=60)])
def test_resampled_means_have_the_bootstrap_s_mean_and_variance(values: np.ndarray) -> None:
    means = resampled_means(values, 20_000, np.random.default_rng(6))
    error = values.std() / np.sqrt(len(values))
    assert means.mean() == pytest.approx(values.mean(), abs=5 * error / np.sqrt(20_000))
    assert means.std() == pytest.approx(error, rel=0.03)


GRADED = np.random.default_rng(13).gamma(0.5, size=200)
MACRO = {"a": np.random.default_rng(14).exponential(size=70), "b": np.random.default_rng(15).random(50)}


@pytest.mark.parametrize("values", [coarse(11), GRADED, np.random.default_rng(12).beta(0.3, 0.1, size=300)])
def test_without_resampling_it_is_scipy_s_interval_but_for_chance(values: np.ndarray) -> None:
    ours = bca({"": values})
    assert ours.resamples == 0
    theirs = stats.bootstrap((values,), np.mean, n_resamples=100_000, batch=5000, method="BCa", rng=1)
    error = values.std() / np.sqrt(len(values))
    # Seven Monte-Carlo errors of an end, and the step of a lattice.
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.06 * error)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.06 * error)


@pytest.mark.parametrize("strata", [{"": coarse(7)}, {"": GRADED}, MACRO])
def test_a_million_resamples_come_to_the_ideal_interval(strata: dict[str, np.ndarray]) -> None:
    ideal, drawn = bca(strata), bca(strata, resamples=1_000_000, ideal=False)
    assert (ideal.resamples, drawn.resamples) == (0, 1_000_000)
    assert ideal.acceleration == drawn.acceleration
    assert ideal.bias == pytest.approx(drawn.bias, abs=5 * 1.26e-3)
    width = drawn.high - drawn.low  # type: ignore[operator]
    assert ideal.low == pytest.approx(drawn.low, abs=0.005 * width)
    assert ideal.high == pytest.approx(drawn.high, abs=0.005 * width)


def test_drawing_sums_and_drawing_items_agree() -> None:
    # The same marks, once as they are (sums drawn at once) and once pulled apart by a hair (item by item).
    values = coarse(7)
    nearly = values + 1e-4 * np.random.default_rng(0).random(400)
    at_once, by_item = bca({"": values}, ideal=False), bca({"": nearly}, ideal=False)
    width = at_once.high - at_once.low  # type: ignore[operator]
    assert by_item.low == pytest.approx(at_once.low, abs=0.03 * width)
    assert by_item.high == pytest.approx(at_once.high, abs=0.03 * width)


def test_drawn_sums_have_the_exact_distribution() -> None:
    # Of three draws from (0, 1, 1) the sum is binomial.
    means = resampled_means(np.array([0.0, 1.0, 1.0]), 60_000, np.random.default_rng(1))
    counts = np.bincount(np.rint(3 * means).astype(int), minlength=4) / 60_000
    assert counts == pytest.approx(stats.binom(3, 2 / 3).pmf(range(4)), abs=0.008)


def test_thirds_and_quarters_have_a_common_step_and_odd_numbers_have_none() -> None:
    rng = np.random.default_rng(2)
    for values in (rng.choice([0, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1], size=200), rng.random(200)):
        means = resampled_means(values, 4000, rng)
        assert means.mean() == pytest.approx(values.mean(), abs=0.005)
        assert means.std() == pytest.approx(values.std() / np.sqrt(200), rel=0.06)


def test_skewness_moves_the_interval_to_the_long_tail() -> None:
    values = np.random.default_rng(8).exponential(size=100)
    ours = bca({"": values})
    assert ours.acceleration > 0.01  # type: ignore[operator]
    assert ours.high - ours.value > ours.value - ours.low  # type: ignore[operator]


@pytest.mark.parametrize("ideal", [True, False])
def test_order_changes_nothing(ideal: bool) -> None:
    values = np.random.default_rng(9).normal(size=50)
    assert bca({"": values}, ideal=ideal).low == bca({"": values[::-1]}, ideal=ideal).low


def test_a_seed_fixes_resamples_and_without_them_means_nothing() -> None:
    values = np.random.default_rng(9).normal(size=50)
    assert bca({"": values}, seed=3, ideal=False) == bca({"": values}, seed=3, ideal=False)
    assert bca({"": values}, seed=3, ideal=False).low != bca({"": values}, seed=4, ideal=False).low
    assert bca({"": values}, seed=3).low == bca({"": values}, seed=4).low


@pytest.mark.parametrize(
    ("strata", "why"),
    [
        ({"a": [0.5]}, "single unit"),
        ({"a": [0.5, 0.5]}, "nothing varies"),
        ({"a": [0.0, 1.0, 0.5], "b": [1.0]}, "single unit"),
    ],
)
def test_what_cannot_be_resampled_has_no_interval(strata: dict[str, list[float]], why: str) -> None:
    result = bca(strata)
    assert (result.low, result.high) == (None, None)
    assert why in result.why
    assert (result.method, result.resamples) == ("none", 0)


def test_too_few_resamples_have_no_interval() -> None:
    result = bca({"": [0.0, 1.0, 0.5]}, resamples=1, ideal=False)
    assert result.low is None
    assert "one side" in result.why
    with pytest.raises(ValueError, match="at least one resample"):
        bca({"": [0.0, 1.0]}, resamples=0)
