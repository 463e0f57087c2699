"""Means with intervals: known answers, laws, and calibration by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from selfreward_eval.harness.stats.means import cluster_values, icc, macro_interval, mean_interval

marks = st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=2, max_size=30)


def test_the_interval_agrees_with_scipy() -> None:
    values = np.random.default_rng(0).normal(size=40)
    ours = mean_interval(values)
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert ours.df == 39
    assert ours.low == pytest.approx(theirs.low, abs=1e-10)
    assert ours.high == pytest.approx(theirs.high, abs=1e-10)


def test_a_single_item_has_a_value_and_no_interval() -> None:
    one = mean_interval([0.5])
    assert (one.value, one.se, one.df, one.low, one.high, one.n) == (0.5, None, None, None, None, 1)


def test_without_variation_the_interval_is_a_point() -> None:
    one = mean_interval([0.1, 0.1, 0.1])
    assert (one.value, one.se, one.df, one.low, one.high) == (0.1, 0.0, 2, 0.1, 0.1)


def test_rounding_is_not_variation() -> None:
    assert mean_interval([0.1 + 0.2, 0.3]).se == 0


def test_nothing_has_no_mean() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        mean_interval([])


def test_one_stratum_is_the_plain_mean() -> None:
    values = [0.0, 0.25, 1.0, 0.5]
    assert macro_interval({"a": values}) == mean_interval(values)


def test_two_strata_give_welch_s_degrees_of_freedom() -> None:
    # Half the sum of two means has the t and df of Welch's test for a sum.
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=12), 3 * rng.normal(size=30)
    ours = macro_interval({"a": a, "b": b})
    welch = stats.ttest_ind(a, -b, equal_var=False)
    assert ours.se is not None
    assert ours.df == pytest.approx(welch.df, abs=1e-10)
    assert ours.value / ours.se == pytest.approx(welch.statistic, abs=1e-10)


def test_a_macro_mean_weighs_strata_equally() -> None:
    assert macro_interval({"a": [0.0] * 9 + [0.0], "b": [1.0, 1.0]}).value == 0.5


def test_a_small_stratum_that_varies_little_by_chance_earns_no_degrees_of_freedom() -> None:
    """Five items that nearly agree: by their variances alone the other 60 would bring df near 59."""
    one = macro_interval({"a": [0.5, 0.5, 0.5, 0.5, 0.51], "b": [0.0, 1.0] * 30})
    assert one.df == pytest.approx((1 / 5 + 1 / 60) ** 2 / (1 / 25 / 4 + 1 / 3600 / 59))


def test_strata_without_variation_pool_their_degrees_of_freedom() -> None:
    one = macro_interval({"a": [0.0, 0.0, 0.0], "b": [1.0, 1.0]})
    assert (one.se, one.df, one.low, one.high) == (0.0, 3, 0.5, 0.5)


def test_a_stratum_of_one_leaves_no_standard_error() -> None:
    one = macro_interval({"a": [0.0, 1.0], "b": [1.0]})
    assert (one.value, one.se, one.df, one.low, one.n) == (0.75, None, None, None, 3)


def test_an_empty_stratum_is_named() -> None:
    with pytest.raises(ValueError, match="'b' has no values"):
        macro_interval({"a": [1.0], "b": []})


def test_cluster_values_give_the_cluster_robust_error() -> None:
    values = np.array([0.1, 0.9, 0.4, 0.8, 0.3, 0.2])
    clusters = ["x", "x", "x", "y", "y", "z"]
    ours = mean_interval(cluster_values(values, clusters))
    residuals = values - values.mean()
    totals = [residuals[:3].sum(), residuals[3:5].sum(), residuals[5]]
    assert ours.value == pytest.approx(values.mean())
    assert ours.se == pytest.approx(np.sqrt(3 / 2 * np.sum(np.square(totals))) / 6)
    assert ours.df == 2


def test_clusters_of_equal_size_are_averaged() -> None:
    assert cluster_values([0.0, 1.0, 1.0, 1.0], ["x", "y", "y", "x"]) == [0.5, 1.0]


def test_icc_is_one_when_samples_agree_and_zero_on_average_when_independent() -> None:
    rng = np.random.default_rng(2)
    assert icc([[0, 0, 0], [1, 1, 1], [0, 0, 0]]) == 1
    estimate = icc(list(rng.integers(2, size=(2000, 4)).astype(float)))
    assert estimate == pytest.approx(0, abs=0.02)


def test_icc_recovers_a_known_correlation() -> None:
    rng = np.random.default_rng(3)
    chance = rng.beta(1, 1, size=(4000, 1))  # Beta(1, 1) marks have ICC 1 / (1 + 1 + 1).
    estimate = icc(list((rng.random((4000, 5)) < chance).astype(float)))
    assert estimate == pytest.approx(1 / 3, abs=0.02)


@pytest.mark.parametrize("groups", [[[1.0, 0.0]], [[1.0], [0.0]], [[1.0, 1.0], [1.0, 1.0]], []])
def test_icc_is_absent_where_it_is_undefined(groups: list[list[float]]) -> None:
    assert icc(groups) is None


def test_icc_of_unequal_groups_uses_the_average_size() -> None:
    groups = [[0.0, 1.0, 1.0], [1.0, 1.0], [0.0]]
    msb = (3 * 0 + 2 * (1 / 3) ** 2 + 1 * (2 / 3) ** 2) / 2
    msw = (2 / 3) / 3
    size = (6 - (9 + 4 + 1) / 6) / 2
    assert icc(groups) == pytest.approx((msb - msw) / (msb + (size - 1) * msw))


@given(values=marks, seed=st.integers(0, 10))
def test_the_order_of_items_changes_no_digit(values: list[float], seed: int) -> None:
    shuffled = list(np.random.default_rng(seed).permutation(values))
    assert mean_interval(shuffled) == mean_interval(values)
    assert macro_interval({"a": shuffled, "b": values}) == macro_interval({"a": values, "b": shuffled})


@given(values=marks, scale=st.sampled_from([0.5, 2.0, -4.0]), shift=st.integers(-3, 3))
def test_the_interval_follows_units(values: list[float], scale: float, shift: int) -> None:
    before, after = mean_interval(values), mean_interval([scale * value + shift for value in values])
    assert before.se is not None
    assert after.value == pytest.approx(scale * before.value + shift)
    assert after.se == pytest.approx(abs(scale) * before.se)


def clustered_marks(rng: np.random.Generator, runs: int, items: int, m: int, mean: float) -> np.ndarray:
    """Item means of binary samples with ICC 0.5: shape (runs, items)."""
    chance = rng.beta(mean, 1 - mean, size=(runs, items))
    return rng.binomial(m, chance) / m


def test_the_plain_interval_covers_the_truth_19_times_in_20() -> None:
    rng = np.random.default_rng(4)
    hits = [mean_interval(one) for one in clustered_marks(rng, 1500, 80, 4, 0.6)]
    covered = np.mean([one.low <= 0.6 <= one.high for one in hits])  # type: ignore[operator]
    assert 0.935 <= covered <= 0.965


def test_the_macro_interval_covers_the_truth_19_times_in_20() -> None:
    rng = np.random.default_rng(5)
    truths, sizes = [0.9, 0.7, 0.8, 0.5, 0.2, 0.3], [40, 50, 40, 47, 50, 50]
    runs = [clustered_marks(rng, 1000, size, 4, mean) for size, mean in zip(sizes, truths, strict=True)]
    hits = [macro_interval({str(j): run[i] for j, run in enumerate(runs)}) for i in range(1000)]
    covered = np.mean([one.low <= np.mean(truths) <= one.high for one in hits])  # type: ignore[operator]
    assert 0.93 <= covered <= 0.97
