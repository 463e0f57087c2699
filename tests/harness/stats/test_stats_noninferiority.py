"""Gates: three verdicts, scipy's and statsmodels' p-values, and what it would take to decide."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from selfreward_eval.harness.stats.means import mean_interval
from selfreward_eval.harness.stats.noninferiority import Verdict, non_inferiority
from selfreward_eval.harness.stats.paired import paired
from selfreward_eval.harness.stats.power import power


def gaps(mean: float, n: int = 200, sd: float = 0.3) -> np.ndarray:
    d = np.random.default_rng(0).normal(size=n)
    return mean + sd * (d - d.mean()) / d.std(ddof=1)


@pytest.mark.parametrize(
    ("mean", "verdict"),
    [(0.0, Verdict.PASS), (0.02, Verdict.PASS), (-0.2, Verdict.FAIL), (-0.05, Verdict.INCONCLUSIVE)],
)
def test_the_three_verdicts(mean: float, verdict: Verdict) -> None:
    assert non_inferiority(paired(gaps(mean)), margin=0.05).verdict is verdict


def test_p_and_bound_are_scipy_s() -> None:
    d = gaps(-0.01)
    ours = non_inferiority(paired(d), margin=0.05)
    theirs = stats.ttest_1samp(d, -0.05, alternative="greater")
    assert ours.p == pytest.approx(theirs.pvalue, abs=1e-10)
    assert ours.low == pytest.approx(theirs.confidence_interval(0.95).low, abs=1e-10)


def test_a_verdict_is_its_p_value() -> None:
    for mean in np.linspace(-0.06, 0.0, 13):
        ours = non_inferiority(paired(gaps(mean)), margin=0.05)
        assert (ours.verdict is Verdict.PASS) == (ours.p < 0.05)  # type: ignore[operator]


def test_lower_is_better_turns_the_sign() -> None:
    worse = paired(gaps(0.2))
    assert non_inferiority(worse, margin=0.05, higher_is_better=False).verdict is Verdict.FAIL
    assert non_inferiority(worse, margin=0.05).verdict is Verdict.PASS


def test_the_needed_number_gives_the_wanted_power() -> None:
    ours = non_inferiority(paired(gaps(-0.05, n=60)), margin=0.05)
    assert ours.verdict is Verdict.INCONCLUSIVE
    assert ours.needed_n is not None
    assert power(0.05, 0.3, ours.needed_n, sided=1) == pytest.approx(0.8, abs=0.005)
    assert f"about {ours.needed_n} would do" in ours.why


def test_a_score_s_interval_can_be_gated_too() -> None:
    assert non_inferiority(mean_interval(gaps(0.0)), margin=0.05).verdict is Verdict.PASS


def test_equal_arms_are_not_certainty() -> None:
    same = paired([0.0] * 50)
    ours = non_inferiority(same, margin=0.1, largest=1.0)
    # With 50 items, up to 5.8 % of all prompts may still be worse, by as much as 1.
    assert ours.low == pytest.approx(-(1 - 0.05 ** (1 / 50)))
    assert ours.verdict is Verdict.PASS
    assert ours.p == pytest.approx(0.9**50)
    assert non_inferiority(same, margin=0.05, largest=1.0).verdict is Verdict.INCONCLUSIVE
    assert non_inferiority(same, margin=0.1).verdict is Verdict.INCONCLUSIVE


def test_a_single_item_decides_nothing() -> None:
    ours = non_inferiority(paired([0.5]), margin=0.1)
    assert (ours.verdict, ours.low, ours.p, ours.needed_n) == (Verdict.INCONCLUSIVE, None, None, None)


def test_no_margin_is_no_gate() -> None:
    with pytest.raises(ValueError, match="above 0"):
        non_inferiority(paired([0.0, 1.0]), margin=0.0)
    with pytest.raises(ValueError, match="alpha"):
        non_inferiority(paired([0.0, 1.0]), margin=0.1, alpha=0.7)
