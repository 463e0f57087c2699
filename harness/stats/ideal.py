"""The ideal bootstrap of a mean: how resampled means are distributed, without a resample.

Resamples are drawn to learn the distribution of their mean, and that distribution is
known: it is what infinitely many of them would show (the *ideal* bootstrap of Efron &
Tibshirani 1993, section 6.2). A mean of independent draws has the characteristic function
phi(t)^n, where phi(t) is the mean of exp(i t x / n) over the units, and a mean over strata
has the product of theirs. Two ways lead back from it:

``convolution``   units that are multiples of some step, as marks of a few pictures are:
                  the n-fold convolution of one draw, every possible mean with its probability
``fourier``       graded scores, no two alike: the distribution function as a Fourier series
                  (Gil-Pelaez 1951), good where phi(t)^n dies out and stays dead

The second is refused, and resamples have to be drawn, where phi(t)^n does not die out. So it
is with about twenty units or fewer, with a spread that hangs on a few of them, and where the units
are nearly marks: means then bunch together, and a series that stops would smooth over that.

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
