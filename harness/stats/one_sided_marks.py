"""Two one-sided tests of a difference of paired marks: one right-or-wrong sample per item and arm.

Tango's score test against a limit keeps its level but for designs in which nearly all changes go
one way: with 270 items, a margin of 1 % and nothing but losses it passes 6.7 times in 100, because no
loss at all is seen that often. So a p-value is not below the binomial tail of the side that decides,
with the other side's count at its observed share; against a limit of 0 not below McNemar's.

>>> round(marks_against([0.0] * 300, -0.01, 0.05).passes, 4)
0.049
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from selfreward_eval.harness.stats.mcnemar import tango_statistic
from selfreward_eval.harness.stats.means import Values
from selfreward_eval.harness.stats.paired import SMALLEST_P

__all__ = ["AgainstLimit", "marks_against"]


class AgainstLimit(NamedTuple):
    """Both one-sided tests; see :class:`selfreward_eval.harness.stats.one_sided.OneSided`."""

    low: float
    high: float
    passes: float
    fails: float
    why: str


def marks_against(gains: Values, limit: float, alpha: float) -> AgainstLimit:
    """Tests the mean of differences of single marks against ``limit``.

    Args:
        gains: larger is better, each -1, 0 or 1, shape (n,), n >= 1.
        limit: in [-1, 1].
        alpha: of each bound, in (0, 0.5).

    Raises:
        ValueError: a gain that is not -1, 0 or 1.
    """
    import numpy as np

    numbers = np.asarray(gains, dtype=float)
    if not np.isin(numbers, (-1.0, 0.0, 1.0)).all():
        raise ValueError("this test is for one mark of 0 or 1 per item and arm; test the item means")
    gained, lost, n = int((numbers == 1).sum()), int((numbers == -1).sum()), len(numbers)
    effect = (gained - lost) / n
    return AgainstLimit(
        low=_bound(lambda at: _above(gained, lost, n, at) <= alpha, effect, -1.0),
        high=_bound(lambda at: _above(lost, gained, n, -at) <= alpha, effect, 1.0),
        passes=_above(gained, lost, n, limit),
        fails=_above(lost, gained, n, -limit),
        why=f"one right-or-wrong sample per item: {gained} items gained, {lost} lost, the others agree",
    )


def _above(gained: int, lost: int, n: int, limit: float) -> float:
    """The p-value of "the mean is ``limit`` or below", in (0, 1]."""
    from scipy.special import bdtr, bdtrc, ndtr

    if limit >= 1:
        return 1.0
    if limit <= -1:
        return SMALLEST_P if gained - lost > -n else 1.0
    score = float(ndtr(-tango_statistic(gained, lost, n, limit)))
    if limit < 0:
        # So few losses, where they are as frequent as the limit and the gains make them.
        exact = float(bdtr(lost, n, min(1.0, gained / n - limit)))
    elif limit > 0:
        exact = float(bdtrc(gained - 1, n, min(1.0, lost / n + limit))) if gained else 1.0
    else:
        exact = float(bdtrc(gained - 1, gained + lost, 0.5)) if gained else 1.0
    return max(min(1.0, max(score, exact)), SMALLEST_P)


def _bound(rejected: Callable[[float], bool], inside: float, outside: float) -> float:
    """The last limit between ``inside`` and ``outside`` that is not rejected, by halving."""
    if not rejected(outside):
        return outside
    for _ in range(50):
        middle = (inside + outside) / 2
        if rejected(middle):
            outside = middle
        else:
            inside = middle
    return inside
