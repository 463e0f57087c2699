"""Paired differences: agreement with scipy, degenerate cases, and calibration under the null."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from selfreward_eval.harness.stats.means import macro_interval, mean_interval
from selfreward_eval.harness.stats.paired import SMALLEST_P, correlation, paired, paired_macro, se_ratio

gaps = st.lists(st.sampled_from([-0.5, -0.25, 0.0, 0.25, 0.5]), min_size=2, max_size=30)


@pytest.mark.parametrize("shift", [0.0, 0.4, 5.0])
def test_it_is_scipy_s_paired_t_test(shift: float) -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=60)
    b = a + shift + 0.5 * rng.normal(size=60)
    ours, theirs = paired(b - a), stats.ttest_rel(b, a)
    interval = theirs.confidence_interval(0.95)
    assert ours.t == pytest.approx(theirs.statistic, abs=1e-10)
    assert ours.p == pytest.approx(theirs.pvalue, abs=1e-10, rel=1e-9)
    assert ours.df == theirs.df
    assert ours.low == pytest.approx(interval.low, abs=1e-10)
    assert ours.high == pytest.approx(interval.high, abs=1e-10)


def test_a_single_stratum_is_the_plain_test() -> None:
    differences = [0.25, 0.0, 0.5, -0.25]
    plain, macro = paired(differences), paired_macro({"a": differences})
    assert (macro.effect, macro.t, macro.p, macro.df) == (plain.effect, plain.t, plain.p, plain.df)


def test_arms_that_agree_everywhere_have_p_one() -> None:
    result = paired([0.0] * 10)
    assert (result.effect, result.se, result.t, result.p) == (0, 0, None, 1)
    assert result.why == "no item differs between the arms"


def test_a_constant_difference_is_tested_by_sign_flips() -> None:
    result = paired([0.25] * 10)
    assert (result.se, result.low, result.high, result.t) == (0, 0.25, 0.25, None)
    assert result.p == 2 / 2**10
    assert result.method == "exact sign flips"
    # The same by brute force: of all 2^10 signs only two reach this mean.
    signs = 2 * ((np.arange(2**10)[:, None] >> np.arange(10)) & 1) - 1
    assert np.mean(np.abs(signs.mean(axis=1)) >= 1) == result.p


def test_constant_strata_of_one_sign_are_tested_over_the_items_that_moved() -> None:
    result = paired_macro({"a": [0.5] * 4, "b": [0.0] * 9, "c": [0.25] * 3})
    assert result.p == 2 / 2**7


def test_constant_strata_that_disagree_get_no_p_value() -> None:
    result = paired_macro({"a": [0.5] * 4, "b": [-0.25] * 4})
    assert result.effect == 0.125
    assert result.p is None
    assert "point both ways" in result.why


@pytest.mark.parametrize("result", [paired([0.5]), paired_macro({"a": [0.0, 1.0], "position": [0.5]})])
def test_a_single_item_gives_an_effect_and_no_test(result: object) -> None:
    assert (result.se, result.p, result.low) == (None, None, None)  # type: ignore[attr-defined]
    assert "single item" in result.why  # type: ignore[attr-defined]


def test_the_single_stratum_is_named() -> None:
    assert paired_macro({"a": [0.0, 1.0], "position": [0.5]}).why.endswith("position")


def test_p_is_never_zero() -> None:
    assert paired([0.5] * 5000).p == SMALLEST_P
    assert paired(1 + 1e-9 * np.random.default_rng(1).normal(size=500)).p > 0  # type: ignore[operator]


def test_correlation_agrees_with_scipy() -> None:
    a, b = np.random.default_rng(2).normal(size=(2, 50))
    assert correlation(a, a + b) == pytest.approx(stats.pearsonr(a, a + b).statistic, abs=1e-12)


@pytest.mark.parametrize(("a", "b"), [([1.0, 2.0], [2.0, 1.0]), ([1.0, 1.0, 1.0], [0.0, 1.0, 2.0])])
def test_correlation_is_absent_where_it_is_undefined(a: list[float], b: list[float]) -> None:
    assert correlation(a, b) is None


def test_arms_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="3 and 2 items"):
        correlation([1.0, 2.0, 3.0], [1.0, 2.0])


def test_the_se_ratio_is_what_pairing_gained() -> None:
    rng = np.random.default_rng(3)
    shared = rng.normal(size=400)
    a, b = shared + rng.normal(size=400), shared + rng.normal(size=400)
    ratio = se_ratio(paired(b - a).se, mean_interval(a).se, mean_interval(b).se)
    # Correlation 1/2 halves the variance of a difference.
    assert ratio == pytest.approx(np.sqrt(0.5), abs=0.05)
    assert se_ratio(None, 0.1, 0.1) is None
    assert se_ratio(0.0, 0.0, 0.0) is None


@given(values=gaps, seed=st.integers(0, 10))
def test_the_order_of_items_changes_no_digit(values: list[float], seed: int) -> None:
    assert paired(np.random.default_rng(seed).permutation(values)) == paired(values)


@given(values=gaps, others=gaps)
def test_swapping_the_arms_mirrors_the_result(values: list[float], others: list[float]) -> None:
    there = paired_macro({"a": values, "b": others})
    back = paired_macro({"a": [-v for v in values], "b": [-v for v in others]})
    assert back.effect == -there.effect
    assert back.p == there.p
    assert back.low == -there.high  # type: ignore[operator]


@given(values=gaps, others=gaps)
def test_the_interval_excludes_zero_exactly_when_p_is_below_five_percent(
    values: list[float], others: list[float]
) -> None:
    result = paired_macro({"a": values, "b": others})
    if result.t is not None and result.p is not None and abs(result.p - 0.05) > 1e-9:
        assert (not result.low <= 0 <= result.high) == (result.p < 0.05)  # type: ignore[operator]


def null_gaps(rng: np.random.Generator, runs: int, items: int, mean: float) -> np.ndarray:
    """Item differences of two arms without a difference, 4 binary samples an item, ICC 0.5."""
    chance = rng.beta(mean, 1 - mean, size=(runs, items))
    return (rng.binomial(4, chance) - rng.binomial(4, chance)) / 4


def test_the_plain_test_rejects_a_true_null_one_time_in_twenty() -> None:
    p = np.array([paired(one).p for one in null_gaps(np.random.default_rng(4), 1500, 100, 0.5)], dtype=float)
    assert 0.035 <= np.mean(p <= 0.05) <= 0.065


def test_the_macro_test_rejects_a_true_null_one_time_in_twenty() -> None:
    rng = np.random.default_rng(5)
    shape = zip([40, 50, 40, 47, 50, 50], [0.9, 0.7, 0.8, 0.5, 0.2, 0.3], strict=True)
    runs = [null_gaps(rng, 1000, size, mean) for size, mean in shape]
    p = [paired_macro({str(j): run[i] for j, run in enumerate(runs)}).p for i in range(1000)]
    assert 0.03 <= np.mean(np.array(p, dtype=float) <= 0.05) <= 0.07


def test_pictures_taken_as_independent_would_reject_too_often() -> None:
    """Why the item is the unit: two arms on different items, each picture counted by itself."""
    rng = np.random.default_rng(6)
    arms = rng.binomial(4, rng.beta(0.5, 0.5, size=(2, 1000, 100)))
    pooled = arms.sum(axis=2) / 400
    z = (pooled[1] - pooled[0]) / np.sqrt((pooled * (1 - pooled) / 400).sum(axis=0))
    assert np.mean(np.abs(z) > 1.96) > 0.15
    by_item = [
        abs(mean_interval(b / 4).value - mean_interval(a / 4).value) for a, b in zip(*arms, strict=True)
    ]
    errors = [2 * (macro_interval({"a": a / 4, "b": b / 4}).se or 0) for a, b in zip(*arms, strict=True)]
    assert np.mean(np.array(by_item) > 1.96 * np.array(errors)) < 0.08
