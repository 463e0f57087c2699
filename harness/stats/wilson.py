"""Intervals for a share of right answers: Wilson's, and a form of it for several pictures per item.

>>> share = wilson(8, 10)
>>> round(share.low, 3), round(share.high, 3)
(0.49, 0.943)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from selfreward_eval.harness.stats.components import design_effect
from selfreward_eval.harness.stats.means import Values, flatten, icc, t_quantile

__all__ = ["Proportion", "wilson", "wilson_clustered"]


@dataclass(frozen=True)
class Proportion:
    """A share with its interval.

    Attributes:
        value: the share, in [0, 1].
        low: lower end, in [0, 1].
        high: upper end, in [0, 1].
        n: samples.
        effective_n: independent samples that would tell as much.
        method: how the interval was made.
        approximate: whether ``effective_n`` was estimated, so that the coverage holds only roughly.
    """

    value: float
    low: float
    high: float
    n: int
    effective_n: float
    method: str
    approximate: bool


def wilson(successes: int, n: int, level: float = 0.95) -> Proportion:
    """Wilson's score interval for independent samples: one right-or-wrong picture per item.

    Args:
        successes: samples that are right, in [0, n].
        n: samples, >= 1.
        level: coverage, in (0, 1).

    Raises:
        ValueError: counts that do not fit, or a level outside (0, 1).
    """
    from scipy.special import ndtri

    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is not a share")
    low, high = _score_interval(successes / n, n, float(ndtri(_upper(level))))
    return Proportion(successes / n, low, high, n, n, "Wilson", approximate=False)


def wilson_clustered(groups: Sequence[Values], level: float = 0.95) -> Proportion:
    """Wilson's interval with the effective number of samples, an approximation.

    The samples are worth n / DEFF independent ones, DEFF = 1 + (m - 1) ICC for m per item. An ICC
    below 0 is taken as 0, one that cannot be estimated (all samples agree) as 1: then only the
    number of items counts. Student's t on G - 1 degrees of freedom stands in for the normal
    quantile, since the ICC comes from G items.

    Args:
        groups: the marks of every item, each 0 or 1, shapes (m_p,), m_p >= 1; two items or more.
        level: coverage, in (0, 1).

    Raises:
        ValueError: fewer than two items, an empty one, a mark other than 0 and 1, or a level outside (0, 1).
    """
    marks, sizes = flatten(groups)
    if len(sizes) < 2 or sizes.min() == 0:
        raise ValueError("an interval over items needs two or more of them, each with a sample")
    if not ((marks == 0) | (marks == 1)).all():
        raise ValueError("Wilson's interval is for marks of 0 and 1")
    n, share = len(marks), float(marks.mean())
    correlation = icc(groups)
    effect = design_effect(1.0 if correlation is None else correlation, n / len(groups))
    effective = n / effect
    low, high = _score_interval(share, effective, t_quantile(float(len(groups) - 1), _upper(level)))
    method = "Wilson with the effective number of samples (approximation)"
    return Proportion(share, low, high, n, effective, method, approximate=True)


def _upper(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    return 0.5 + level / 2


def _score_interval(share: float, n: float, quantile: float) -> tuple[float, float]:
    weight = quantile**2 / n
    centre = (share + weight / 2) / (1 + weight)
    half = sqrt(weight * (share * (1 - share) + weight / 4)) / (1 + weight)
    # At no or only successes one end is exact.
    return (0.0 if share == 0 else max(0.0, centre - half)), (1.0 if share == 1 else min(1.0, centre + half))
