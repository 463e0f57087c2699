"""p-values adjusted for multiple testing.

A family is the set of hypotheses that a claim could rest on, declared before looking. For "at
least one task improved" use :func:`holm`; for exploring many cells
:func:`benjamini_hochberg`, or :func:`benjamini_yekutieli` where they may depend on
each other in any way. "No task got worse" needs no correction: every gate has to
pass (intersection-union test, Berger 1982).

A hypothesis without a p-value (None) stays in the family as if its p were 1: leaving it
out would make the other adjusted p-values too small.

>>> holm([0.01, 0.04, 0.03])
[0.03, 0.06, 0.06]
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum

__all__ = ["benjamini_hochberg", "benjamini_yekutieli", "holm"]


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's adjusted p-values: reject those <= alpha and the chance of any false one is <= alpha.

    In ascending order the i-th of K becomes max over j <= i of min(1, (K - j + 1) p_j) (Holm 1979).

    Args:
        p_values: each in (0, 1], or None where no test was possible.

    Returns:
        In the same order, each in (0, 1]; None stays None.

    Raises:
        ValueError: a p-value outside (0, 1].
    """
    count = len(p_values)
    adjusted: list[float | None] = [None] * count
    largest = 0.0
    for rank, (p, place) in enumerate(_ascending(p_values)):
        largest = max(largest, min(1.0, (count - rank) * p))
        adjusted[place] = largest
    return adjusted


def benjamini_hochberg(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjusted p-values that bound the expected share of false findings, for independent
    or positively dependent hypotheses (Benjamini & Hochberg 1995).

    Arguments, result and errors as for :func:`holm`.
    """
    return _step_up(p_values, 1.0)


def benjamini_yekutieli(p_values: Sequence[float | None]) -> list[float | None]:
    """The same under any dependence, larger by 1 + 1/2 + ... + 1/K (Benjamini & Yekutieli 2001).

    Arguments, result and errors as for :func:`holm`.
    """
    return _step_up(p_values, fsum(1 / k for k in range(1, len(p_values) + 1)))


def _step_up(p_values: Sequence[float | None], factor: float) -> list[float | None]:
    """min over j >= i of min(1, factor K p_j / j), for the i-th smallest."""
    count = len(p_values)
    adjusted: list[float | None] = [None] * count
    smallest = 1.0
    for rank, (p, place) in reversed(list(enumerate(_ascending(p_values), 1))):
        smallest = min(smallest, factor * count * p / rank)
        adjusted[place] = smallest
    return adjusted


def _ascending(p_values: Sequence[float | None]) -> list[tuple[float, int]]:
    """The p-values from small to large with their places, those that are None left out."""
    known = [(float(p), place) for place, p in enumerate(p_values) if p is not None]
    for p, _ in known:
        if not 0 < p <= 1:
            raise ValueError(f"a p-value lies above 0 and at most at 1, got {p}")
    return sorted(known)
