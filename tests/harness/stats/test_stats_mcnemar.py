"""McNemar's exact test and Tango's interval."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from statsmodels.stats.contingency_tables import mcnemar as theirs

from selfreward_eval.harness.stats.mcnemar import mcnemar, mcnemar_p, tango_interval


@pytest.mark.parametrize(("gained", "lost"), [(5, 0), (12, 3), (0, 1), (40, 60), (300, 250), (7, 7)])
def test_p_is_scipy_s_and_statsmodels_s(gained: int, lost: int) -> None:
    ours = mcnemar_p(gained, lost)
    assert ours == pytest.approx(stats.binomtest(gained, gained + lost, 0.5).pvalue, abs=1e-12)
    assert ours == pytest.approx(theirs([[50, lost], [gained, 50]], exact=True).pvalue, abs=1e-12)


def test_arms_that_never_disagree_have_p_one() -> None:
    result = mcnemar([0.0] * 20)
    assert (result.p, result.effect, result.t) == (1.0, 0.0, None)
    assert result.low == pytest.approx(-result.high)  # type: ignore[operator]
    assert result.high > 0.1  # type: ignore[operator]


def test_p_is_never_zero() -> None:
    assert mcnemar_p(5000, 0) > 0


def test_it_says_how_many_items_moved() -> None:
    result = mcnemar([1, 1, 1, -1, 0, 0])
    assert result.method == "exact McNemar"
    assert "3 items gained, 1 lost" in result.why


def test_item_means_are_refused() -> None:
    with pytest.raises(ValueError, match="one mark of 0 or 1"):
        mcnemar([0.5, 0.0, 1.0])


def test_a_single_item_has_an_effect_and_no_interval() -> None:
    result = mcnemar([1.0])
    assert (result.effect, result.p, result.se, result.low) == (1.0, 1.0, None, None)


def score_statistic(gained: int, lost: int, n: int, difference: float) -> float:
    """Tango's statistic with the nuisance found by maximising the likelihood numerically."""

    def loss(q: float) -> float:
        p = q + difference
        rest = 1 - p - q
        terms = ((gained, p), (lost, q), (n - gained - lost, rest))
        return -sum(k * np.log(max(share, 1e-300)) for k, share in terms if k)

    low, high = max(0.0, -difference), (1 - difference) / 2
    q = optimize.minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-12}).x
    return (gained - lost - n * difference) / np.sqrt(n * (2 * q + difference * (1 - difference)))


@pytest.mark.parametrize(("gained", "lost", "n"), [(12, 3, 40), (9, 7, 60), (30, 50, 553)])
def test_the_score_test_just_rejects_at_tango_s_ends(gained: int, lost: int, n: int) -> None:
    low, high = tango_interval(gained, lost, n)
    assert score_statistic(gained, lost, n, low) == pytest.approx(1.959964, abs=1e-4)
    assert score_statistic(gained, lost, n, high) == pytest.approx(-1.959964, abs=1e-4)


@given(gained=st.integers(0, 30), lost=st.integers(0, 30))
@settings(max_examples=60, deadline=None)
def test_the_interval_contains_zero_where_the_test_does_not_reject(gained: int, lost: int) -> None:
    result = mcnemar([1.0] * gained + [-1.0] * lost + [0.0] * 5)
    assert result.p is not None
    assert result.low is not None
    assert result.high is not None
    assert -1 <= result.low <= result.effect <= result.high <= 1
    if result.p > 0.05:
        assert result.low <= 0 <= result.high


def test_swapping_the_arms_mirrors_the_interval() -> None:
    low, high = tango_interval(12, 3, 40)
    assert tango_interval(3, 12, 40) == pytest.approx((-high, -low), abs=1e-9)


def test_counts_must_fit() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        tango_interval(5, 6, 10)
    with pytest.raises(ValueError, match="negative"):
        mcnemar_p(-1, 2)
