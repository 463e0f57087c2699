"""Non-inferiority and equivalence: is the second arm at most a margin worse, or at most a margin apart?

A margin Delta says how much worse is still acceptable. With one-sided bounds L and U of the effect
(:mod:`selfreward_eval.harness.stats.one_sided`, the rule that gates use too) the answer is PASS if
L > -Delta, FAIL if U < -Delta, and otherwise inconclusive: the data allow both, and the result
says how many items would decide it. That a test found no difference is never a pass.

>>> non_inferiority({"": [0.0, 0.1, -0.1, 0.05] * 40}, 0.05, width=1.0).verdict.value
'PASS'
>>> equivalence({"": [0.0, 0.1, -0.1, 0.05] * 40}, 0.05, width=1.0).verdict.value
'PASS'
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, isfinite

from selfreward_eval.harness.stats.means import Values, t_quantile
from selfreward_eval.harness.stats.one_sided import OneSided, one_sided_test

__all__ = ["NonInferiority", "Verdict", "equivalence", "non_inferiority", "within_margin"]

ALPHA = 0.05
"""One-sided error of a gate."""

POWER = 0.8


class Verdict(StrEnum):
    """The outcome of a test against a margin or limit.

    INCONCLUSIVE: the data allow both.
    """

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True)
class NonInferiority:
    """One gate.

    Attributes:
        verdict: PASS, FAIL or INCONCLUSIVE.
        effect: second arm minus first, signed so that larger is better.
        margin: how much worse is acceptable, > 0.
        low: one-sided lower bound of the effect, or None where it cannot be estimated.
        high: one-sided upper bound, likewise.
        p: one-sided p-value of "worse by the margin or more", or None.
        n: units.
        needed_n: units with which an unchanged model would pass with the wanted power, at the spread
            seen here; None where it cannot be estimated.
        why: the verdict in words.
    """

    verdict: Verdict
    effect: float
    margin: float
    low: float | None
    high: float | None
    p: float | None
    n: int
    needed_n: int | None
    why: str


def non_inferiority(
    strata: Mapping[str, Values],
    margin: float,
    *,
    width: float,
    clusters: Mapping[str, Sequence[Hashable]] | None = None,
    marks: bool = False,
    alpha: float = ALPHA,
    power: float = POWER,
    higher_is_better: bool = True,
) -> NonInferiority:
    """The test of one paired effect against a loss of ``margin``.

    Args:
        strata: name -> item differences, second arm minus first, shape (G_j,), G_j >= 1.
        margin: Delta > 0, in units of the effect.
        width: of the metric's range: the largest difference an item can have.
        clusters: name -> the cluster of every item, or None where each item is its own.
        marks: whether every difference is one of two single marks of 0 or 1.
        alpha: one-sided error, in (0, 0.5).
        power: for ``needed_n``, in (0, 1).
        higher_is_better: direction of the metric.

    Raises:
        ValueError: a margin that is not above 0, alpha or power out of range, or as for
            :func:`selfreward_eval.harness.stats.one_sided.one_sided_test`.
    """
    _check(margin, power)
    test = _tested(_signed(strata, higher_is_better), -margin, width, alpha, clusters, marks)
    return within_margin(
        test.value, test.low, test.high, margin, se=test.se, n=test.n, why=test.why, p=test.passes,
        alpha=alpha, power=power,
    )  # fmt: skip


def within_margin(
    effect: float,
    low: float | None,
    high: float | None,
    margin: float,
    *,
    n: int,
    why: str,
    se: float | None = None,
    p: float | None = None,
    alpha: float = ALPHA,
    power: float = POWER,
) -> NonInferiority:
    """The verdict from one-sided bounds that are known already.

    Args:
        effect: second arm minus first, signed so that larger is better.
        low: its one-sided lower bound with error ``alpha``, or None where there is none.
        high: the upper one, likewise.
        margin: Delta > 0.
        n: independent units.
        why: why there are no bounds, where there are none.
        se: standard error, for ``needed_n``; None or 0 where it is not known.
        p: one-sided p-value, if known.
        alpha: of the bounds.
        power: for ``needed_n``.
    """
    _check(margin, power)
    if low is None or high is None:
        return NonInferiority(
            Verdict.INCONCLUSIVE, effect, margin, None, None, None, n, None, f"cannot be judged: {why}"
        )
    needed = _needed(se, n, n - 1.0, margin, alpha, power) if se and n > 1 else None
    verdict = Verdict.PASS if low > -margin else Verdict.FAIL if high < -margin else Verdict.INCONCLUSIVE
    words = {
        Verdict.PASS: f"worse by less than {margin:g}, with {1 - alpha:.3g} confidence",
        Verdict.FAIL: f"worse by more than {margin:g}, with {1 - alpha:.3g} confidence",
        Verdict.INCONCLUSIVE: f"a loss of {margin:g} can be neither shown nor excluded with {n} units"
        + (f"; about {needed} would do for a model that did not change" if needed else ""),
    }
    return NonInferiority(verdict, effect, margin, low, high, p, n, needed, words[verdict])


def equivalence(
    strata: Mapping[str, Values],
    margin: float,
    *,
    width: float,
    clusters: Mapping[str, Sequence[Hashable]] | None = None,
    marks: bool = False,
    alpha: float = ALPHA,
) -> NonInferiority:
    """Two one-sided tests: are the arms less than ``margin`` apart, in either direction?

    PASS if both bounds lie within (-margin, margin), FAIL if both lie beyond one end, else INCONCLUSIVE.
    ``p`` is the larger of the two. Arguments and errors are those of :func:`non_inferiority`.
    """
    _check(margin, POWER)
    below = _tested(strata, -margin, width, alpha, clusters, marks)
    above = _tested(strata, margin, width, alpha, clusters, marks)
    ends = (below.low, below.high, above.low, above.high, below.passes, above.fails)
    if any(end is None for end in ends):
        return NonInferiority(
            Verdict.INCONCLUSIVE, below.value, margin, None, None, None, below.n, None,
            f"cannot be judged: {below.why}",
        )  # fmt: skip
    low, high, p = below.low or 0.0, above.high or 0.0, max(below.passes or 0.0, above.fails or 0.0)
    apart = (below.high or 0.0) < -margin or (above.low or 0.0) > margin
    if low > -margin and high < margin:
        verdict, words = Verdict.PASS, f"less than {margin:g} apart, with {1 - alpha:.3g} confidence"
    elif apart:
        verdict, words = Verdict.FAIL, f"more than {margin:g} apart, with {1 - alpha:.3g} confidence"
    else:
        verdict = Verdict.INCONCLUSIVE
        words = f"a difference of {margin:g} can be neither shown nor excluded with {below.n} units"
    return NonInferiority(verdict, below.value, margin, low, high, p, below.n, None, words)


def _tested(
    strata: Mapping[str, Values],
    limit: float,
    width: float,
    alpha: float,
    clusters: Mapping[str, Sequence[Hashable]] | None,
    marks: bool,
) -> OneSided:
    return one_sided_test(strata, limit, width=width, alpha=alpha, clusters=clusters, marks=marks)


def _signed(strata: Mapping[str, Values], higher_is_better: bool) -> Mapping[str, Values]:
    if higher_is_better:
        return strata
    return {name: [-float(value) for value in values] for name, values in strata.items()}


def _check(margin: float, power: float) -> None:
    if not (margin > 0 and isfinite(margin)):
        raise ValueError(f"a margin must be above 0, got {margin}")
    if not 0 < power < 1:
        raise ValueError(f"power must lie in (0, 1), got {power}")


def _needed(se: float, n: int, df: float, margin: float, alpha: float, power: float) -> int:
    """ceil((t_{1 - alpha} + t_power)^2 s^2 / margin^2) with s = se sqrt(n), for a true effect of 0.

    The quantiles have the degrees of freedom of the larger sample, which scale with it.
    """
    count = float(n)
    for _ in range(50):
        freedom = max(df * count / n, 1.0)
        factor = t_quantile(freedom, 1 - alpha) + t_quantile(freedom, power)
        wanted = max(2.0, factor**2 * se**2 * n / margin**2)
        if ceil(wanted) == ceil(count):
            break
        count = wanted
    return ceil(wanted)
