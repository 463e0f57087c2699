"""How a reward ranks pictures: rank correlation, area under the curve, separation, order inside a prompt.

A trainer that compares the pictures of one prompt sees differences inside a prompt only. A reward may
rank prompts well and their pictures not at all; hence both.

>>> auc([0.9, 0.4, 0.4], [True, True, False])
0.75
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from selfreward_eval.harness.stats.means import Values
from selfreward_eval.rewarders.auditing.clusters import (
    AREA,
    CORRELATION,
    PLAIN,
    Estimate,
    jackknife,
    mean_over_units,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "RocPoint",
    "area",
    "auc",
    "inside_area",
    "inside_order",
    "rank_correlation",
    "roc",
    "separation",
    "spearman",
]

STILL = "the reward or the measurement never varies"
ONE_KIND = "all pictures are right, or all are wrong"
NO_MIXED_ITEM = "no item has both a right and a wrong picture"
NO_VARIED_ITEM = "no item has pictures of different measurements"


def spearman(first: Values, second: Values) -> float | None:
    """Spearman's rank correlation in [-1, 1], ties at their mean rank; None where a side never varies."""
    import numpy as np
    from scipy.stats import rankdata

    if len(first) < 2:
        return None
    a, b = (rankdata(np.asarray(side, dtype=float)) for side in (first, second))
    a, b = a - a.mean(), b - b.mean()
    scale = float(a @ a) * float(b @ b)
    return None if scale == 0 else min(1.0, max(-1.0, float(a @ b) / scale**0.5))


def auc(rewards: Values, right: Sequence[bool] | NDArray[np.bool_]) -> float | None:
    """How often a right picture is rewarded above a wrong one, ties counting one half; None without both."""
    import numpy as np
    from scipy.stats import rankdata

    marks = np.asarray(right, dtype=bool)
    good = int(marks.sum())
    bad = len(marks) - good
    if good == 0 or bad == 0:
        return None
    ranks = rankdata(np.asarray(rewards, dtype=float))
    return float((ranks[marks].sum() - good * (good + 1) / 2) / (good * bad))


def rank_correlation(rewards: Values, measured: Values, clusters: Sequence[Hashable]) -> Estimate:
    """:func:`spearman` with an interval over clusters."""
    import numpy as np

    a, b = np.asarray(rewards, dtype=float), np.asarray(measured, dtype=float)
    return jackknife(lambda kept: spearman(a[kept], b[kept]), clusters, CORRELATION, absent=STILL)


def area(rewards: Values, right: Sequence[bool], clusters: Sequence[Hashable]) -> Estimate:
    """:func:`auc` with an interval over clusters."""
    import numpy as np

    values, marks = np.asarray(rewards, dtype=float), np.asarray(right, dtype=bool)
    return jackknife(lambda kept: auc(values[kept], marks[kept]), clusters, AREA, absent=ONE_KIND)


def separation(rewards: Values, right: Sequence[bool], clusters: Sequence[Hashable]) -> Estimate:
    """(mean reward of right pictures - mean reward of wrong ones) / standard deviation of all rewards.

    In the spirit of SRUM's accept/reject separation (arXiv:2510.12784, table 3), whose unit is not
    published: accepted is what the benchmark calls right, and the unit is the rewards' own.
    """
    import numpy as np

    values, marks = np.asarray(rewards, dtype=float), np.asarray(right, dtype=bool)

    def of(kept: NDArray[np.int64]) -> float | None:
        part, good = values[kept], marks[kept]
        if good.all() or not good.any() or np.ptp(part) == 0:
            return None
        return float((part[good].mean() - part[~good].mean()) / part.std(ddof=1))

    return jackknife(of, clusters, PLAIN, absent=ONE_KIND if len(set(marks.tolist())) < 2 else STILL)


def inside_area(
    rewards: Values, right: Sequence[bool], items: Sequence[Hashable], clusters: Sequence[Hashable]
) -> Estimate:
    """The mean over items of the AUC among an item's own pictures; items of one kind say nothing.

    ``n`` counts the pictures of the items that have both a right and a wrong one.
    """
    values, owners, n = [], [], 0
    for members in _members(items):
        one = auc([rewards[k] for k in members], [right[k] for k in members])
        if one is not None:
            values.append(one)
            owners.append(clusters[members[0]])
            n += len(members)
    return mean_over_units(values, owners, n, (0.0, 1.0), NO_MIXED_ITEM)


def inside_order(
    rewards: Values, measured: Values, items: Sequence[Hashable], clusters: Sequence[Hashable]
) -> Estimate:
    """The mean over items of Somers' D: (pairs in order - pairs out of order) / pairs, in [-1, 1].

    Pairs are those of an item's pictures whose measurements differ; one with equal rewards is in no
    order and counts as a pair. 0 is chance, 1 a reward that orders every such pair.
    """
    import numpy as np

    values, owners, n = [], [], 0
    for members in _members(items):
        reward = np.array([rewards[k] for k in members], dtype=float)
        truth = np.array([measured[k] for k in members], dtype=float)
        signs = np.sign(np.subtract.outer(truth, truth))
        pairs = np.count_nonzero(signs)
        if pairs:
            values.append(float((signs * np.sign(np.subtract.outer(reward, reward))).sum() / pairs))
            owners.append(clusters[members[0]])
            n += len(members)
    return mean_over_units(values, owners, n, (-1.0, 1.0), NO_VARIED_ITEM)


@dataclass(frozen=True)
class RocPoint:
    """Accepting every reward of at least ``reward``.

    Attributes:
        wrong: share of the wrong pictures that are accepted.
        right: share of the right ones.
        reward: the threshold; None where nothing is accepted.
    """

    wrong: float
    right: float
    reward: float | None


def roc(rewards: Values, right: Sequence[bool]) -> list[RocPoint]:
    """The curve from nothing accepted to everything, a point per reward; empty without both kinds."""
    import numpy as np

    values, marks = np.asarray(rewards, dtype=float), np.asarray(right, dtype=bool)
    if marks.all() or not marks.any():
        return []
    thresholds, place = np.unique(-values, return_inverse=True)
    good = np.bincount(place[marks], minlength=len(thresholds)).cumsum() / marks.sum()
    bad = np.bincount(place[~marks], minlength=len(thresholds)).cumsum() / (~marks).sum()
    points = [RocPoint(0.0, 0.0, None)]
    points += [RocPoint(float(b), float(g), float(-t)) for b, g, t in zip(bad, good, thresholds, strict=True)]
    return points


def _members(items: Sequence[Hashable]) -> Iterator[list[int]]:
    """The numbers of every item's pictures."""
    found: dict[Hashable, list[int]] = {}
    for k, item in enumerate(items):
        found.setdefault(item, []).append(k)
    yield from found.values()
