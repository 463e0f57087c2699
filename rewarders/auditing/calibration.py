"""Whether a reward means what it says: reliability of a probability, or the share of right by rank.

>>> bins, error = reliability([0.9, 0.9, 0.1, 0.1], [True, False, False, False], [0, 1, 2, 3], bins=2)
>>> [(round(one.reward, 3), one.right) for one in bins], round(error, 3)
([(0.1, 0.0), (0.9, 0.5)], 0.25)
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING

from selfreward_eval.harness.stats.means import Values
from selfreward_eval.harness.stats.wilson import wilson_clustered

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["BINS", "Bin", "by_rank", "reliability"]

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Pictures of like reward.

    Attributes:
        reward: their mean reward.
        right: share of them that is right.
        low: lower end of its 95 % interval over items; None for fewer than two items.
        high: upper end, likewise.
        n: how many pictures.
    """

    reward: float
    right: float
    low: float | None
    high: float | None
    n: int


def reliability(
    probabilities: Values, right: Sequence[bool], clusters: Sequence[Hashable], bins: int = BINS
) -> tuple[list[Bin], float]:
    """Bins of equal width over [0, 1], empty ones left out, and the expected calibration error.

    The error is sum over bins of n_b / n * |share right - mean probability| (Naeini et al. 2015).

    Args:
        probabilities: each in [0, 1], shape (n,), n >= 1.
        right: aligned.
        clusters: of every picture.
        bins: how many.

    Raises:
        ValueError: no pictures, or a number that is no probability.
    """
    import numpy as np

    values = np.asarray(probabilities, dtype=float)
    if values.size == 0 or values.min() < 0 or values.max() > 1:
        raise ValueError("a reliability table needs numbers in [0, 1]")
    found = _bins(values, np.minimum((values * bins).astype(np.int64), bins - 1), right, clusters)
    return found, fsum(one.n * abs(one.right - one.reward) for one in found) / len(values)


def by_rank(
    rewards: Values, right: Sequence[bool], clusters: Sequence[Hashable], bins: int = BINS
) -> list[Bin]:
    """Bins of about equally many pictures by rank; equal rewards are never parted."""
    import numpy as np
    from scipy.stats import rankdata

    values = np.asarray(rewards, dtype=float)
    place = ((rankdata(values) - 0.5) / len(values) * bins).astype(np.int64)
    return _bins(values, place, right, clusters)


def _bins(
    values: NDArray[np.float64],
    place: NDArray[np.int64],
    right: Sequence[bool],
    clusters: Sequence[Hashable],
) -> list[Bin]:
    """The bins that hold a picture, the lowest first."""
    found = []
    for number in sorted(set(place.tolist())):
        members = [k for k, at in enumerate(place.tolist()) if at == number]
        groups: dict[Hashable, list[float]] = {}
        for k in members:
            groups.setdefault(clusters[k], []).append(float(right[k]))
        share = fsum(mark for group in groups.values() for mark in group) / len(members)
        low = high = None
        if len(groups) > 1:
            interval = wilson_clustered(list(groups.values()))
            low, high = interval.low, interval.high
        found.append(Bin(float(values[members].mean()), share, low, high, len(members)))
    return found
