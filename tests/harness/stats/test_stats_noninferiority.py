"""Gates: three verdicts, scipy's and statsmodels' p-values, and what it would take to decide."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from selfreward_eval.harness.stats.noninferiority import Verdict, equivalence, non_inferiority
from selfreward_eval.harness.stats.power import power

MARGIN = 0.05


def gaps(mean: float, n: int = 200, sd: float = 0.3) -> dict[str, np.ndarray]:
    """Differences without skewness, where the test is Student's."""
    half = np.abs(np.random.default_rng(0).normal(size=n // 2))
    d = np.concatenate([half, -half])
    return {"": mean + sd * d / d.std(ddof=1)}


def rare(n: int, share: float, size: float, seed: int) -> dict[str, np.ndarray]:
    """Nothing but losses of ``size`` in a share of the items."""
    return {"": -size * (np.random.default_rng(seed).random(n) < share)}


@pytest.mark.parametrize(
    ("mean", "verdict"),
    [(0.0, Verdict.PASS), (0.02, Verdict.PASS), (-0.2, Verdict.FAIL), (-0.05, Verdict.INCONCLUSIVE)],
)
def test_the_three_verdicts(mean: float, verdict: Verdict) -> None:
    assert non_inferiority(gaps(mean), MARGIN, width=1.0).verdict is verdict


def test_p_and_bound_are_scipy_s() -> None:
    d = gaps(-0.01)
    ours = non_inferiority(d, MARGIN, width=1.0)
    theirs = stats.ttest_1samp(d[""], -MARGIN, alternative="greater")
    assert ours.p == pytest.approx(theirs.pvalue, abs=1e-10)
    assert ours.low == pytest.approx(theirs.confidence_interval(0.95).low, abs=1e-10)


def test_a_verdict_is_its_p_value() -> None:
    for mean in np.linspace(-0.06, 0.0, 13):
        ours = non_inferiority(gaps(mean), MARGIN, width=1.0)
        assert (ours.verdict is Verdict.PASS) == (ours.p < 0.05)  # type: ignore[operator]


def test_lower_is_better_turns_the_sign() -> None:
    worse = gaps(0.2)
    assert non_inferiority(worse, MARGIN, width=1.0, higher_is_better=False).verdict is Verdict.FAIL
    assert non_inferiority(worse, MARGIN, width=1.0).verdict is Verdict.PASS


def test_the_needed_number_gives_the_wanted_power() -> None:
    ours = non_inferiority(gaps(-0.05, n=60), MARGIN, width=1.0)
    assert ours.verdict is Verdict.INCONCLUSIVE
    assert ours.needed_n is not None
    assert power(0.05, 0.3, ours.needed_n, sided=1) == pytest.approx(0.8, abs=0.005)
    assert f"about {ours.needed_n} would do" in ours.why


def test_equal_arms_are_not_certainty() -> None:
    same = {"": [0.0] * 50}
    ours = non_inferiority(same, 0.1, width=1.0)
    # With 50 items, up to 5.8 % of all prompts may still be worse, by as much as 1.
    assert ours.low == pytest.approx(-(1 - 0.05 ** (1 / 50)))
    assert ours.verdict is Verdict.PASS
    assert ours.p == pytest.approx(0.9**50)
    assert non_inferiority(same, MARGIN, width=1.0).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("n", "size", "marks", "t_test"),
    [
        (300, 1.0, True, 0.15),
        (300, 1.0, False, 0.15),
        (240, 0.5, False, 0.11),
        (553, 1.0, True, 0.06),
        (553, 1.0, False, 0.06),
    ],
)
def test_rare_losses_as_large_as_the_margin_are_seldom_let_through(
    n: int, size: float, marks: bool, t_test: float
) -> None:
    """Student's t passes 20, 14 and 8.5 in 100 of these, because so few losses are seen."""
    samples = [rare(n, 0.01 / size, size, seed) for seed in range(400)]
    passed = sum(
        non_inferiority(one, 0.01, width=1.0, marks=marks).verdict is Verdict.PASS for one in samples
    )
    assert passed / 400 <= 0.05 + 2.5 * 0.011
    plain = sum(stats.ttest_1samp(one[""], -0.01, alternative="greater").pvalue <= 0.05 for one in samples)
    assert plain / 400 > t_test


def test_arms_a_little_apart_are_equivalent_and_those_a_margin_apart_are_not() -> None:
    assert equivalence(gaps(0.005), MARGIN, width=1.0).verdict is Verdict.PASS
    assert equivalence(gaps(-0.05), MARGIN, width=1.0).verdict is Verdict.INCONCLUSIVE
    assert equivalence(gaps(0.2), MARGIN, width=1.0).verdict is Verdict.FAIL
    assert equivalence({"": [0.5]}, MARGIN, width=1.0).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_rare_changes_as_large_as_the_margin_are_seldom_called_equivalent(sign: float) -> None:
    samples = [{"": sign * rare(300, 0.01, 1.0, seed)[""]} for seed in range(400)]
    found = sum(equivalence(one, 0.01, width=1.0).verdict is Verdict.PASS for one in samples)
    assert found / 400 <= 0.05 + 2.5 * 0.011


def test_a_single_item_decides_nothing() -> None:
    ours = non_inferiority({"": [0.5]}, 0.1, width=1.0)
    assert (ours.verdict, ours.low, ours.p, ours.needed_n) == (Verdict.INCONCLUSIVE, None, None, None)


def test_no_margin_is_no_gate() -> None:
    with pytest.raises(ValueError, match="above 0"):
        non_inferiority({"": [0.0, 1.0]}, 0.0, width=1.0)
    with pytest.raises(ValueError, match="alpha"):
        non_inferiority({"": [0.0, 1.0]}, 0.1, width=1.0, alpha=0.7)
