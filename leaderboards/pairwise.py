"""Every pair of models of a table tested at once: the paired tests of
:mod:`selfreward_eval.harness.stats.paired` on arrays.

The unit is the item. Its difference between two models is the mean of the
differences of the samples that both have a number for; items clustered together
count as one unit. Two hundred models are 19,900 pairs: one model against all that
follow it is one pass over an array.

It is always the t test. ``compare`` decides tables of few units by resampling, which
cannot give a p-value small enough to survive the adjustment over thousands of
pairs; a table of few units says so. Everywhere else the two agree, and the tests
hold them together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from selfreward_eval.harness.stats.means import ROUNDING
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
        half: half the width of the 95 % interval; NaN where it cannot be estimated.
        p: two-sided, in (0, 1], not adjusted; NaN where no test applies.
        n: items with a pair.
        units: independent ones: the items, or the clusters of items.
    """

    effect: NDArray[np.float64]
    half: NDArray[np.float64]
    p: NDArray[np.float64]
    n: NDArray[np.int64]
    units: NDArray[np.int64]

    def taken(self, places: NDArray[np.intp], sign: NDArray[np.float64]) -> Pairs:
        """The pairs at ``places``, those with a sign of -1 the other way round."""
        return Pairs(
            sign * self.effect[places],
            self.half[places],
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
    """One stratum of some pairs, shapes (J,): items, units, mean, variance, and which way the units moved."""

    items: NDArray[np.int64]
    units: NDArray[np.int64]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    moved: NDArray[np.int64]
    up: NDArray[np.bool_]
    down: NDArray[np.bool_]


def pairwise(values: NDArray[np.float64], stratum: Stratum) -> Pairs:
    """A paired t test of the mean difference over one stratum, for every pair.

    Args:
        values: shape (models, items, samples); NaN where there is no number.
        stratum: the items to average over.
    """
    return _joined([_tested([_moments(block, stratum)]) for block in _blocks(values)])


def pairwise_macro(
    values: NDArray[np.float64], strata: Mapping[str, Stratum]
) -> tuple[Pairs, dict[str, Pairs]]:
    """The same for the unweighted mean over strata, with Satterthwaite's df, and for each stratum.

    Args:
        values: shape (models, items, samples).
        strata: at least one.
    """
    whole: list[Pairs] = []
    single: dict[str, list[Pairs]] = {name: [] for name in strata}
    for block in _blocks(values):
        moments = {name: _moments(block, stratum) for name, stratum in strata.items()}
        whole.append(_tested(list(moments.values())))
        for name, one in moments.items():
            single[name].append(_tested([one]))
    return _joined(whole), {name: _joined(parts) for name, parts in single.items()}


def _blocks(values: NDArray[np.float64]) -> list[_Block]:
    means = item_means(values)
    gaps = _Gaps(values, means)
    return [_Block(gaps, first) for first in range(len(values) - 1)]


class _Gaps:
    """The models' marks, and which models have all of them."""

    def __init__(self, values: NDArray[np.float64], means: NDArray[np.float64]) -> None:
        import numpy as np

        self.values = values
        self.means = means
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
    if stratum.clustered:
        count = np.add.reduceat(known, stratum.starts, axis=1, dtype=np.int64)
        present = count > 0
        units = present.sum(axis=1)
        away = np.where(known, difference - mean[:, None], 0.0)
        summed = np.add.reduceat(away, stratum.starts, axis=1)
        # The value of a cluster as in selfreward_eval.harness.stats.means.cluster_values; where every one has
        # a single item these are the items themselves, with no rounding on the way.
        alone = (units == items)[:, None]
        own = np.add.reduceat(filled, stratum.starts, axis=1)
        value = np.where(alone, own, mean[:, None] + (units / np.maximum(items, 1))[:, None] * summed)
    else:
        present, units, value = known, items, difference
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
    )


def _tested(strata: Sequence[_Moments]) -> Pairs:
    """The mean over ``strata`` with its test; one stratum is an ordinary paired t test."""
    import numpy as np
    from scipy.special import stdtr, stdtrit

    count = len(strata)
    effect = np.asarray(sum(one.mean for one in strata) / count)
    parts = np.stack([one.variance / (count**2 * np.maximum(one.units, 1)) for one in strata])
    free = np.stack([one.units - 1 for one in strata])
    total = parts.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = 1 / (np.square(parts / total) / free).sum(axis=0)
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
    half = np.where(still, 0.0, half)
    items, units = (np.asarray(sum(getattr(one, name) for one in strata)) for name in ("items", "units"))
    return Pairs(effect, half, p, items, units)


def _joined(parts: Sequence[Pairs]) -> Pairs:
    import numpy as np

    if not parts:
        none, number = np.empty(0), np.empty(0, dtype=np.int64)
        return Pairs(none, none, none, number, number)
    return Pairs(
        np.concatenate([part.effect for part in parts]),
        np.concatenate([part.half for part in parts]),
        np.concatenate([part.p for part in parts]),
        np.concatenate([part.n for part in parts]),
        np.concatenate([part.units for part in parts]),
    )
