"""Judges corrected by people: formulas by hand, limits, coverage with a biased judge, and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.stats.means import mean_interval
from selfreward_eval.harness.stats.ppi import Labelled, discordant, ppi_difference, ppi_mean, ppi_strata


def test_the_estimate_is_the_formula() -> None:
    y = np.array([1.0, 0.0, 1.0, 1.0] * 3)
    f = np.array([0.91, 0.42, 0.73, 0.94, 0.85, 0.36, 0.77, 0.98, 0.69, 0.31, 0.82, 0.89])
    rest = np.array([0.8, 0.2, 0.6])
    covariance = np.cov(y, f)[0, 1]
    weight = covariance / ((1 + 12 / 3) * np.var(np.r_[f, rest], ddof=1))
    weight = min(max(weight, 0), 1)
    ours = ppi_mean(y, f, rest)
    assert ours.judge_weight == pytest.approx(weight)
    assert ours.value == pytest.approx(weight * rest.mean() + (y - weight * f).mean())
    variance = weight**2 * rest.var(ddof=1) / 3 + (y - weight * f).var(ddof=2) / 12
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
        assert ours.low is not None
        assert ours.high is not None
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
    assert ours.low is not None
    assert ours.high is not None
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


def test_with_few_labels_that_differ_from_the_judge_the_labels_speak_alone() -> None:
    human = [1.0] * 17 + [0.0] * 3
    found = ppi_mean(human, [1.0] * 18 + [0.0] * 2, [1.0] * 400 + [0.0] * 40, score_range=(0.0, 1.0))
    assert (found.judge_weight, found.discordant) == (0.0, 1)
    assert found.value == pytest.approx(0.85)
    assert "the labels speak alone" in found.why
    assert found.low is not None
    assert found.high is not None
    assert 0.55 < found.low < 0.75
    assert 0.9 < found.high <= 1


def test_labels_that_all_agree_have_an_interval_with_a_width() -> None:
    found = ppi_mean([1.0] * 20, [1.0] * 20, [1.0] * 400, score_range=(0.0, 1.0))
    assert found.low is not None
    assert found.low < 0.9


def test_a_judge_that_is_off_by_the_same_everywhere_is_no_discordant_one() -> None:
    assert discordant([1.0, 2.0, 3.0, 3.0], [2.0, 3.0, 4.0, 3.0]) == 1


def _stratum(rng: np.random.Generator, rate: float, labels: int, rest: int) -> Labelled:
    truth = (rng.random(labels + rest) < rate) * 1.0
    judge = np.where(rng.random(labels + rest) < 0.2, 1 - truth, truth)
    return Labelled(truth[:labels], judge[:labels], judge[labels:])


def test_one_stratum_is_the_plain_estimate() -> None:
    one = _stratum(np.random.default_rng(0), 0.6, 60, 200)
    assert ppi_strata({"": one}) == ppi_mean(one.human, one.judge, one.rest)


def test_a_mean_over_categories_covers_what_people_say() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(300):
        strata = {str(rate): _stratum(rng, rate, 25, 100) for rate in (0.3, 0.6, 0.9)}
        found = ppi_strata(strata, score_range=(0.0, 1.0))
        covered += found.low <= 0.6 <= found.high  # type: ignore[operator]
    assert covered >= 0.92 * 300


def test_a_category_without_labels_is_named() -> None:
    rng = np.random.default_rng(2)
    strata = {"a": _stratum(rng, 0.5, 20, 50), "b": _stratum(rng, 0.5, 2, 50)}
    with pytest.raises(UsageError, match="5 labels or more in each: b has 2"):
        ppi_strata(strata)
