"""Variance components, design effect and ratios: statsmodels, known answers, recovery of a known truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.formula.api import ols

from selfreward_eval.harness.stats.components import design_effect, paired_components, variance_components
from selfreward_eval.harness.stats.means import cluster_values, icc, mean_interval
from selfreward_eval.harness.stats.ratio import ratio_values


def test_the_design_effect_is_one_for_single_samples_and_m_for_copies() -> None:
    assert design_effect(0.7, 1) == 1
    assert design_effect(1.0, 4) == 4
    assert design_effect(-0.2, 4) == 1
    with pytest.raises(ValueError, match="at least one sample"):
        design_effect(0.5, 0)


def test_components_are_those_of_statsmodels_analysis_of_variance() -> None:
    rng = np.random.default_rng(0)
    groups = rng.normal(size=(30, 1)) + 0.5 * rng.normal(size=(30, 4))
    frame = pd.DataFrame({"y": groups.ravel(), "item": np.repeat(np.arange(30), 4)})
    table = sm.stats.anova_lm(ols("y ~ C(item)", frame).fit())
    between, within = table["mean_sq"]
    ours = variance_components(list(groups))
    assert ours.within == pytest.approx(within, rel=1e-8)
    assert ours.between == pytest.approx((between - within) / 4, rel=1e-8)
    assert icc(list(groups)) == pytest.approx((between - within) / (between + 3 * within), rel=1e-8)


def test_one_sample_per_item_cannot_be_split() -> None:
    ours = variance_components([[0.0], [1.0], [0.5]])
    assert (ours.between, ours.within) == (None, None)
    assert "one sample per item" in ours.why


def test_a_single_item_says_nothing_about_items() -> None:
    ours = variance_components([[0.0, 1.0]])
    assert (ours.between, ours.within) == (None, 0.5)
    assert "single item" in ours.why


def test_noise_below_nothing_is_nothing() -> None:
    assert variance_components([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]).between == 0


def simulated(common: bool) -> tuple[np.ndarray, np.ndarray]:
    """Two arms: items differ by sd 0.3 in their difference, pictures by sd 0.4, half of it shared."""
    rng = np.random.default_rng(1)
    shape = (4000, 5)
    item = rng.normal(size=(4000, 1))
    shared = rng.normal(size=shape)
    a = item + 0.4 * (np.sqrt(0.5) * shared + np.sqrt(0.5) * rng.normal(size=shape))
    other = shared if common else rng.normal(size=shape)
    b = item + 0.3 * rng.normal(size=(4000, 1))
    return a, b + 0.4 * (np.sqrt(0.5) * other + np.sqrt(0.5) * rng.normal(size=shape))


def test_independent_noise_adds() -> None:
    a, b = simulated(common=False)
    ours = paired_components(list(a), list(b), common_random_numbers=False)
    assert ours.omega2 == pytest.approx(0.09, rel=0.07)
    assert ours.noise == pytest.approx(0.32, rel=0.03)
    assert ours.variance == pytest.approx(ours.omega2 + ours.noise / 5, rel=1e-9)  # type: ignore[operator]


def test_common_random_numbers_cancel() -> None:
    a, b = simulated(common=True)
    ours = paired_components(list(a), list(b), common_random_numbers=True)
    assert ours.noise == pytest.approx(0.16, rel=0.03)
    assert ours.omega2 == pytest.approx(0.09, rel=0.07)
    # Taken for independent, the noise is counted twice and nothing is left for the items.
    assert paired_components(list(a), list(b), common_random_numbers=False).omega2 < ours.omega2  # type: ignore[operator]


def test_single_samples_leave_the_components_open() -> None:
    ours = paired_components([[0.0], [1.0]], [[1.0], [1.0]], common_random_numbers=True)
    assert (ours.omega2, ours.noise) == (None, None)
    assert ours.variance == 0.5
    assert ours.why


def test_arms_must_fit() -> None:
    with pytest.raises(ValueError, match="2 and 1 items"):
        paired_components([[0.0], [1.0]], [[1.0]], common_random_numbers=False)
    with pytest.raises(ValueError, match="same number in both arms"):
        paired_components([[0.0, 1.0]], [[1.0]], common_random_numbers=True)
    with pytest.raises(ValueError, match="at least one item"):
        variance_components([])
    with pytest.raises(ValueError, match="without a sample"):
        variance_components([[0.0], []])


def test_the_mean_of_ratio_values_is_the_ratio() -> None:
    rng = np.random.default_rng(2)
    scores, references = 6 + rng.normal(size=60), 8 + rng.normal(size=60)
    values = ratio_values(scores, references)
    assert np.mean(values) == pytest.approx(100 * scores.mean() / references.mean(), abs=1e-10)


def test_their_error_is_the_delta_method_s() -> None:
    rng = np.random.default_rng(3)
    scores = 6 + rng.normal(size=60)
    references = 8 + 0.5 * scores + rng.normal(size=60)
    ratio = scores.mean() / references.mean()
    (ss, sg), (_, gg) = np.cov(scores, references) / 60
    expected = 100 * np.sqrt(ss - 2 * ratio * sg + ratio**2 * gg) / references.mean()
    assert mean_interval(ratio_values(scores, references)).se == pytest.approx(expected, rel=1e-10)


def test_their_clustered_error_is_close_to_the_jackknife_s() -> None:
    rng = np.random.default_rng(4)
    names = np.repeat(np.arange(40), 3)
    shift = rng.normal(size=40)[names]
    scores, references = 6 + shift + rng.normal(size=120), 8 + 0.3 * rng.normal(size=120)
    left_out = [100 * scores[names != c].mean() / references[names != c].mean() for c in range(40)]
    jackknife = np.sqrt(39 / 40 * np.sum((left_out - np.mean(left_out)) ** 2))
    ours = mean_interval(cluster_values(ratio_values(scores, references), names.tolist())).se
    assert ours == pytest.approx(jackknife, rel=0.01)


def test_ratios_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match="mean of 0"):
        ratio_values([1.0, 2.0], [1.0, -1.0])
    with pytest.raises(ValueError, match="2 scores but 1"):
        ratio_values([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="at least one item"):
        ratio_values([], [])
