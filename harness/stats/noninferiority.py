"""Non-inferiority: is the second arm at most a margin worse than the first?

A margin Delta says how much worse is still acceptable. With one-sided bounds
L = effect - t se and U = effect + t se a gate passes if L > -Delta, fails if
U < -Delta, and is otherwise inconclusive: the data allow both, and the result says
how many items would decide it. That a test found no difference is never a pass.

>>> from selfreward_eval.harness.stats.means import mean_interval
>>> non_inferiority(mean_interval([0.0, 0.1, -0.1, 0.05] * 40), margin=0.05).verdict.value
'PASS'
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import ceil, isfinite

from selfreward_eval.harness.stats.means import Interval, t_quantile
from selfreward_eval.harness.stats.paired import SMALLEST_P, PairedResult

__all__ = ["NonInferiority", "Verdict", "non_inferiority"]

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
    result: PairedResult | Interval,
    margin: float,
    *,
    alpha: float = ALPHA,
    power: float = POWER,
    higher_is_better: bool = True,
    largest: float | None = None,
) -> NonInferiority:
    """The gate on one paired effect.

    Where no difference varies the standard error is 0, which is not certainty: n items without a
    difference leave up to 1 - alpha^(1 / n) of all items that may differ, each by ``largest``.
    Without ``largest`` such data are inconclusive.

    Args:
        result: effect with its standard error and degrees of freedom.
        margin: Delta > 0, in units of the effect.
        alpha: one-sided error, in (0, 0.5).
        power: for ``needed_n``, in (0, 1).
        higher_is_better: direction of the metric.
        largest: the largest difference an item can have: the width of the metric's range.

    Raises:
        ValueError: a margin that is not above 0, or alpha or power out of range.
    """
    if not (margin > 0 and isfinite(margin)):
        raise ValueError(f"a margin must be above 0, got {margin}")
    if not (0 < alpha < 0.5 and 0 < power < 1):
        raise ValueError(f"alpha must lie in (0, 0.5) and power in (0, 1), got {alpha} and {power}")
    effect = _effect(result) if higher_is_better else -_effect(result)
    known = result.se is not None and result.df is not None
    if not known or (result.se == 0 and largest is None):
        why = (
            "the differences do not vary and the range of the metric is not known"
            if known
            else "a standard error cannot be estimated"
        )
        return NonInferiority(
            Verdict.INCONCLUSIVE, effect, margin, None, None, None, result.n, None, f"cannot be judged: {why}"
        )
    assert result.se is not None
    assert result.df is not None
    needed: int | None
    if result.se == 0:
        low, high, p = _without_spread(effect, margin, result.n, alpha, largest or 0.0)
        needed = None
    else:
        half = t_quantile(result.df, 1 - alpha) * result.se
        low, high = effect - half, effect + half
        p = _upper_tail((effect + margin) / result.se, result.df)
        needed = _needed(result.se, result.n, result.df, margin, alpha, power)
    verdict = _verdict(low, high, margin)
    words = {
        Verdict.PASS: f"worse by less than {margin:g}, with {1 - alpha:.3g} confidence",
        Verdict.FAIL: f"worse by more than {margin:g}, with {1 - alpha:.3g} confidence",
        Verdict.INCONCLUSIVE: f"a loss of {margin:g} can be neither shown nor excluded with {result.n} units"
        + (f"; about {needed} would do for a model that did not change" if needed else ""),
    }
    return NonInferiority(verdict, effect, margin, low, high, p, result.n, needed, words[verdict])


def _effect(result: PairedResult | Interval) -> float:
    return result.effect if isinstance(result, PairedResult) else result.value


def _verdict(low: float, high: float, margin: float) -> Verdict:
    if low > -margin:
        return Verdict.PASS
    return Verdict.FAIL if high < -margin else Verdict.INCONCLUSIVE


def _upper_tail(t: float, df: float) -> float:
    from scipy.special import stdtr

    return max(min(1.0, float(stdtr(df, -t))), SMALLEST_P)


def _without_spread(
    effect: float, margin: float, n: int, alpha: float, largest: float
) -> tuple[float, float, float]:
    """Bounds and p where all n differences equal ``effect``: a share q of the population may be otherwise.

    q > 1 - alpha^(1 / n) would have shown with probability 1 - alpha; what is unseen may lie at either
    end of [-largest, largest]. p is the alpha whose lower bound meets the margin.
    """
    unseen = 1 - alpha ** (1 / n)
    low = (1 - unseen) * effect - unseen * largest
    high = (1 - unseen) * effect + unseen * largest
    reach = effect + largest
    share = min(max((effect + margin) / reach, 0.0), 1.0) if reach > 0 else 1.0
    return low, high, max((1 - share) ** n, SMALLEST_P)


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
