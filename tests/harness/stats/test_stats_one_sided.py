"""A mean against a limit: Student's t where that is right, and right where it is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from selfreward_eval.harness.stats.one_sided import one_sided_test, without_spread


def test_without_skewness_it_is_scipy_s_t_test() -> None:
    half = np.abs(np.random.default_rng(0).normal(0.0, 0.3, 100))
    values = np.concatenate([half, -half]) + 0.01
    ours, theirs = one_sided_test({"": values}, -0.02, width=5.0), stats.ttest_1samp(values, -0.02)
    assert ours.passes == pytest.approx(theirs.pvalue / 2, abs=1e-9)
    assert ours.low == pytest.approx(theirs.confidence_interval(0.9).low, abs=1e-9)
    assert ours.high == pytest.approx(theirs.confidence_interval(0.9).high, abs=1e-9)


def test_over_strata_the_mean_is_unweighted() -> None:
    strata = {"a": [0.0, 0.2] * 30, "b": [0.4, 0.6] * 90}
    assert one_sided_test(strata, 0.0, width=1.0).value == pytest.approx(0.3)


@given(st.lists(st.sampled_from([-1.0, -0.5, -0.25, 0.0, 0.0, 0.25, 0.5]), min_size=50, max_size=120))
def test_a_small_p_is_a_bound_beyond_the_limit(values: list[float]) -> None:
    found = one_sided_test({"": values}, -0.05, width=1.0)
    assert found.passes is not None
    assert found.fails is not None
    assert found.low is not None
    assert found.high is not None
    assert (found.passes < 0.05) == (found.low > -0.05)
    assert (found.fails < 0.05) == (found.high < -0.05)
    assert found.low <= found.value <= found.high


@given(st.one_of(*(st.lists(st.floats(-1, 1), min_size=size, max_size=size + 8) for size in (2, 50))))
def test_the_other_way_round_everything_mirrors(values: list[float]) -> None:
    there = one_sided_test({"": values}, 0.1, width=1.0)
    back = one_sided_test({"": [-value for value in values]}, -0.1, width=1.0)
    if there.passes is None:
        assert back.passes is None
    else:
        assert back.fails == pytest.approx(there.passes, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("n", "margin"), [(60, 0.1), (100, 0.1), (300, 0.05), (553, 0.02), (553, 0.04)])
def test_losses_in_few_items_do_not_slip_through(n: int, margin: float) -> None:
    """Nothing but total losses, as many as the margin allows: t alone would pass up to 8 in 100."""
    rng = np.random.default_rng(1)
    draws = [-(rng.random(n) < margin).astype(float) for _ in range(1000)]
    wrong = sum((one_sided_test({"": one}, -margin, width=1.0).passes or 0.0) <= 0.05 for one in draws)
    assert wrong / 1000 <= 0.05 + 1.64 * 0.0069


def test_t_alone_would_let_them_through() -> None:
    rng = np.random.default_rng(1)
    draws = [-(rng.random(553) < 0.02).astype(float) for _ in range(1000)]
    wrong = sum(stats.ttest_1samp(one, -0.02, alternative="greater").pvalue <= 0.05 for one in draws)
    assert wrong / 1000 > 0.06


def test_few_units_have_to_pass_the_sign_flips_too() -> None:
    values = [0.0, 0.25, -0.25, 0.0, 0.25, 0.0, -0.25, 0.25] * 3
    few = one_sided_test({"": values}, -0.1, width=1.0)
    assert "the wider of both" in few.method
    assert few.low is not None
    flips = stats.permutation_test(
        (np.array(values) + 0.1,), np.mean, permutation_type="samples", alternative="greater", rng=0
    )
    assert few.passes == pytest.approx(max(flips.pvalue, few.passes or 0.0), abs=0.01)


def test_equal_units_leave_a_share_unseen() -> None:
    """With 59 items unchanged, one in twenty may still be lost; with 58 not quite shown."""
    assert one_sided_test({"": [0.0] * 59}, -0.05, width=1.0).passes == pytest.approx(0.95**59)
    assert (one_sided_test({"": [0.0] * 59}, -0.05, width=1.0).low or 0.0) > -0.05
    assert (one_sided_test({"": [0.0] * 58}, -0.05, width=1.0).low or 0.0) < -0.05


def test_the_smallest_stratum_decides_what_may_be_unseen() -> None:
    even = one_sided_test({"a": [0.0] * 40, "b": [0.0] * 40}, -0.05, width=1.0)
    odd = one_sided_test({"a": [0.0] * 70, "b": [0.0] * 10}, -0.05, width=1.0)
    assert (odd.low or 0.0) < (even.low or 0.0)


def test_without_spread_both_sides_answer() -> None:
    low, high, passes, fails = without_spread(-0.5, -0.1, 30, 0.05, 1.0)
    assert low < -0.5 < high < -0.1
    assert passes == 1.0
    assert fails < 0.05


def test_a_single_item_says_nothing() -> None:
    found = one_sided_test({"": [0.3]}, 0.0, width=1.0)
    assert (found.passes, found.low) == (None, None)


def test_clusters_count_once() -> None:
    values = [0.1, 0.1, -0.1, -0.1, 0.2, 0.2] * 20
    alone = one_sided_test({"": values}, -0.05, width=1.0)
    pairs = one_sided_test({"": values}, -0.05, width=1.0, clusters={"": [k // 2 for k in range(120)]})
    assert pairs.n == 60
    assert (pairs.low or 0.0) < (alone.low or 0.0)


def test_alpha_has_a_range() -> None:
    with pytest.raises(ValueError, match="alpha"):
        one_sided_test({"": [0.0, 1.0]}, 0.0, width=1.0, alpha=0.5)
