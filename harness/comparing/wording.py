"""What every table and page says in the same words beside intervals and p-values."""

from __future__ import annotations

from collections.abc import Iterable
from math import isclose

from selfreward_eval.harness.comparing.records import ALPHA, Contrast

__all__ = ["UNADJUSTED_INTERVALS", "differ", "interval_note", "t_freedom"]

UNADJUSTED_INTERVALS = (
    "Each 95 % interval holds by itself and is not adjusted, so one may leave out 0 beside an adjusted p "
    "above 0.05; the verdict goes by the adjusted p."
)


def interval_note(contrasts: Iterable[Contrast | None]) -> str:
    """:data:`UNADJUSTED_INTERVALS` where an interval without 0 stands beside an adjusted p above 0.05, else
    empty."""
    known = (one for one in contrasts if one is not None)
    return UNADJUSTED_INTERVALS if any(differ(one.low, one.high, one.p_adjusted) for one in known) else ""


def differ(low: float | None, high: float | None, p_adjusted: float | None) -> bool:
    """Whether an interval leaves out 0 beside an adjusted p above 0.05."""
    if p_adjusted is None or low is None or high is None:
        return False
    return p_adjusted > ALPHA and not low <= 0 <= high


def t_freedom(contrast: Contrast) -> float | None:
    """The degrees of freedom to print beside the p-value: only those that give it with ``t``.

    Sign flips, McNemar's test and Banerjee's bound have p-values of their own; degrees of freedom beside them
    would let a reader compute another p than the one printed.
    """
    from scipy.special import stdtr

    if contrast.t is None or contrast.df is None or contrast.p is None:
        return None
    by_t = 2 * float(stdtr(contrast.df, -abs(contrast.t)))
    # p-values are kept above a smallest number, so tiny ones need not agree in every digit.
    return contrast.df if isclose(by_t, contrast.p, rel_tol=1e-6, abs_tol=1e-12) else None
