"""McNemar's exact test: two arms, one right-or-wrong picture per item in each.

Only items on which the arms disagree say anything about a difference; under the
null hypothesis each of them is a fair coin. With several pictures per item the
pictures are clustered and the test does not apply: use item means.

>>> mcnemar([1, 1, 1, 1, 1, 1, 0, 0, 0, -1]).p
0.125
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import sqrt

from selfreward_eval.harness.stats.means import Values, mean_interval
from selfreward_eval.harness.stats.paired import SMALLEST_P, PairedResult

__all__ = ["mcnemar", "mcnemar_p", "tango_interval", "tango_statistic"]


def mcnemar_p(gained: int, lost: int) -> float:
    """The exact two-sided p-value, in (0, 1]; 1 where the arms never disagree.

    Args:
        gained: items wrong in the first arm and right in the second.
        lost: the other way round.
    """
    from scipy.special import bdtr

    if gained < 0 or lost < 0:
        raise ValueError(f"counts cannot be negative, got {gained} and {lost}")
    if gained + lost == 0:
        return 1.0
    return max(min(1.0, 2 * float(bdtr(min(gained, lost), gained + lost, 0.5))), SMALLEST_P)


def mcnemar(differences: Values, level: float = 0.95) -> PairedResult:
    """The exact test on differences of single marks, with Tango's score interval for their mean.

    Where the exact test cannot reject a difference of zero, the interval is widened to contain it:
    it is then the set of differences that are not rejected, zero by the exact test and all others
    by the score test.

    Args:
        differences: second arm minus first, each -1, 0 or 1, shape (n,), n >= 1.
        level: coverage of the interval, in (0, 1).

    Raises:
        ValueError: no differences, or one that is not -1, 0 or 1.
    """
    import numpy as np

    numbers = np.asarray(differences, dtype=float)
    interval = mean_interval(numbers, level)
    if not np.isin(numbers, (-1.0, 0.0, 1.0)).all():
        raise ValueError("McNemar's test is for one mark of 0 or 1 per item and arm; test the item means")
    gained, lost = int((numbers == 1).sum()), int((numbers == -1).sum())
    p = mcnemar_p(gained, lost)
    low, high = tango_interval(gained, lost, len(numbers), level)
    if p > 1 - level:
        low, high = min(low, 0.0), max(high, 0.0)
    known = interval.se is not None
    return PairedResult(
        effect=interval.value,
        se=interval.se,
        df=interval.df,
        low=low if known else None,
        high=high if known else None,
        t=interval.value / interval.se if interval.se else None,
        p=p,
        n=interval.n,
        method="exact McNemar",
        why=f"one right-or-wrong sample per item: {gained} items gained, {lost} lost, the others agree",
    )


@lru_cache(maxsize=4096)
def tango_interval(gained: int, lost: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Tango's score interval for the difference of two paired proportions, within [-1, 1].

    The differences D whose score statistic (gained - lost - n D) / sqrt(n (2 q + D (1 - D)))
    stays within the normal quantile, q being the share of losses that is most likely under D
    (Tango 1998, Statistics in Medicine 17:891-908).

    Args:
        gained: items right in the second arm only.
        lost: items right in the first arm only.
        n: all items, n >= gained + lost, n >= 1.
        level: coverage, in (0, 1).
    """
    from scipy.special import ndtri

    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    if n < 1 or gained + lost > n or min(gained, lost) < 0:
        raise ValueError(f"{gained} gained and {lost} lost do not fit {n} items")
    z = float(ndtri(0.5 + level / 2))
    centre = (gained - lost) / n
    return (
        _edge(lambda d: tango_statistic(gained, lost, n, d) <= z, centre, -1.0),
        _edge(lambda d: tango_statistic(gained, lost, n, d) >= -z, centre, 1.0),
    )


def tango_statistic(gained: int, lost: int, n: int, difference: float) -> float:
    """The score statistic of a difference in [-1, 1]; approximately standard normal where it is the true one.

    Args:
        gained: items right in the second arm only.
        lost: items right in the first arm only.
        n: all items.
        difference: that is tested.
    """
    b = -gained - lost + (2 * n - gained + lost) * difference
    c = -lost * difference * (1 - difference)
    share = (sqrt(max(b * b - 8 * n * c, 0.0)) - b) / (4 * n)
    variance = n * (2 * share + difference * (1 - difference))
    distance = gained - lost - n * difference
    if variance <= 0:
        return 0.0 if distance == 0 else float("inf") if distance > 0 else float("-inf")
    return distance / sqrt(variance)


def _edge(accepted: Callable[[float], bool], inside: float, outside: float) -> float:
    """The last accepted point between ``inside`` and ``outside``, by halving."""
    if accepted(outside):
        return outside
    for _ in range(50):
        middle = (inside + outside) / 2
        if accepted(middle):
            inside = middle
        else:
            outside = middle
    return inside
