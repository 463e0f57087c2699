"""The test of many pairs of models at once, from the moments of their differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from selfreward_eval.harness.comparing.records import ALPHA
from selfreward_eval.harness.stats.bounded import ends_of_tosses
from selfreward_eval.harness.stats.choosing import FEW_IN_STRATUM
from selfreward_eval.harness.stats.gains import SplitEnds, lopsided
from selfreward_eval.harness.stats.means import SMALL_STRATUM
from selfreward_eval.harness.stats.paired import SMALLEST_P

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Moments", "Pairs", "joined", "tested"]


@dataclass(frozen=True, eq=False)
class Pairs:
    """All pairs (i, j), i < j, of R models, in the order (0, 1), (0, 2) ... (R - 2, R - 1).

    Attributes:
        effect: model j minus model i, shape (R (R - 1) / 2,); NaN where they share no scored sample.
        low: lower end of the 95 % interval, for few or one-sided changes that of
            :mod:`selfreward_eval.harness.stats.gains`; NaN where there is none.
        high: upper end, likewise.
        p: two-sided, in (0, 1], not adjusted; NaN where no test applies.
        n: items with a pair.
        units: independent ones: the items, or the clusters of items.
    """

    effect: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    p: NDArray[np.float64]
    n: NDArray[np.int64]
    units: NDArray[np.int64]

    def taken(self, places: NDArray[np.intp], sign: NDArray[np.float64]) -> Pairs:
        """The pairs at ``places``, those with a sign of -1 the other way round."""
        import numpy as np

        low, high = self.low[places], self.high[places]
        return Pairs(
            sign * self.effect[places],
            np.where(sign < 0, -high, low),
            np.where(sign < 0, -low, high),
            self.p[places],
            self.n[places],
            self.units[places],
        )


@dataclass(frozen=True, eq=False)
class Moments:
    """One stratum of some pairs, shapes (J,): items, units, mean, variance, and which way the units moved.

    Attributes:
        gains: sum of gains and of their squares, shape (2, J).
        losses: of losses, likewise.
        split: places among the pairs -> the interval made of gains and losses.
    """

    items: NDArray[np.int64]
    units: NDArray[np.int64]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    moved: NDArray[np.int64]
    up: NDArray[np.bool_]
    down: NDArray[np.bool_]
    gains: NDArray[np.float64]
    losses: NDArray[np.float64]
    split: Callable[[NDArray[np.intp]], SplitEnds]


def tested(strata: Sequence[Moments], width: float) -> Pairs:
    """The mean over ``strata`` with its test; one stratum is an ordinary paired t test."""
    import numpy as np
    from scipy.special import stdtr, stdtrit

    count = len(strata)
    effect = np.asarray(sum(one.mean for one in strata) / count)
    parts = np.stack([one.variance / (count**2 * np.maximum(one.units, 1)) for one in strata])
    sizes = np.stack([one.units for one in strata])
    total = parts.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = 1 / (np.square(parts / total) / (sizes - 1)).sum(axis=0)
        alike = np.square((1 / sizes).sum(axis=0)) / (1 / (sizes**2 * (sizes - 1))).sum(axis=0)
        df = np.where(sizes.min(axis=0) < SMALL_STRATUM, np.minimum(df, alike), df)
        se = np.sqrt(total)
        t = effect / se
        p = np.clip(2 * stdtr(df, -np.abs(t)), SMALLEST_P, 1.0)
        half = stdtrit(df, 0.975) * se
    # Without any spread t is 0/0: equal arms, or the exact test over the signs of what moved.
    still = total == 0
    moved = sum(one.moved for one in strata)
    both = np.any([one.up for one in strata], axis=0) & np.any([one.down for one in strata], axis=0)
    exact = np.where(moved == 0, 1.0, np.maximum(2 * np.power(0.5, moved, dtype=float), SMALLEST_P))
    p = np.where(still, np.where(both, np.nan, exact), p)
    few = (count > 1) & (sizes < FEW_IN_STRATUM).any(axis=0) & (moved > 0)
    p = np.where(few, np.nan, p)
    gains, losses = (np.sum([getattr(one, side) for one in strata], axis=0) for side in ("gains", "losses"))
    with np.errstate(divide="ignore", invalid="ignore"):
        gained, lost = (np.where(side[1] > 0, side[0] ** 2 / side[1], 0.0) for side in (gains, losses))
    some = (sizes.sum(axis=0) > 1) & (sizes > 0).all(axis=0)
    rows = np.flatnonzero(some & (lopsided(gained, lost) | still | few))
    low, high = effect - half, effect + half
    if len(rows):
        own = _of_equal(effect[rows], sizes[:, rows], low[rows], high[rows], still[rows], width)
        low[rows], high[rows] = _widened([one.split(rows) for one in strata], own, p[rows], width)
    items = np.asarray(sum(one.items for one in strata))
    return Pairs(effect, low, high, p, items, sizes.sum(axis=0))


def _of_equal(
    effect: NDArray[np.float64],
    sizes: NDArray[np.int64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    still: NDArray[np.bool_],
    width: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The test's own ends: those of one run where nothing varies, the effect where there are none."""
    import numpy as np

    ends = ends_of_tosses(np.abs(effect) / width, 0.0, sizes.min(axis=0) * len(sizes), 1.0, 1.0)
    near, far = (np.copysign(width * end, effect) for end in ends)
    low = np.where(still, np.minimum(near, far), np.where(np.isnan(low), effect, low))
    high = np.where(still, np.maximum(near, far), np.where(np.isnan(high), effect, high))
    return low, high


def _widened(
    parts: Sequence[SplitEnds],
    own: tuple[NDArray[np.float64], NDArray[np.float64]],
    p: NDArray[np.float64],
    width: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """:func:`selfreward_eval.harness.stats.gains.widened` for many pairs."""
    import numpy as np

    count = len(parts)
    effect = np.asarray(sum(one.effect for one in parts) / count)
    below = np.sqrt(np.asarray(sum((one.effect - one.low) ** 2 for one in parts))) / count
    above = np.sqrt(np.asarray(sum((one.high - one.effect) ** 2 for one in parts))) / count
    low = np.minimum(width * np.maximum(effect - below, -1.0), own[0])
    high = np.maximum(width * np.minimum(effect + above, 1.0), own[1])
    rejects, untested = p <= ALPHA, np.isnan(p)
    low = np.where(rejects & (low <= 0) & (own[0] > 0), own[0], low)
    high = np.where(rejects & (high >= 0) & (own[1] < 0), own[1], high)
    accepts = ~rejects & ~untested
    return np.where(accepts, np.minimum(low, 0.0), low), np.where(accepts, np.maximum(high, 0.0), high)


def joined(parts: Sequence[Pairs]) -> Pairs:
    import numpy as np

    if not parts:
        none, number = np.empty(0), np.empty(0, dtype=np.int64)
        return Pairs(none, none, none, none, number, number)
    return Pairs(
        np.concatenate([part.effect for part in parts]),
        np.concatenate([part.low for part in parts]),
        np.concatenate([part.high for part in parts]),
        np.concatenate([part.p for part in parts]),
        np.concatenate([part.n for part in parts]),
        np.concatenate([part.units for part in parts]),
    )
