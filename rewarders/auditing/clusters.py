"""Intervals for numbers over pictures of which those of one item resemble each other.

The jackknife leaves out one item (or cluster of items) at a time. It is taken on a scale without ends
(Fisher's z for correlations, the logit for areas), with Student's t on clusters - 1 degrees of freedom,
and carried back, so that an interval never leaves the statistic's range.

Source: Efron & Tibshirani 1993, chapter 11; Obuchowski 1997 for areas over clustered data.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from math import atanh, inf, isfinite, log, sqrt, tanh
from typing import TYPE_CHECKING

from selfreward_eval.harness.stats.means import cluster_values, mean_interval, t_quantile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["AREA", "CORRELATION", "PLAIN", "Estimate", "Scale", "jackknife", "mean_over_units"]

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    Attributes:
        value: the number; None where ``why`` says what is missing.
        low: lower end of the 95 % interval; None where it cannot be told.
        high: upper end, likewise.
        n: pictures it rests on.
        units: items, or clusters of items, it rests on.
        why: what is missing, where value or interval are; else empty.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    units: int
    why: str = ""

    @classmethod
    def absent(cls, why: str, n: int = 0, units: int = 0) -> Estimate:
        """No number, and why."""
        return cls(None, None, None, n, units, why)


@dataclass(frozen=True)
class Scale:
    """A scale without ends, and the way back."""

    there: Callable[[float], float]
    back: Callable[[float], float]


def _fisher(value: float) -> float:
    return atanh(value) if -1 < value < 1 else inf


def _logit(value: float) -> float:
    return log(value / (1 - value)) if 0 < value < 1 else inf


CORRELATION = Scale(_fisher, tanh)
AREA = Scale(_logit, lambda z: (1 + tanh(z / 2)) / 2)
PLAIN = Scale(lambda value: value, lambda value: value)


def jackknife(
    statistic: Callable[[NDArray[np.int64]], float | None],
    clusters: Sequence[Hashable],
    scale: Scale = PLAIN,
    *,
    absent: str = "it is not defined for these pictures",
    level: float = LEVEL,
) -> Estimate:
    """A statistic over pictures with an interval over clusters.

    Args:
        statistic: takes the numbers of the pictures to use, shape (k,); None where it is not defined.
        clusters: of every picture, shape (n,).
        scale: on which the interval is made.
        absent: why the statistic of all pictures is None, if it is.
        level: coverage, in (0, 1).
    """
    import numpy as np

    n = len(clusters)
    numbers = {name: k for k, name in enumerate(dict.fromkeys(clusters))}
    owner = np.array([numbers[name] for name in clusters], dtype=np.int64)
    units, everything = len(numbers), np.arange(n)
    if n == 0:
        return Estimate.absent("nothing was scored")
    value = statistic(everything)
    if value is None:
        return Estimate.absent(absent, n, units)
    centre = scale.there(value)
    if units < 3:
        return Estimate(value, None, None, n, units, "fewer than three items have no interval")
    if not isfinite(centre):
        return Estimate(value, None, None, n, units, "at the end of its range no interval can be estimated")
    moved = []
    for unit in range(units):
        part = statistic(everything[owner != unit])
        moved.append(inf if part is None else scale.there(part))
    if not all(map(isfinite, moved)):
        return Estimate(value, None, None, n, units, "it rests on a single item")
    gaps = np.array(moved) - np.mean(moved)
    half = t_quantile(units - 1.0, 0.5 + level / 2) * sqrt((units - 1) / units * float(gaps @ gaps))
    return Estimate(value, scale.back(centre - half), scale.back(centre + half), n, units)


def mean_over_units(
    values: Sequence[float],
    clusters: Sequence[Hashable],
    n: int,
    ends: tuple[float, float],
    absent: str,
    level: float = LEVEL,
) -> Estimate:
    """The mean of one value per item with a t interval over clusters, cut at the ends of its range.

    Args:
        values: one per item.
        clusters: of every item, aligned.
        n: pictures behind them.
        ends: smallest and largest possible value.
        absent: why there is no value, if there is none.
        level: coverage, in (0, 1).
    """
    if not values:
        return Estimate.absent(absent, n)
    found = mean_interval(cluster_values(values, clusters), level)
    if found.low is None or found.high is None:
        return Estimate(found.value, None, None, n, found.n, "a single item has no interval")
    return Estimate(found.value, max(found.low, ends[0]), min(found.high, ends[1]), n, found.n)
