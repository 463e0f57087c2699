"""Prompts crossed with training runs: statsmodels' pieces, known limits, and refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.formula.api import ols
from statsmodels.stats.sandwich_covariance import cov_cluster_2groups

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.stats.crossed import method_claim, method_claim_of_arms
from selfreward_eval.harness.stats.paired import paired


def cells(prompts: int, runs: int, spread: float = 0.1, effect: float = 0.0, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (
        effect
        + 0.2 * rng.normal(size=(prompts, 1))
        + spread * rng.normal(size=(1, runs))
        + 0.35 * rng.normal(size=(prompts, runs))
    )


def test_both_errors_are_statsmodels_cluster_robust_ones() -> None:
    table = cells(40, 9)
    prompts, runs = np.divmod(np.arange(table.size), 9)
    fit = sm.OLS(table.ravel(), np.ones(table.size)).fit()
    _, by_prompt, by_run = cov_cluster_2groups(fit, prompts, runs)
    # statsmodels adds its own (n - 1) / (n - k) with k = 1, which is 1 here.
    ours = method_claim({"": table})
    assert ours.se_prompts**2 == pytest.approx(by_prompt[0, 0], rel=1e-8)
    assert ours.se_runs**2 == pytest.approx(by_run[0, 0], rel=1e-8)


def test_the_variance_is_that_of_the_analysis_of_variance() -> None:
    table = cells(40, 9)
    prompts, runs = np.divmod(np.arange(table.size), 9)
    frame = pd.DataFrame({"d": table.ravel(), "prompt": prompts, "run": runs})
    mean_squares = sm.stats.anova_lm(ols("d ~ C(prompt) + C(run)", frame).fit())["mean_sq"]
    by_prompt, by_run, by_cell = mean_squares
    ours = method_claim({"": table}).result
    total = by_prompt + by_run - by_cell
    assert by_run > by_cell  # Otherwise the library takes the larger one-way variance.
    assert ours.se == pytest.approx(np.sqrt(total / table.size), rel=1e-8)
    assert ours.df == pytest.approx(
        total**2 / (by_prompt**2 / 39 + by_run**2 / 8 + by_cell**2 / (39 * 8)), rel=1e-8
    )


def test_runs_that_differ_make_a_method_claim_harder_than_a_checkpoint_claim() -> None:
    table = cells(300, 5, spread=0.1, effect=0.08, seed=3)
    assert paired(table.mean(axis=1)).p < 0.01  # type: ignore[operator]
    claim = method_claim({"": table})
    assert claim.result.p > 0.05  # type: ignore[operator]
    assert claim.se_runs > claim.se_prompts


def test_banerjees_bound_has_no_t_and_df_that_would_give_another_p() -> None:
    result = method_claim({"": cells(300, 5, spread=0.1, effect=0.08, seed=3)}).result
    assert "Banerjee" in result.method
    assert (result.t, result.df) == (None, None)


def test_a_method_claim_from_one_run_is_refused() -> None:
    with pytest.raises(UsageError, match="two training runs or more, got one"):
        method_claim({"": cells(30, 1)})
    with pytest.raises(UsageError, match="before: "):
        method_claim_of_arms({"": cells(30, 1)}, {"": cells(30, 3)})


@pytest.mark.parametrize("runs", [2, 3, 4])
def test_few_runs_get_a_wider_interval_than_each_source_alone(runs: int) -> None:
    claim = method_claim({"": cells(60, runs)})
    half = claim.result.high - claim.result.effect  # type: ignore[operator]
    assert "Banerjee" in claim.result.method
    assert half > 1.96 * claim.se_prompts
    assert half > 1.96 * claim.se_runs


@pytest.mark.parametrize("runs", [2, 3, 8])
def test_the_interval_excludes_zero_exactly_when_p_is_below_five_percent(runs: int) -> None:
    for effect in np.linspace(0, 0.6, 13):
        result = method_claim({"": cells(60, runs, effect=effect)}).result
        assert (not result.low <= 0 <= result.high) == (result.p < 0.05)  # type: ignore[operator]


def test_one_stratum_split_in_equal_halves_keeps_the_effect() -> None:
    table = cells(40, 5)
    whole = method_claim({"": table}).result
    halves = method_claim({"a": table[:20], "b": table[20:]}).result
    assert halves.effect == pytest.approx(whole.effect)
    assert halves.n == whole.n


def test_an_untrained_first_arm_has_no_run_variance() -> None:
    before, after = cells(50, 1, spread=0), cells(50, 6, effect=0.2, seed=1)
    ours = method_claim_of_arms({"": before}, {"": after}, untrained_before=True)
    same = method_claim({"": after - before})
    assert ours.result.effect == pytest.approx(same.result.effect)
    assert ours.se_runs == pytest.approx(same.se_runs)
    assert ours.runs == (6,)


def test_two_trained_arms_add_their_run_variances() -> None:
    before, after = cells(50, 6, seed=1), cells(50, 8, seed=2)
    ours = method_claim_of_arms({"": before}, {"": after})
    expected = before.mean(axis=0).var(ddof=1) / 6 + after.mean(axis=0).var(ddof=1) / 8
    assert ours.se_runs**2 == pytest.approx(expected)
    assert ours.runs == (6, 8)


def test_runs_without_any_difference_are_not_tested() -> None:
    assert method_claim({"": np.zeros((10, 3))}).result.p == 1
    result = method_claim({"": np.full((10, 3), 0.5)}).result
    assert (result.p, result.method) == (None, "none")


def test_tables_must_be_complete() -> None:
    gap = cells(10, 3)
    gap[2, 1] = np.nan
    with pytest.raises(ValueError, match="has gaps"):
        method_claim({"": gap})
    with pytest.raises(ValueError, match="rows and runs as columns"):
        method_claim({"": [0.0, 1.0]})  # type: ignore[list-item]
    with pytest.raises(ValueError, match="different numbers of runs"):
        method_claim({"a": cells(10, 3), "b": cells(10, 2)})
    with pytest.raises(ValueError, match="different strata or prompts"):
        method_claim_of_arms({"": cells(10, 3)}, {"": cells(9, 3)})
    with pytest.raises(ValueError, match="single prompt in 'b'"):
        method_claim({"a": cells(10, 3), "b": cells(1, 3)})
    with pytest.raises(ValueError, match="has one column"):
        method_claim_of_arms({"": cells(10, 2)}, {"": cells(10, 3)}, untrained_before=True)
    with pytest.raises(ValueError, match="at least one stratum"):
        method_claim({})


def test_equal_arms_do_not_differ_by_the_rounding_of_their_means() -> None:
    scores = np.array([[0.1], [0.85], [0.7], [0.2]])

    claim = method_claim_of_arms({"": scores}, {"": scores.repeat(3, axis=1)}, untrained_before=True).result

    assert (claim.effect, claim.p, claim.method) == (0.0, 1.0, "none needed")
