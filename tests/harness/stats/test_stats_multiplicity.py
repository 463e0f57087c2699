"""Adjusted p-values: scipy's, statsmodels', and their laws."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from selfreward_eval.harness.stats.multiplicity import benjamini_hochberg, benjamini_yekutieli, holm

families = st.lists(st.floats(1e-12, 1.0), min_size=1, max_size=12)


@given(p=families)
@settings(max_examples=15, deadline=None)  # statsmodels takes its time.
def test_holm_is_statsmodels_s(p: list[float]) -> None:
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1].tolist(), rel=1e-10)


@given(p=families)
def test_false_discovery_control_is_scipy_s(p: list[float]) -> None:
    ours, by = benjamini_hochberg(p), benjamini_yekutieli(p)
    assert ours == pytest.approx(stats.false_discovery_control(p, method="bh").tolist(), rel=1e-10)
    assert by == pytest.approx(stats.false_discovery_control(p, method="by").tolist(), rel=1e-10)


@given(p=families)
def test_an_adjusted_p_is_no_smaller_and_keeps_the_order(p: list[float]) -> None:
    for method in (holm, benjamini_hochberg, benjamini_yekutieli):
        adjusted = [one for one in method(p) if one is not None]
        assert all(
            0 < before <= after * (1 + 1e-12) <= 1 + 1e-9 for before, after in zip(p, adjusted, strict=True)
        )
        order = sorted(range(len(p)), key=p.__getitem__)
        assert all(adjusted[i] <= adjusted[j] for i, j in pairwise(order))


@pytest.mark.parametrize("method", [holm, benjamini_hochberg, benjamini_yekutieli])
def test_a_test_that_was_not_possible_still_belongs_to_the_family(method: object) -> None:
    adjusted = method([0.01, None, 0.02])  # type: ignore[operator]
    complete = method([0.01, 1.0, 0.02])  # type: ignore[operator]
    assert adjusted[1] is None
    assert (adjusted[0], adjusted[2]) == (complete[0], complete[2])


def test_an_empty_family_stays_empty() -> None:
    assert holm([]) == benjamini_hochberg([]) == benjamini_yekutieli([]) == []


@pytest.mark.parametrize("p", [0.0, -0.1, 1.1, float("nan")])
def test_what_is_no_p_value_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match="a p-value lies above 0"):
        holm([0.5, p])
