"""The ideal bootstrap of a mean: the distribution of the resampled mean, without resamples.

Resamples are drawn to estimate the distribution of their mean. The *ideal* bootstrap is what
infinitely many of them would show (Efron & Tibshirani 1993, section 6.2), and for a mean it can be
computed. A mean of independent draws has the characteristic function
phi(t)^n, where phi(t) is the mean of exp(i t x / n) over the units, and a mean over strata
has the product of theirs. It is inverted in one of two ways:

``convolution``   units that are multiples of some step, as marks of a few pictures are:
                  the n-fold convolution of one draw, every possible mean with its probability
``fourier``       graded scores, no two alike: the distribution function as a Fourier series
                  (Gil-Pelaez 1951), accurate where phi(t)^n decays and stays negligible

The second is refused, and resamples are drawn, where phi(t)^n does not decay: with about twenty
units or fewer, with a variance that comes from a few of them, and where the units are nearly
multiples of a step. The distribution of the mean then has clusters, which a truncated series would
smooth away.

Why this is kept although the BCa interval decides nothing: the interval has no Monte-Carlo error, so it
is the same for every seed and for A against B as for B against A, and a page of many categories
costs milliseconds. For 553 differences it takes 0.9 ms (marks of 4 pictures) or 1.9 ms (graded scores)
against 59 and 62 ms of ``scipy.stats.bootstrap`` with 10,000 resamples (``benchmarks/README.md``).
Its ends are also in the files of earlier comparisons, and another method would change them.

>>> import numpy as np
>>> ideal_means([np.array([0.0, 0.25, 1.0])]).how
'convolution'
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from selfreward_eval.harness.stats.convolution import LatticeMeans, lattice_means
from selfreward_eval.harness.stats.fourier import FourierMeans, fourier_means

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ideal_means"]


def ideal_means(groups: Sequence[NDArray[np.float64]]) -> LatticeMeans | FourierMeans | None:
    """How the resampled (macro) means of ``groups`` are distributed, or None where that has to be drawn.

    Args:
        groups: the units of every stratum, each shape (G_j,); something in them varies.
    """
    return lattice_means(groups) or fourier_means(groups)
