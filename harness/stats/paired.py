"""Before against after on the same items: paired differences, their interval and test.

>>> paired([0.25, 0.0, 0.5, 0.25]).effect
0.25
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum, hypot, sqrt, ulp

from selfreward_eval.harness.stats.means import Interval, Values, macro_interval, mean_interval

__all__ = ["PairedResult", "correlation", "paired", "paired_macro", "se_ratio"]

SMALLEST_P = ulp(0.0)
"""A p-value is never 0; where arithmetic runs out, this is reported and means "at most"."""


@dataclass(frozen=True)
class PairedResult:
    """The difference between two arms.

    Attributes:
        effect: mean difference, second arm minus first.
        se: its standard error; None where it cannot be estimated, 0 where nothing varies.
        df: degrees of freedom of ``se``, or None with it.
        low: lower end of the interval that belongs to ``method``; None with ``se``, and where so few
            units can reject no effect at all.
        high: upper end, likewise.
        t: effect / se, or None where the error is missing or 0.
        p: two-sided p-value in (0, 1], or None where no test applies; ``why`` says so.
        n: units of analysis.
        method: the test, in a few words.
        why: why this test, in one sentence.
    """

    effect: float
    se: float | None
    df: float | None
    low: float | None
    high: float | None
    t: float | None
    p: float | None
    n: int
    method: str
    why: str


def paired(differences: Values, level: float = 0.95) -> PairedResult:
    """A paired t test of a mean difference of zero.

    Args:
        differences: second arm minus first, one per unit, shape (n,), n >= 1.
        level: coverage of the interval, in (0, 1).

    Raises:
        ValueError: no differences.
    """
    interval = mean_interval(differences, level)
    if interval.se is None:
        return _untested(interval, "a single item says nothing about how items vary")
    if interval.se == 0:
        return _without_spread(interval, {"": differences})
    return _t_test(
        interval, "paired t on item means", "items are independent, the samples of an item are not"
    )


def paired_macro(strata: Mapping[str, Values], level: float = 0.95) -> PairedResult:
    """The same for an unweighted mean over strata, with Satterthwaite's degrees of freedom.

    Args:
        strata: name -> differences, shape (G_j,), G_j >= 1.
        level: coverage of the interval, in (0, 1).

    Raises:
        ValueError: no strata, or an empty one.
    """
    interval = macro_interval(strata, level)
    if interval.se is None:
        single = ", ".join(name for name, values in strata.items() if len(values) == 1)
        return _untested(interval, f"a single item says nothing about how items vary: {single}")
    if interval.se == 0:
        return _without_spread(interval, strata)
    return _t_test(
        interval,
        "stratified paired t on item means, Satterthwaite df",
        "the score is the unweighted mean of the categories, and items vary differently in each",
    )


def _t_test(interval: Interval, method: str, why: str) -> PairedResult:
    from scipy.special import stdtr

    assert interval.se is not None
    assert interval.df is not None
    t = interval.value / interval.se
    p = max(min(1.0, 2 * float(stdtr(interval.df, -abs(t)))), SMALLEST_P)
    return _result(interval, t, p, method, why)


def _untested(interval: Interval, why: str) -> PairedResult:
    return _result(interval, None, None, "none", why)


def _without_spread(interval: Interval, strata: Mapping[str, Values]) -> PairedResult:
    """No difference varies within its stratum, so t is 0/0 or infinite.

    If all are zero the arms agree everywhere and p is 1. If all non-zero ones share a
    sign, only the observed signs and their mirror image reach this effect, so the exact
    sign-flip test over the n non-zero differences gives p = 2 / 2^n. Otherwise none is given.
    """
    numbers = [float(value) for values in strata.values() for value in values]
    moved = [number for number in numbers if number != 0]
    if not moved:
        return _result(interval, None, 1.0, "none needed", "no item differs between the arms")
    if min(moved) < 0 < max(moved):
        return _untested(
            interval, "the differences do not vary within a category and point both ways between them"
        )
    p = max(2.0 * 0.5 ** len(moved), SMALLEST_P)
    return _result(
        interval,
        None,
        p,
        "exact sign flips",
        "the differences do not vary, so there is no standard error to test by",
    )


def _result(interval: Interval, t: float | None, p: float | None, method: str, why: str) -> PairedResult:
    return PairedResult(
        effect=interval.value,
        se=interval.se,
        df=interval.df,
        low=interval.low,
        high=interval.high,
        t=t,
        p=p,
        n=interval.n,
        method=method,
        why=why,
    )


def correlation(first: Values, second: Values) -> float | None:
    """Pearson's correlation of the two arms' item means, in [-1, 1].

    None below three items or where an arm does not vary.
    """
    a, b = [float(value) for value in first], [float(value) for value in second]
    if len(a) != len(b):
        raise ValueError(f"the arms have {len(a)} and {len(b)} items")
    if len(a) < 3 or min(a) == max(a) or min(b) == max(b):
        return None
    mean_a, mean_b = fsum(a) / len(a), fsum(b) / len(b)
    cross = fsum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    scale = sqrt(fsum((x - mean_a) ** 2 for x in a)) * sqrt(fsum((y - mean_b) ** 2 for y in b))
    return max(-1.0, min(1.0, cross / scale)) if scale > 0 else None


def se_ratio(paired_se: float | None, first_se: float | None, second_se: float | None) -> float | None:
    """The paired standard error over the one that two independent runs would have.

    Below 1 is what pairing gained; 0.5 is worth four times the items. None where an
    error is missing or both arms do not vary.
    """
    if paired_se is None or first_se is None or second_se is None:
        return None
    unpaired = hypot(first_se, second_se)
    return paired_se / unpaired if unpaired > 0 else None
