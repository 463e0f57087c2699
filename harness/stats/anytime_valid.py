"""Anytime-valid bounds on a bounded mean: they hold at every look and for any distribution in the range.

A bettor who stakes a share lambda_i on the next gain being above a limit, before seeing it,
multiplies their wealth by 1 + lambda_i (x_i - limit). If the mean is at the limit or below,
wealth does not grow on average, so it ever reaches 1 / alpha with a chance of alpha at most
(Ville 1939). Reaching it shows the mean to be above the limit, whenever it happens. This is
valid in finite samples. The normal-mixture confidence sequence (Howard et al. 2021,
arXiv:1810.08240), the usual choice, holds asymptotically: with a loss concentrated in few items it
passed a gate 17 times in 100 instead of 5 (``docs/gating.md``).

The stake is the predictable plug-in of Waudby-Smith & Ramdas (2024, JRSS B 86:1-27,
arXiv:2010.09686, section 3), sqrt(2 ln(1 / alpha) / (n sigma^2)) with sigma from the items
before, capped so that no single item can take more than :data:`CAP` of the wealth.

>>> round(lower_bound([0.0] * 200, bottom=-1.0, top=1.0, planned=200), 3)
-0.02
"""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

from selfreward_eval.harness.stats.means import Values

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["BET_BY", "CAP", "first_rejection", "log_wealth", "lower_bound"]

CAP = 0.75
"""Largest share of the wealth that a single value can take."""

BET_BY = 0.6
"""Stakes are tuned to decide after this share of the items. A later target costs power, an earlier one
saves fewer items."""


def log_wealth(
    values: Values, limit: float, *, bottom: float, top: float, planned: int, alpha: float = 0.05
) -> NDArray[np.float64]:
    """The logarithm of the wealth after each value, betting on a mean above ``limit``; starts from 0.

    Args:
        values: shape (n,), each in [bottom, top], in the order in which they came.
        limit: in (bottom, top].
        bottom: smallest possible value.
        top: largest possible value.
        planned: values that there will be at most, >= 1.
        alpha: what the stakes are tuned to, in (0, 1).

    Raises:
        ValueError: an argument out of range, or a value outside it.
    """
    import numpy as np

    numbers = np.asarray(values, dtype=float)
    slack = 1e-9 * (top - bottom)
    if not bottom < limit <= top or planned < 1 or not 0 < alpha < 1:
        raise ValueError(
            f"a limit lies in ({bottom}, {top}], alpha in (0, 1), planned at 1 or more; got {limit}, {alpha} "
            f"and {planned}"
        )
    if len(numbers) and not (numbers.min() >= bottom - slack and numbers.max() <= top + slack):
        raise ValueError(f"a value lies outside [{bottom}, {top}]")
    counts = np.arange(1, len(numbers) + 1)
    # A prior observation in the middle of the range, with a large variance, keeps the first stakes small.
    middle, spread = (bottom + top) / 2, ((top - bottom) / 4) ** 2
    running = (middle + np.cumsum(numbers)) / (counts + 1)
    squares = spread + np.cumsum((numbers - running) ** 2)
    variances = np.concatenate([[spread], squares / (counts + 1)])[: len(numbers)]
    stakes = np.sqrt(2 * log(1 / alpha) / (BET_BY * planned * variances))
    return np.cumsum(np.log1p(np.minimum(stakes, CAP / (limit - bottom)) * (numbers - limit)))


def first_rejection(
    values: Values, limit: float, *, bottom: float, top: float, planned: int, alpha: float = 0.05
) -> int | None:
    """After how many values "the mean is at most ``limit``" was rejected, or None.

    Arguments as for :func:`log_wealth`.
    """
    wealth = log_wealth(values, limit, bottom=bottom, top=top, planned=planned, alpha=alpha)
    rejections = (wealth >= log(1 / alpha)).nonzero()[0]
    return int(rejections[0]) + 1 if len(rejections) else None


def lower_bound(values: Values, *, bottom: float, top: float, planned: int, alpha: float = 0.05) -> float:
    """The largest limit rejected after the last value; ``bottom`` if none is.

    Holds at every look together with chance 1 - alpha. Arguments as for :func:`log_wealth`.
    """

    def rejected(limit: float) -> bool:
        wealth = log_wealth(values, limit, bottom=bottom, top=top, planned=planned, alpha=alpha)
        return len(wealth) > 0 and float(wealth[-1]) >= log(1 / alpha)

    low, high = bottom, top
    for _ in range(26):
        middle = (low + high) / 2
        if rejected(middle):
            low = middle
        else:
            high = middle
    return low
