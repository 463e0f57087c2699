"""The BCa bootstrap of a mean: an interval that assumes no distribution, beside the one that decides.

Bias-corrected and accelerated (Efron 1987): percentiles of the resampled means,
moved for skewness. It is a robustness line. Where it and the t interval differ much,
a few items carry the result; it does not decide, because with few items or coarse
marks it covers less than it says (``docs/calibration.md``).

Resamples are drawn fast but exactly: marks of a few pictures are multiples of some
fraction, and then the distribution of a resample's sum is a convolution from which
it can be drawn at once instead of item by item.

>>> bca([0.0, 0.25, 0.25, 0.5, 1.0, 0.75]).low is not None
True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.stats.means import Values, mean_and_variance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["RESAMPLES", "BootstrapInterval", "bca", "bca_macro", "bca_of_resamples", "resampled_means"]

RESAMPLES = 9999

LATTICE = 1 << 17
"""Largest number of possible sums for which their distribution is worked out."""

CHUNK = 1 << 15
"""Items drawn at a time, so that a chunk stays in the cache."""


@dataclass(frozen=True)
class BootstrapInterval:
    """A mean with its BCa interval.

    Attributes:
        value: the mean, or the unweighted mean over strata.
        low: lower end, or None where ``why`` says what is missing.
        high: upper end, likewise.
        resamples: how many resamples were drawn.
        seed: of the resamples.
        bias: z0, the normal quantile of the share of resampled means below the value.
        acceleration: a, how fast the standard error changes with the mean.
        why: why there is no interval, else empty.
    """

    value: float
    low: float | None
    high: float | None
    resamples: int
    seed: int
    bias: float | None = None
    acceleration: float | None = None
    why: str = ""


def bca(
    values: Values, *, resamples: int = RESAMPLES, seed: int = 0, level: float = 0.95
) -> BootstrapInterval:
    """The BCa interval of a mean of independent units.

    Args:
        values: one number per unit, shape (n,), n >= 1.
        resamples: how many, >= 1.
        seed: of the resamples.
        level: coverage, in (0, 1).

    Raises:
        ValueError: no values, no resamples, or a level outside (0, 1).
    """
    return bca_macro({"": values}, resamples=resamples, seed=seed, level=level)


def bca_macro(
    strata: Mapping[str, Values], *, resamples: int = RESAMPLES, seed: int = 0, level: float = 0.95
) -> BootstrapInterval:
    """The same for an unweighted mean over strata, each resampled by itself.

    Args:
        strata: name -> one number per unit, shape (G_j,), G_j >= 1.
        resamples: how many, >= 1.
        seed: of the resamples.
        level: coverage, in (0, 1).

    Raises:
        ValueError: no strata, an empty one, no resamples, or a level outside (0, 1).
    """
    import numpy as np

    if not strata:
        raise ValueError("a bootstrap needs at least one stratum")
    if resamples < 1:
        raise ValueError(f"at least one resample is needed, got {resamples}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    groups = [np.asarray(values, dtype=float) for values in strata.values()]
    moments = [mean_and_variance(group) for group in groups]
    value = float(np.mean([mean for mean, _ in moments]))
    if any(len(group) == 1 for group in groups):
        return BootstrapInterval(value, None, None, resamples, seed, why="a single unit cannot be resampled")
    if all(variance == 0 for _, variance in moments):
        return BootstrapInterval(
            value, None, None, resamples, seed, why="nothing varies, so nor do resamples"
        )
    rng = np.random.default_rng(seed)
    means = np.mean([resampled_means(group, resamples, rng) for group in groups], axis=0)
    return bca_of_resamples(value, groups, means, seed, level)


def resampled_means(
    values: NDArray[np.float64], resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Means of samples of n drawn with replacement from the n ``values``, shape (resamples,)."""
    import numpy as np

    n = len(values)
    steps = _lattice(values)
    if steps is not None:
        return _lattice_means(values, steps, resamples, rng)
    ordered = np.sort(values)
    kind = np.uint16 if n <= np.iinfo(np.uint16).max else np.int64
    means = np.empty(resamples)
    rows = max(1, CHUNK // n)
    for start in range(0, resamples, rows):
        stop = min(start + rows, resamples)
        drawn = rng.integers(0, n, size=(stop - start, n), dtype=kind)
        means[start:stop] = ordered.take(drawn).mean(axis=1)
    return means


def _lattice(values: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """How many equal steps each value lies above the smallest, or None where there is no such step."""
    import numpy as np

    distinct = np.unique(values)
    # Equal marks may differ in the last digit; a step is more than rounding.
    gaps = np.diff(distinct)
    gaps = gaps[gaps > 1e-9 * (distinct[-1] - distinct[0])]
    if len(gaps) == 0 or (distinct[-1] - distinct[0]) / gaps.min() * len(values) >= LATTICE:
        return None
    exact = (values - distinct[0]) / gaps.min()
    steps = np.rint(exact)
    return steps.astype(np.int64) if np.abs(exact - steps).max() < 1e-6 else None


def _lattice_means(
    values: NDArray[np.float64], steps: NDArray[np.int64], resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draws the sum of n steps from its own distribution, the n-fold convolution of one draw's."""
    import numpy as np

    n, top = len(values), int(steps.max())
    single = np.bincount(steps) / n
    size = 1 << (n * top).bit_length()
    sums = np.maximum(np.fft.irfft(np.fft.rfft(single, size) ** n, size)[: n * top + 1], 0.0)
    below = np.cumsum(sums)
    drawn = np.searchsorted(below, rng.random(resamples) * below[-1], side="right")
    low, step = float(values.min()), float(np.ptp(values)) / top
    return (n * low + np.minimum(drawn, n * top) * step) / n


def bca_of_resamples(
    value: float,
    groups: list[NDArray[np.float64]],
    means: NDArray[np.float64],
    seed: int = 0,
    level: float = 0.95,
) -> BootstrapInterval:
    """The BCa percentiles of given resampled means.

    The acceleration is the jackknife's; for the mean of stratum j it comes to
    sum over strata and units of ((x - mean_j) / G_j)^3, over 6 times the sum of squares ^ 1.5
    (several samples: Efron & Tibshirani 1993, chapters 14 and 22).

    Args:
        value: the mean that was resampled.
        groups: the units of every stratum.
        means: resampled (macro) means, shape (B,).
        seed: noted in the result.
        level: coverage, in (0, 1).
    """
    import numpy as np
    from scipy.special import ndtr, ndtri

    slack = 1e-12 * max(1.0, abs(value))  # Coarse marks tie with the value; a tie is half below it.
    below = (np.count_nonzero(means < value - slack) + np.count_nonzero(means <= value + slack)) / 2
    if not 0 < below < len(means):
        why = "all resampled means lie on one side of the mean"
        return BootstrapInterval(value, None, None, len(means), seed, why=why)
    bias = float(ndtri(below / len(means)))
    pulls = np.concatenate([(group - group.mean()) / len(group) for group in groups])
    acceleration = float((pulls**3).sum() / (6 * (pulls**2).sum() ** 1.5))
    tails = ndtri(np.array([0.5 - level / 2, 0.5 + level / 2])) + bias
    shares = ndtr(bias + tails / (1 - acceleration * tails))
    low, high = np.quantile(means, shares)
    return BootstrapInterval(value, float(low), float(high), len(means), seed, bias, acceleration)
