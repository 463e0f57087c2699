"""Judges corrected by people: formulas by hand, limits, coverage with a biased judge, and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.stats.means import mean_interval
from selfreward_eval.harness.stats.ppi import ppi_difference, ppi_mean


def test_the_estimate_is_the_formula() -> None:
    y, f, rest = np.array([1.0, 0.0, 1.0, 1.0]), np.array([0.9, 0.4, 0.7, 0.9]), np.array([0.8, 0.2, 0.6])
    covariance = np.cov(y, f)[0, 1]
    weight = covariance / ((1 + 4 / 3) * np.var(np.r_[f, rest], ddof=1))
    weight = min(max(weight, 0), 1)
    ours = ppi_mean(y, f, rest)
    assert ours.judge_weight == pytest.approx(weight)
    assert ours.value == pytest.approx(weight * rest.mean() + (y - weight * f).mean())
    variance = weight**2 * rest.var(ddof=1) / 3 + (y - weight * f).var(ddof=2) / 4
    assert ours.se == pytest.approx(np.sqrt(variance))


def test_a_judge_that_follows_nobody_is_ignored() -> None:
    y = np.random.default_rng(0).random(40)
    people = mean_interval(y)
    for judge in (np.full(40, 0.5), -y):
        ours = ppi_mean(y, judge, np.full(100, 0.5))
        assert ours.judge_weight == 0
        assert (ours.value, ours.se) == pytest.approx((people.value, people.se))


def test_a_good_judge_narrows_the_interval() -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(1100)
    judge = truth + 0.1 + 0.05 * rng.normal(size=1100)
    ours = ppi_mean(truth[:100], judge[:100], judge[100:])
    assert ours.judge_weight > 0.8
    assert ours.high - ours.low < 0.5 * (ours.human_only.high - ours.human_only.low)  # type: ignore[operator]


def test_the_bias_of_the_judge_is_reported() -> None:
    rng = np.random.default_rng(2)
    y = rng.random(60)
    ours = ppi_mean(y, y + 0.1, rng.random(200) + 0.1)
    assert ours.bias.value == pytest.approx(0.1)
    assert ours.judge_only == pytest.approx(0.6, abs=0.05)


def test_a_biased_judge_is_corrected_19_times_in_20() -> None:
    rng = np.random.default_rng(3)
    covered, judge_alone = 0, 0
    for _ in range(1500):
        y = rng.binomial(4, rng.beta(2, 1, size=450)) / 4
        f = y + 0.08 + 0.15 * rng.normal(size=450)
        ours = ppi_mean(y[:50], f[:50], f[50:])
        covered += ours.low <= 2 / 3 <= ours.high
        alone = mean_interval(f)
        judge_alone += alone.low <= 2 / 3 <= alone.high  # type: ignore[operator]
    assert covered / 1500 >= 0.935
    assert judge_alone / 1500 < 0.1


def test_a_bias_that_training_moved_is_found_with_labels_on_both_arms() -> None:
    rng = np.random.default_rng(4)
    truth = rng.random((2, 500))
    judge = truth + np.array([[0.05], [0.15]]) + 0.05 * rng.normal(size=(2, 500))
    ours = ppi_difference(
        (truth[0, :200], truth[1, :200]), (judge[0, :200], judge[1, :200]), (judge[0, 200:], judge[1, 200:])
    )
    real = float((truth[1] - truth[0]).mean())
    assert ours.low <= real <= ours.high
    assert ours.bias.value == pytest.approx(0.1, abs=0.02)
    assert ours.judge_only == pytest.approx(real + 0.1, abs=0.02)


@pytest.mark.parametrize("human", [([0.5, 0.5, 1.0], None), (None, [0.5, 0.5, 1.0]), ([0.5, 0.5, 1.0], [])])
def test_labels_on_one_arm_are_refused(human: tuple[list[float] | None, list[float] | None]) -> None:
    judge = ([0.1, 0.2, 0.3], [0.2, 0.3, 0.4])
    with pytest.raises(UsageError, match="arm has no human labels; label the same prompts in both"):
        ppi_difference(human, judge, judge)


def test_labels_and_judge_must_fit() -> None:
    with pytest.raises(UsageError, match="three labelled and two unlabelled"):
        ppi_mean([0.5, 0.6], [0.5, 0.6], [0.5, 0.6])
    with pytest.raises(ValueError, match="2 labels but 3"):
        ppi_mean([0.5, 0.6], [0.5, 0.6, 0.7], [0.5, 0.6])
    with pytest.raises(ValueError, match="2 and 3 labels"):
        ppi_difference(([0.5, 0.6], [0.5, 0.6, 0.7]), ([0.0, 1.0], [0.0, 1.0]), ([0.0, 1.0], [0.0, 1.0]))
