"""Every pair of models of a table tested at once: the paired tests of
:mod:`selfreward_eval.harness.stats.paired` on arrays.

The unit is the item. Its difference between two models is the mean of the
differences of the samples that both have a number for; items clustered together
count as one unit. Three hundred models are 44,850 pairs: a few hundred of them are one
pass over an array.

It is always the t test. ``compare`` decides tables of few units by resampling, which
cannot give a p-value small enough to survive the adjustment over thousands of
pairs; a table of few units says so. Everywhere else the two agree, and the tests
hold them together. Intervals are widened as there where changes are rare or one-sided.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from selfreward_eval.harness.stats.gains import SplitEnds, split_ends
from selfreward_eval.harness.stats.means import ROUNDING
from selfreward_eval.leaderboards.entries import item_means
from selfreward_eval.leaderboards.pair_tests import Moments, Pairs, joined, tested

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Chosen", "Stratum", "pairwise", "pairwise_macro", "pictures_of"]

AT_ONCE = 256
"""Pairs in one pass."""

Chosen: TypeAlias = "tuple[NDArray[np.intp], NDArray[np.intp]]"
"""Pairs by the positions of their first and their second model, the smaller first, shape (J,) each."""


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


def pairwise(
    values: NDArray[np.float64], stratum: Stratum, width: float = 1.0, *, chosen: Chosen | None = None
) -> Pairs:
    """A paired t test of the mean difference over one stratum, for every pair.

    A pair's numbers are the same in whatever company it is tested.

    Args:
        values: shape (models, items, samples); NaN where there is no number.
        stratum: the items to average over.
        width: of the metric's range.
        chosen: the pairs to test; all of them by default.
    """
    gaps = _Gaps(values, stratum, width)
    blocks = [_Block(gaps, *pairs) for pairs in _chunks(len(values), chosen)]
    return joined([tested([_moments(block)], width) for block in blocks])


def pairwise_macro(
    values: NDArray[np.float64],
    strata: Mapping[str, Stratum],
    width: float = 1.0,
    *,
    chosen: Chosen | None = None,
) -> tuple[Pairs, dict[str, Pairs]]:
    """The same for the unweighted mean over strata, with Satterthwaite's df, and for each stratum.

    Args:
        values: shape (models, items, samples).
        strata: at least one. A mean over several is not tested where one has fewer than
            :data:`selfreward_eval.harness.stats.choosing.FEW_IN_STRATUM` units.
        width: of the metric's range.
        chosen: the pairs to test; all of them by default.
    """
    whole: list[Pairs] = []
    single: dict[str, list[Pairs]] = {name: [] for name in strata}
    gaps = {name: _Gaps(values, stratum, width) for name, stratum in strata.items()}
    for pairs in _chunks(len(values), chosen):
        moments = {name: _moments(_Block(one, *pairs)) for name, one in gaps.items()}
        whole.append(tested(list(moments.values()), width))
        for name, moment in moments.items():
            single[name].append(tested([moment], width))
    return joined(whole), {name: joined(parts) for name, parts in single.items()}


def pictures_of(values: NDArray[np.float64], width: float) -> float:
    """How many pictures an item has if all are right or wrong; else infinite."""
    import numpy as np

    binary = width == 1 and bool(np.isin(values[~np.isnan(values)], (0.0, 1.0)).all())
    return float(values.shape[2]) if binary else float("inf")


def _chunks(models: int, chosen: Chosen | None) -> Iterator[Chosen]:
    """Pairs in parts small enough for the processor's cache."""
    import numpy as np

    first, second = np.triu_indices(models, 1) if chosen is None else chosen
    for start in range(0, len(first), AT_ONCE):
        yield first[start : start + AT_ONCE], second[start : start + AT_ONCE]


class _Gaps:
    """The models' marks over one stratum, and which models have all marks, of every stratum."""

    def __init__(self, values: NDArray[np.float64], stratum: Stratum, width: float) -> None:
        import numpy as np

        self.stratum = stratum
        self.width = width
        self.pictures = pictures_of(values, width)
        # Items side by side in memory, so that each pair's sums are taken in the same order always.
        self.values: NDArray[np.float64] = np.take(values, stratum.order, axis=1)
        self.means: NDArray[np.float64] = item_means(self.values)
        self.complete: NDArray[np.bool_] = np.asarray(~np.isnan(values).any(axis=(1, 2)))


@dataclass(frozen=True, eq=False)
class _Block:
    """Some pairs of models: the positions of the first and of the second of each, shape (J,)."""

    gaps: _Gaps
    first: NDArray[np.intp]
    second: NDArray[np.intp]

    def differences(self) -> NDArray[np.float64]:
        """Item differences, shape (J, G); NaN for an item without a pair of scored samples."""
        import numpy as np

        gaps = self.gaps
        out: NDArray[np.float64] = gaps.means[self.second] - gaps.means[self.first]
        rows = np.flatnonzero(~gaps.complete[self.second] | ~gaps.complete[self.first])
        if len(rows):
            # Sample by sample, as a mean over the samples that only one has a number for is no pair.
            out[rows] = item_means(gaps.values[self.second[rows]] - gaps.values[self.first[rows]])
        return out


def _moments(block: _Block) -> Moments:
    import numpy as np

    stratum = block.gaps.stratum
    difference = block.differences()
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
    return Moments(
        items=items,
        units=units,
        mean=np.where(nothing, np.nan, mean),
        variance=np.where(units < 2, np.nan, variance),
        moved=(present & (value != 0)).sum(axis=1),
        up=np.asarray((present & (value > 0)).any(axis=1)),
        down=np.asarray((present & (value < 0)).any(axis=1)),
        gains=_sums(np.where(present & (value > 0), value, 0.0)),
        losses=_sums(np.where(present & (value < 0), value, 0.0)),
        split=lambda rows: _split(block.gaps, filled[rows], known[rows]),
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


def _split(gaps: _Gaps, filled: NDArray[np.float64], known: NDArray[np.bool_]) -> SplitEnds:
    """The interval of some pairs, made of gains and losses."""
    import numpy as np

    stratum = gaps.stratum

    sides = [np.maximum(sign * filled / gaps.width, 0.0) for sign in (1, -1)]
    (present, _, gains), (_, _, losses) = (_unit_values(side, known, stratum) for side in sides)
    return split_ends(gains, losses, present, gaps.pictures * known.sum(axis=1))
