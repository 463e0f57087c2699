"""Every pair of models of a table tested at once: the paired tests of
:mod:`selfreward_eval.harness.stats.paired` on arrays.

The unit is the item. Its difference between two models is the mean of the
differences of the samples that both have a number for; items clustered together
count as one unit. Two hundred models are 19,900 pairs: one model against all that
follow it is one pass over an array.

It is always the t test. ``compare`` decides tables of few units by resampling, which
cannot give a p-value small enough to survive the adjustment over thousands of
pairs; a table of few units says so. Everywhere else the two agree, and the tests
hold them together. Intervals are widened as there where changes are rare or one-sided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from selfreward_eval.harness.comparing.records import ALPHA
from selfreward_eval.harness.stats.bounded import ends_of_tosses
from selfreward_eval.harness.stats.choosing import FEW_IN_STRATUM
from selfreward_eval.harness.stats.gains import SplitEnds, lopsided, split_ends
from selfreward_eval.harness.stats.means import ROUNDING, SMALL_STRATUM
from selfreward_eval.harness.stats.paired import SMALLEST_P
from selfreward_eval.leaderboards.entries import item_means

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Pairs", "Stratum", "pairwise", "pairwise_macro"]


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
class Stratum:
    """Items that are averaged together.

    Attributes:
        order: positions of the items, those of one cluster side by side, shape (G,).
        starts: where each cluster begins in ``order``, shape (C,).
    """

    order: NDArray[np.intp]
    starts: NDArray[np.intp]

    @classmethod
    def of(cls, positions: Sequence[int], clusters: Sequence[str]) -> Stratum:
        """The stratum of items at ``positions`` with their ``clusters``."""
        import numpy as np

        first: dict[str, int] = {}
        for place, cluster in enumerate(clusters):
            first.setdefault(cluster, place)
        ordered = sorted(zip(positions, clusters, strict=True), key=lambda pair: first[pair[1]])
        names = [cluster for _, cluster in ordered]
        starts = [k for k, name in enumerate(names) if k == 0 or name != names[k - 1]]
        return cls(np.array([place for place, _ in ordered], dtype=int), np.array(starts, dtype=int))

    @property
    def clustered(self) -> bool:
        return len(self.starts) < len(self.order)


@dataclass(frozen=True, eq=False)
class _Moments:
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


def pairwise(values: NDArray[np.float64], stratum: Stratum, width: float = 1.0) -> Pairs:
    """A paired t test of the mean difference over one stratum, for every pair.

    Args:
        values: shape (models, items, samples); NaN where there is no number.
        stratum: the items to average over.
        width: of the metric's range.
    """
    blocks = _blocks(values, width)
    return _joined([_tested([_moments(block, stratum)], width) for block in blocks])


def pairwise_macro(
    values: NDArray[np.float64], strata: Mapping[str, Stratum], width: float = 1.0
) -> tuple[Pairs, dict[str, Pairs]]:
    """The same for the unweighted mean over strata, with Satterthwaite's df, and for each stratum.

    Args:
        values: shape (models, items, samples).
        strata: at least one. A mean over several is not tested where one has fewer than
            :data:`selfreward_eval.harness.stats.choosing.FEW_IN_STRATUM` units.
        width: of the metric's range.
    """
    whole: list[Pairs] = []
    single: dict[str, list[Pairs]] = {name: [] for name in strata}
    for block in _blocks(values, width):
        moments = {name: _moments(block, stratum) for name, stratum in strata.items()}
        whole.append(_tested(list(moments.values()), width))
        for name, one in moments.items():
            single[name].append(_tested([one], width))
    return _joined(whole), {name: _joined(parts) for name, parts in single.items()}


def _blocks(values: NDArray[np.float64], width: float) -> list[_Block]:
    means = item_means(values)
    gaps = _Gaps(values, means, width)
    return [_Block(gaps, first) for first in range(len(values) - 1)]


class _Gaps:
    """The models' marks, which models have all of them, and how many pictures an item has if all are right
    or wrong (else infinite)."""

    def __init__(self, values: NDArray[np.float64], means: NDArray[np.float64], width: float) -> None:
        import numpy as np

        self.values = values
        self.means = means
        self.width = width
        binary = width == 1 and bool(np.isin(values[~np.isnan(values)], (0.0, 1.0)).all())
        self.pictures = float(values.shape[2]) if binary else float("inf")
        self.complete: NDArray[np.bool_] = np.asarray(~np.isnan(values).any(axis=(1, 2)))


@dataclass(frozen=True, eq=False)
class _Block:
    """One model against all that follow it."""

    gaps: _Gaps
    first: int

    def differences(self, order: NDArray[np.intp]) -> NDArray[np.float64]:
        """Item differences, shape (J, G); NaN for an item without a pair of scored samples."""
        import numpy as np

        gaps, i = self.gaps, self.first
        later = slice(i + 1, None)
        out: NDArray[np.float64] = gaps.means[later][:, order] - gaps.means[i][order]
        rows = np.flatnonzero(~gaps.complete[later] | ~gaps.complete[i]) + i + 1
        if len(rows):
            # Sample by sample, as a mean over the samples that only one has a number for is no pair.
            out[rows - i - 1] = item_means(gaps.values[rows][:, order] - gaps.values[i][order])
        return out


def _moments(block: _Block, stratum: Stratum) -> _Moments:
    import numpy as np

    difference = block.differences(stratum.order)
    known = ~np.isnan(difference)
    filled = np.where(known, difference, 0.0)
    items = known.sum(axis=1)
    mean = filled.sum(axis=1) / np.maximum(items, 1)
    present, units, value = _unit_values(filled, known, stratum)
    low = np.where(present, value, np.inf).min(axis=1)
    high = np.where(present, value, -np.inf).max(axis=1)
    mean = np.where(low == high, low, mean)
    spread = np.square(np.where(present, value - mean[:, None], 0.0)).sum(axis=1)
    level = (high - low) <= ROUNDING * np.maximum(np.abs(low), np.abs(high))
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.where(level, 0.0, spread / (units - 1))
    nothing = units == 0
    return _Moments(
        items=items,
        units=units,
        mean=np.where(nothing, np.nan, mean),
        variance=np.where(units < 2, np.nan, variance),
        moved=(present & (value != 0)).sum(axis=1),
        up=np.asarray((present & (value > 0)).any(axis=1)),
        down=np.asarray((present & (value < 0)).any(axis=1)),
        gains=_sums(np.where(present & (value > 0), value, 0.0)),
        losses=_sums(np.where(present & (value < 0), value, 0.0)),
        split=lambda rows: _split(block.gaps, filled[rows], known[rows], stratum),
    )


def _sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    return np.stack([np.abs(values).sum(axis=1), np.square(values).sum(axis=1)])


def _unit_values(
    filled: NDArray[np.float64], known: NDArray[np.bool_], stratum: Stratum
) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.float64]]:
    """Which units there are, how many, and the value of each; ``filled`` is 0 where an item is not known."""
    import numpy as np

    items = known.sum(axis=1)
    if not stratum.clustered:
        return known, items, filled
    present = np.add.reduceat(known, stratum.starts, axis=1, dtype=np.int64) > 0
    units = present.sum(axis=1)
    mean = filled.sum(axis=1) / np.maximum(items, 1)
    summed = np.add.reduceat(np.where(known, filled - mean[:, None], 0.0), stratum.starts, axis=1)
    # The value of a cluster as in selfreward_eval.harness.stats.means.cluster_values; where every one has
    # a single item these are the items themselves, with no rounding on the way.
    alone = (units == items)[:, None]
    own = np.add.reduceat(filled, stratum.starts, axis=1)
    value = np.where(alone, own, mean[:, None] + (units / np.maximum(items, 1))[:, None] * summed)
    return present, units, value


def _split(gaps: _Gaps, filled: NDArray[np.float64], known: NDArray[np.bool_], stratum: Stratum) -> SplitEnds:
    """The interval of some pairs, made of gains and losses."""
    import numpy as np

    sides = [np.maximum(sign * filled / gaps.width, 0.0) for sign in (1, -1)]
    (present, _, gains), (_, _, losses) = (_unit_values(side, known, stratum) for side in sides)
    return split_ends(gains, losses, present, gaps.pictures * known.sum(axis=1))


def _tested(strata: Sequence[_Moments], width: float) -> Pairs:
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


def _joined(parts: Sequence[Pairs]) -> Pairs:
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
