"""The BCa bootstrap of a mean: an interval that assumes no distribution, beside the one that decides.

Bias-corrected and accelerated (Efron 1987): percentiles of the resampled means,
corrected for bias and skewness. It is a robustness line. Where it and the t interval differ much,
a few items dominate the result. It decides nothing, because with few items or coarse
marks it covers less than its level (``docs/calibration.md``).

Resamples are not needed where the distribution of the resampled mean can be computed
(:mod:`selfreward_eval.harness.stats.ideal_bootstrap`). That leaves no Monte-Carlo error, gives the same
interval for any seed, and is faster than ``scipy.stats.bootstrap`` (``benchmarks/README.md``). Where it
cannot be computed, with few units of graded scores above all, resamples are drawn. ``method`` says
which it was, and ``ideal=False`` asks for resamples.

>>> bca({"": [0.0, 0.25, 0.25, 0.5, 1.0, 0.75]}).method
'ideal bootstrap by convolution, no resampling'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from selfreward_eval.harness.stats.convolution import lattice_means
from selfreward_eval.harness.stats.ideal_bootstrap import ideal_means
from selfreward_eval.harness.stats.means import Values, mean_and_variance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["RESAMPLES", "BootstrapInterval", "bca", "bca_of_resamples", "resampled_means"]

RESAMPLES = 9999

LATTICE = 1 << 17
"""Most points of a lattice from which resampled means are drawn instead of item by item."""

CHUNK = 1 << 15
"""Items drawn at a time, so that a chunk stays in the cache."""


@dataclass(frozen=True)
class BootstrapInterval:
    """A mean with its BCa interval.

    Attributes:
        value: the mean, or the unweighted mean over strata.
        low: lower end, or None where ``why`` says what is missing.
        high: upper end, likewise.
        resamples: how many resamples were drawn, 0 where none had to be.
        seed: of the resamples.
        bias: z0, the normal quantile of the share of resampled means below the value.
        acceleration: a, how fast the standard error changes with the mean.
        why: why there is no interval, else empty.
        method: how the distribution of resampled means was found; ``none`` where there is no interval.
    """

    value: float
    low: float | None
    high: float | None
    resamples: int
    seed: int
    bias: float | None = None
    acceleration: float | None = None
    why: str = ""
    method: str = "none"


def bca(
    strata: Mapping[str, Values],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
    ideal: bool = True,
) -> BootstrapInterval:
    """The BCa interval of a mean of independent units, or of an unweighted mean over strata.

    Each stratum is resampled by itself.

    Args:
        strata: name -> one number per unit, shape (G_j,), G_j >= 1; one of any name for a plain mean.
        resamples: how many are drawn where they have to be, >= 1.
        seed: of the resamples.
        level: coverage, in (0, 1).
        ideal: whether to do without resamples where that is possible.

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
        return BootstrapInterval(value, None, None, 0, seed, why="a single unit cannot be resampled")
    if all(variance == 0 for _, variance in moments):
        return BootstrapInterval(value, None, None, 0, seed, why="nothing varies, so nor do resamples")
    distribution = ideal_means(groups) if ideal else None
    if distribution is None:
        rng = np.random.default_rng(seed)
        means = np.mean([resampled_means(group, resamples, rng) for group in groups], axis=0)
        return bca_of_resamples(value, groups, means, seed, level)
    bias, acceleration, shares = _corrected(distribution.below, groups, level)
    low, high = value + distribution.quantiles(shares)
    method = f"ideal bootstrap by {distribution.how}, no resampling"
    return BootstrapInterval(value, float(low), float(high), 0, seed, bias, acceleration, method=method)


def resampled_means(
    values: NDArray[np.float64], resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Means of samples of n drawn with replacement from the n ``values``, shape (resamples,).

    Values that are multiples of a step are not drawn item by item: the sum is, from its own distribution.
    """
    import numpy as np

    n = len(values)
    ordered = np.sort(values)
    lattice = lattice_means([ordered], LATTICE) if ordered[0] < ordered[-1] else None
    if lattice is not None:
        return ordered.mean() + lattice.draw(resamples, rng)
    kind = np.uint16 if n <= np.iinfo(np.uint16).max else np.int64
    means = np.empty(resamples)
    rows = max(1, CHUNK // n)
    for start in range(0, resamples, rows):
        stop = min(start + rows, resamples)
        drawn = rng.integers(0, n, size=(stop - start, n), dtype=kind)
        means[start:stop] = ordered.take(drawn).mean(axis=1)
    return means


def bca_of_resamples(
    value: float,
    groups: Sequence[NDArray[np.float64]],
    means: NDArray[np.float64],
    seed: int = 0,
    level: float = 0.95,
) -> BootstrapInterval:
    """The BCa percentiles of given resampled means.

    Args:
        value: the mean that was resampled.
        groups: the units of every stratum.
        means: resampled (macro) means, shape (B,).
        seed: noted in the result.
        level: coverage, in (0, 1).
    """
    import numpy as np

    slack = 1e-12 * max(1.0, abs(value))  # Coarse marks tie with the value; a tie is half below it.
    below = (np.count_nonzero(means < value - slack) + np.count_nonzero(means <= value + slack)) / 2
    if not 0 < below < len(means):
        why = "all resampled means lie on one side of the mean"
        return BootstrapInterval(value, None, None, len(means), seed, why=why)
    bias, acceleration, shares = _corrected(below / len(means), groups, level)
    low, high = np.quantile(means, shares)
    method = f"{len(means):,} resamples"
    return BootstrapInterval(
        value, float(low), float(high), len(means), seed, bias, acceleration, method=method
    )


def _corrected(
    below: float, groups: Sequence[NDArray[np.float64]], level: float
) -> tuple[float, float, NDArray[np.float64]]:
    """Bias z0, acceleration a, and the two shares at which BCa takes its percentiles.

    The acceleration is the jackknife's; for the mean of stratum j it comes to
    sum over strata and units of ((x - mean_j) / G_j)^3, over 6 times the sum of squares ^ 1.5
    (several samples: Efron & Tibshirani 1993, chapters 14 and 22).
    """
    import numpy as np
    from scipy.special import ndtr, ndtri

    bias = float(ndtri(below))
    influence = np.concatenate([(group - group.mean()) / len(group) for group in groups])
    squares = influence * influence
    acceleration = float((squares * influence).sum() / (6 * squares.sum() ** 1.5))
    tails = ndtri(np.array([0.5 - level / 2, 0.5 + level / 2])) + bias
    return bias, acceleration, ndtr(bias + tails / (1 - acceleration * tails))
