"""The mean of a benchmark with its uncertainty: plain, clustered and over strata.

Arrays in, frozen results out. The unit of analysis is an item's mean over its
samples (or a cluster of items), never the single sample: pictures of one
prompt resemble each other, and counting them as independent rejects a true
null hypothesis three to eight times too often.

>>> mean_interval([0.0, 0.5, 1.0]).df
2.0
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import fsum, isfinite, sqrt
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "SMALL_STRATUM",
    "Interval",
    "Values",
    "cluster_values",
    "df_of_sizes",
    "flatten",
    "icc",
    "macro_interval",
    "mean_and_variance",
    "mean_interval",
    "t_quantile",
]

Values: TypeAlias = "Sequence[float] | NDArray[np.floating]"
"""A vector of finite numbers."""

ROUNDING = 1e-13
"""Relative spread below which numbers count as equal: (1/3 + 2/3) / 2 and 1/2 may differ in the last digit,
and a t value made of that digit would be enormous."""


SMALL_STRATUM = 10
"""A stratum with fewer units may seem to vary little by chance. The standard error is then too small and the
degrees of freedom too many at once, which small p-values (a leaderboard's, after Holm) do not forgive."""


@dataclass(frozen=True)
class Interval:
    """A mean with its standard error and interval.

    Attributes:
        value: the mean.
        se: its standard error; None where the data cannot tell (a single item), 0 where
            nothing varies.
        df: degrees of freedom of the standard error, or None with ``se``.
        low: lower end of the interval (Student's t unless the function that made it says
            otherwise), or None with ``se``. A t interval is not clipped to the metric's range.
        high: upper end, likewise.
        n: units of analysis (items or clusters).
    """

    value: float
    se: float | None
    df: float | None
    low: float | None
    high: float | None
    n: int


@lru_cache(maxsize=256)
def t_quantile(df: float, probability: float) -> float:
    """The quantile of Student's t with ``df`` > 0 degrees of freedom, 0 < probability < 1."""
    from scipy.special import stdtrit

    return float(stdtrit(df, probability))


def mean_and_variance(values: Values) -> tuple[float, float | None]:
    """Mean, and sample variance (None for a single value).

    Sums are exact (``fsum``), so the order of the values cannot change a digit.
    Values that are equal but for rounding have a variance of exactly 0.
    """
    import numpy as np

    numbers = np.asarray(values, dtype=float)
    if numbers.size == 0:
        raise ValueError("a mean needs at least one value")
    low, high = float(numbers.min()), float(numbers.max())
    if not (isfinite(low) and isfinite(high)):
        raise ValueError("a mean needs finite values; leave out what was not scored")
    mean = low if low == high else fsum(numbers.tolist()) / len(numbers)
    if len(numbers) == 1:
        return mean, None
    if high - low <= ROUNDING * max(abs(low), abs(high)):
        return mean, 0.0
    return mean, fsum(np.square(numbers - mean).tolist()) / (len(numbers) - 1)


def _interval(value: float, se: float | None, df: float | None, n: int, level: float) -> Interval:
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    if se is None or df is None:
        return Interval(value, None, None, None, None, n)
    half = t_quantile(df, 0.5 + level / 2) * se if se > 0 else 0.0
    return Interval(value, se, df, value - half, value + half, n)


def mean_interval(item_means: Values, level: float = 0.95) -> Interval:
    """The mean of independent units with a t interval on n - 1 degrees of freedom.

    Args:
        item_means: one number per unit, shape (n,), n >= 1.
        level: coverage of the interval, in (0, 1).

    Raises:
        ValueError: no values, or a level outside (0, 1).
    """
    n = len(item_means)
    mean, variance = mean_and_variance(item_means)
    if variance is None:
        return _interval(mean, None, None, n, level)
    return _interval(mean, sqrt(variance / n), float(n - 1), n, level)


def macro_interval(strata: Mapping[str, Values], level: float = 0.95) -> Interval:
    """The unweighted mean of stratum means, with Satterthwaite's degrees of freedom.

    With K strata, s_j^2 the variance and G_j the units of stratum j, v_j = s_j^2 / (K^2 G_j):
    the variance is the sum of v_j and df = (sum v_j)^2 / sum(v_j^2 / (G_j - 1)). Where
    nothing varies at all, df is the sum of G_j - 1. Where a stratum is small (:data:`SMALL_STRATUM`),
    df is not above that of strata that vary alike. A stratum with a single unit has no
    variance to estimate, so then there is no standard error.

    Args:
        strata: name -> one number per unit, shape (G_j,), G_j >= 1.
        level: coverage of the interval, in (0, 1).

    Raises:
        ValueError: no strata, an empty stratum, or a level outside (0, 1).
    """
    if not strata:
        raise ValueError("a macro mean needs at least one stratum")
    for name, values in strata.items():
        if len(values) == 0:
            raise ValueError(f"stratum {name!r} has no values")
    sizes = [len(values) for values in strata.values()]
    moments = [mean_and_variance(values) for values in strata.values()]
    value = fsum(mean for mean, _ in moments) / len(sizes)
    terms = [
        None if variance is None else variance / (len(sizes) ** 2 * size)
        for (_, variance), size in zip(moments, sizes, strict=True)
    ]
    parts = [term for term in terms if term is not None]
    if len(parts) < len(terms):
        return _interval(value, None, None, sum(sizes), level)
    total = fsum(parts)
    # Shares instead of variances: squares of tiny variances would underflow.
    df = (
        1 / fsum((part / total) ** 2 / (size - 1) for part, size in zip(parts, sizes, strict=True))
        if total > 0
        else float(sum(sizes) - len(sizes))
    )
    if total > 0 and min(sizes) < SMALL_STRATUM:
        df = min(df, df_of_sizes(sizes))
    return _interval(value, sqrt(total), df, sum(sizes), level)


def df_of_sizes(sizes: Sequence[int]) -> float:
    """Satterthwaite's degrees of freedom of a macro mean over strata of these sizes that vary alike.

    Args:
        sizes: units of every stratum, each >= 2.
    """
    return fsum(1 / size for size in sizes) ** 2 / fsum(1 / (size**2 * (size - 1)) for size in sizes)


def cluster_values(item_means: Values, clusters: Sequence[Hashable]) -> list[float]:
    """One value per cluster whose mean and SE are the cluster-robust ones of the items.

    The value of cluster c is mean + (C / n) * (sum over its items of item - mean), C clusters
    of n items: :func:`mean_interval` of these gives the mean over items and the cluster-robust
    standard error with the C / (C - 1) factor. For clusters of equal size it is the cluster's
    own mean; where every item is its own cluster, the item itself.

    Args:
        item_means: shape (n,).
        clusters: the cluster of every item, same length.

    Returns:
        Shape (C,), clusters in order of first appearance.
    """
    if len(item_means) != len(clusters):
        raise ValueError(f"{len(item_means)} items but {len(clusters)} cluster names")
    members: dict[Hashable, list[float]] = {}
    for value, cluster in zip(item_means, clusters, strict=True):
        members.setdefault(cluster, []).append(float(value))
    if len(members) == len(item_means):
        return [float(value) for value in item_means]
    mean, _ = mean_and_variance(item_means)
    factor = len(members) / len(item_means)
    return [mean + factor * fsum(value - mean for value in group) for group in members.values()]


def icc(groups: Sequence[Values]) -> float | None:
    """Intraclass correlation of samples within items, from one-way analysis of variance.

    (MSB - MSW) / (MSB + (m0 - 1) MSW), with m0 the usual average group size for unequal
    groups. 1 means that the samples of an item agree entirely; negative estimates are kept.

    Args:
        groups: the samples of every item, shapes (m_p,), m_p >= 1.

    Returns:
        At most 1, or None where it is not defined: fewer than two items, one sample
        each, or no variation at all.
    """
    import numpy as np

    flat, sizes = flatten(groups)
    sizes = sizes[sizes > 0]
    n, count = len(flat), len(sizes)
    if count < 2 or n == count:
        return None
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    low, high = np.minimum.reduceat(flat, starts), np.maximum.reduceat(flat, starts)
    # Samples that agree have that very mean, and an item of them no variance, whatever rounding says.
    means = np.where(low == high, low, np.add.reduceat(flat, starts) / sizes)
    grand = float(low[0]) if low.min() == high.max() else float(flat.sum() / n)
    between = float(sizes @ (means - grand) ** 2) / (count - 1)
    within = float(((flat - np.repeat(means, sizes)) ** 2).sum()) / (n - count)
    size = (n - float((sizes**2).sum()) / n) / (count - 1)
    scale = between + (size - 1) * within
    return (between - within) / scale if scale > 0 else None


def flatten(groups: Sequence[Values]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The samples of all items in one vector, and how many each item has.

    Args:
        groups: shapes (m_p,), m_p >= 0; an array of shape (n, m) is the fast case.

    Returns:
        Shapes (sum of m_p,) and (n,).
    """
    import numpy as np

    if isinstance(groups, np.ndarray) and groups.ndim == 2:
        return groups.astype(float).ravel(), np.full(len(groups), groups.shape[1])
    parts = [np.asarray(group, dtype=float) for group in groups]
    sizes = np.array([len(part) for part in parts], dtype=np.int64)
    return (np.concatenate(parts) if parts else np.zeros(0)), sizes
