"""Two one-sided tests of a mean gain against a limit, each with its confidence bound.

A margin of 0.02 is tested against the limit -0.02, a required improvement of 0.02 against +0.02.

Differences can be very skewed: if few items change and all of these get worse, Student's t passes
a loss at the margin 8 times in 100 instead of 5. Hall's cubic transformation (1992, JRSS B
54:221-228, "On the removal of skewness by transformation") corrects t for the estimated skewness;
for symmetric differences it changes nothing. Below 50 units the sign-flip test has to agree. Where
no difference varies there is no standard error; the bound is then on the share of the population
that may differ: at most 1 - alpha^(1 / n) after n items without a difference. One right-or-wrong
mark per item is counted instead (:mod:`selfreward_eval.harness.stats.one_sided_marks`).

Gates, guards of a training run and :func:`selfreward_eval.harness.stats.noninferiority.equivalence`
all decide by this one rule.

>>> one_sided_test({"": [0.0, 0.25, -0.25, 0.0] * 50}, -0.05, width=1.0).passes < 0.05
True
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import copysign, fsum

from selfreward_eval.harness.stats.choosing import FEW_UNITS, few_in
from selfreward_eval.harness.stats.means import (
    Interval,
    Values,
    cluster_values,
    macro_interval,
    mean_and_variance,
    mean_interval,
    t_quantile,
)
from selfreward_eval.harness.stats.one_sided_marks import marks_against
from selfreward_eval.harness.stats.paired import SMALLEST_P
from selfreward_eval.harness.stats.permutation import sign_flip

__all__ = ["OneSided", "one_sided_test", "without_spread"]


@dataclass(frozen=True)
class OneSided:
    """Both one-sided tests of a mean against a limit.

    Attributes:
        value: the mean.
        se: its standard error, or None.
        low: the mean is above this with confidence 1 - alpha; None without a standard error.
        high: it is below this, likewise.
        passes: p-value of "at the limit or below", in (0, 1]; small means above. None likewise.
        fails: p-value of "at the limit or above", likewise.
        n: independent units.
        method: the test.
        why: why this one, or why none.
    """

    value: float
    se: float | None
    low: float | None
    high: float | None
    passes: float | None
    fails: float | None
    n: int
    method: str
    why: str


def one_sided_test(
    strata: Mapping[str, Values],
    limit: float,
    *,
    width: float,
    alpha: float = 0.05,
    clusters: Mapping[str, Sequence[Hashable]] | None = None,
    marks: bool = False,
) -> OneSided:
    """Tests the mean (over several strata: their unweighted mean) against ``limit``.

    Args:
        strata: name -> item gains, larger is better, shape (G_j,), G_j >= 1.
        limit: that the mean is tested against.
        width: of the metric's range: the largest gain or loss an item can have.
        alpha: of each bound, in (0, 0.5).
        clusters: name -> the cluster of every item, or None where each item is its own.
        marks: whether every gain is the difference of two single marks of 0 or 1.

    Raises:
        ValueError: no strata, an empty one, alpha out of range, or gains of marks other than -1, 0 and 1.
    """
    if not 0 < alpha < 0.5:
        raise ValueError(f"alpha must lie in (0, 0.5), got {alpha}")
    units: dict[str, Values] = {
        name: values if clusters is None else cluster_values(values, clusters[name])
        for name, values in strata.items()
    }
    first, *others = units.values()
    interval = macro_interval(units) if others else mean_interval(first)
    if interval.se is None or interval.df is None:
        return OneSided(
            interval.value, None, None, None, None, None, interval.n, "none",
            "a single item says nothing about how items vary",
        )  # fmt: skip
    if marks and width == 1 and not others and interval.n == sum(map(len, strata.values())):
        found = marks_against(first, limit, alpha)
        return OneSided(
            interval.value, interval.se, found.low, found.high, found.passes, found.fails, interval.n,
            "score test of paired marks (Tango), not below the binomial tail", found.why,
        )  # fmt: skip
    few = few_in(units)
    if few:
        return OneSided(interval.value, interval.se, None, None, None, None, interval.n, "none", few)
    if interval.se == 0:
        # A share of the population that was not seen weighs most in the smallest stratum.
        count = len(units) * min(len(values) for values in units.values())
        low, high, passes, fails = without_spread(interval.value, limit, count, alpha, width)
        return OneSided(
            interval.value, 0.0, low, high, passes, fails, interval.n, "bound on the unseen share",
            f"none of {interval.n} units differs from another, so there is no standard error to test by",
        )  # fmt: skip
    hall = _hall_test(units, interval, limit, alpha)
    return hall if interval.n >= FEW_UNITS else _with_sign_flips(hall, strata, clusters, limit, alpha)


def without_spread(
    value: float, limit: float, n: int, alpha: float, width: float
) -> tuple[float, float, float, float]:
    """low, high, passes and fails where all n units have the same ``value``.

    A share q of the population may have other values, at most ``width`` from 0; a share
    q > 1 - alpha^(1 / n) would have been sampled with probability 1 - alpha. A p-value is the alpha whose
    bound equals the limit.
    """
    unseen = 1 - alpha ** (1 / n)

    def p_value(beyond: float, reach: float) -> float:
        share = min(max(beyond / reach, 0.0), 1.0) if reach > 0 else 0.0
        return max((1 - share) ** n, SMALLEST_P)

    return (
        (1 - unseen) * value - unseen * width,
        (1 - unseen) * value + unseen * width,
        p_value(value - limit, value + width),
        p_value(limit - value, width - value),
    )


def _hall_test(units: Mapping[str, Values], interval: Interval, limit: float, alpha: float) -> OneSided:
    from scipy.special import stdtr

    assert interval.se is not None
    assert interval.df is not None
    skewness = _skewness(units, interval.se)
    # Beyond 1e30 the p-value no longer changes, and the cube has to stay finite.
    t = _hall_transform(max(-1e30, min((interval.value - limit) / interval.se, 1e30)), skewness)
    critical = t_quantile(interval.df, 1 - alpha)
    return OneSided(
        value=interval.value,
        se=interval.se,
        low=interval.value - interval.se * _hall_inverse(critical, skewness),
        high=interval.value - interval.se * _hall_inverse(-critical, skewness),
        passes=_p_value(float(stdtr(interval.df, -t))),
        fails=_p_value(float(stdtr(interval.df, t))),
        n=interval.n,
        method="t without skewness (Hall)" + (", Satterthwaite df" if len(units) > 1 else ""),
        why=f"{interval.n} units are enough for t once the skewness of their mean ({skewness:+.2f}) "
        "is taken out",
    )


def _skewness(units: Mapping[str, Values], se: float) -> float:
    """The skewness of the (macro) mean: sum of m3_j / (K^3 G_j^2) over its standard error cubed."""
    import numpy as np

    third = []
    for values in units.values():
        numbers = np.asarray(values, dtype=float)
        n, (mean, _) = len(numbers), mean_and_variance(values)
        unbiased = n / ((n - 1) * (n - 2)) if n > 2 else 1 / n
        # In units of the standard error, because cubes of tiny numbers would underflow to 0.
        cubes = fsum((((numbers - mean) / se) ** 3).tolist())
        third.append(unbiased * cubes / (len(units) ** 3 * n**2))
    return fsum(third)


def _hall_transform(t: float, a: float) -> float:
    """t + a t^2 / 3 + a^2 t^3 / 27 + a / 6 for a mean of skewness ``a``; it rises with t."""
    return t + a * t**2 / 3 + a**2 * t**3 / 27 + a / 6


def _hall_inverse(g: float, a: float) -> float:
    """The t whose :func:`_hall_transform` is ``g``."""
    if abs(a) < 1e-9:
        return g
    inside = 1 + a * (g - a / 6)
    return 3 / a * (copysign(abs(inside) ** (1 / 3), inside) - 1)


def _with_sign_flips(
    hall: OneSided,
    strata: Mapping[str, Values],
    clusters: Mapping[str, Sequence[Hashable]] | None,
    limit: float,
    alpha: float,
) -> OneSided:
    """The more conservative of ``hall`` and the sign-flip test of the limit, at each end: for few units
    neither alone keeps its level."""
    shifted = {name: [float(value) - limit for value in values] for name, values in strata.items()}
    flips = sign_flip(shifted, clusters, level=1 - 2 * alpha)
    assert flips.p is not None
    assert hall.low is not None
    assert hall.high is not None
    assert hall.passes is not None
    assert hall.fails is not None
    # Flipping all signs mirrors the distribution, so one side has half of the two-sided p.
    above = flips.p / 2 if flips.effect > 0 else 1 - flips.p / 2
    unbounded = flips.low is None or flips.high is None
    return OneSided(
        value=hall.value,
        se=hall.se,
        low=None if unbounded else min(hall.low, (flips.low or 0.0) + limit),
        high=None if unbounded else max(hall.high, (flips.high or 0.0) + limit),
        passes=_p_value(max(hall.passes, above)),
        fails=_p_value(max(hall.fails, 1 - above)),
        n=hall.n,
        method="sign flips and t without skewness (Hall), the wider of both",
        why=f"{hall.n} units are few",
    )


def _p_value(p: float) -> float:
    """``p`` within (0, 1]."""
    return max(min(p, 1.0), SMALLEST_P)
