"""The BCa bootstrap: scipy's interval from the same resamples, and resamples of the right distribution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.stats.bootstrap import bca, bca_macro, bca_of_resamples, resampled_means


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


def test_drawing_sums_and_drawing_items_agree() -> None:
    # The same marks, once as they are (sums drawn at once) and once pulled apart by a hair (item by item).
    values = coarse(7)
    nearly = values + 1e-4 * np.random.default_rng(0).random(400)
    at_once, by_item = bca(values), bca(nearly)
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
    ours = bca(values)
    assert ours.acceleration > 0.01  # type: ignore[operator]
    assert ours.high - ours.value > ours.value - ours.low  # type: ignore[operator]


def test_order_changes_nothing_and_a_seed_fixes_the_result() -> None:
    values = np.random.default_rng(9).normal(size=50)
    assert bca(values, seed=3).low == bca(values[::-1], seed=3).low
    assert bca(values, seed=3) != bca(values, seed=4)


@pytest.mark.parametrize(
    ("strata", "why"),
    [
        ({"a": [0.5]}, "single unit"),
        ({"a": [0.5, 0.5]}, "nothing varies"),
        ({"a": [0.0, 1.0, 0.5], "b": [1.0]}, "single unit"),
    ],
)
def test_what_cannot_be_resampled_has_no_interval(strata: dict[str, list[float]], why: str) -> None:
    result = bca_macro(strata)
    assert (result.low, result.high) == (None, None)
    assert why in result.why


def test_too_few_resamples_have_no_interval() -> None:
    result = bca([0.0, 1.0, 0.5], resamples=1)
    assert result.low is None
    assert "one side" in result.why
    with pytest.raises(ValueError, match="at least one resample"):
        bca([0.0, 1.0], resamples=0)
