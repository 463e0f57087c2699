"""Resampled means of graded scores, by the Fourier series of their distribution function.

Their characteristic function phi(t)^n is known, and the distribution function follows from
it (Gil-Pelaez 1951) at a few dozen frequencies, because phi(t)^n is soon as good as 0. It need
not stay so: where it returns, means bunch together, and then there is no series here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, pi, sqrt
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.stats.convolution import REACH, error_of, power

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["FourierMeans", "fourier_means"]

NOTHING = 1e-7
"""A characteristic function below this counts as dead: it could move a probability by no more."""

FIRST, MOST = 64, 4096
"""Frequencies of the series: how many are tried first, and how many at most. They are pi / REACH apart,
in radians per standard error."""

LOOK_OUT = 640.0
"""As far as this, in the same unit, one looks for a return. Means that bunch for one beyond it do so within
pi / LOOK_OUT = 0.005 standard errors, a fifth of the Monte-Carlo error of an end from 10,000 resamples."""

STRIDE = 1.6
"""From one look to the next. A return is as broad as the function is around 0, where it stays above
1 - t^2 / 2, so that no more than a third of its height is missed."""

CHUNK = 1 << 12
"""Units whose exponentials are taken at a time."""


@dataclass(frozen=True)
class FourierMeans:
    """Resampled means by the Fourier series of their distribution function.

    Attributes:
        error: standard deviation of the resampled means.
        low: the smallest possible mean minus the mean of the units.
        high: the largest one, likewise.
        waves: the characteristic function of the standardised mean at k pi / REACH, k = 1, 2, ...
    """

    error: float
    low: float
    high: float
    waves: NDArray[np.complex128]

    how = "Fourier inversion"

    @property
    def below(self) -> float:
        """The share of resampled means below the mean of the units."""
        import numpy as np

        return float(self.shares(np.zeros(1))[0])

    def shares(self, offsets: NDArray[np.floating]) -> NDArray[np.float64]:
        """The share of resampled means up to every offset from the mean of the units, shape as given."""
        import numpy as np

        frequencies, parts, start = self._series
        x = np.asarray(offsets, dtype=float) / self.error
        return np.asarray(start + x / (2 * REACH) + (np.exp(np.multiply.outer(x, frequencies)) @ parts).real)

    @cached_property
    def _series(self) -> tuple[NDArray[Any], NDArray[Any], float]:
        """Minus i times the frequencies, the coefficients, and the constant of the series.

        They are those of the density, the sum of waves_k exp(-i k pi x / REACH) over all whole k over
        2 REACH, integrated from -REACH, where the share is 0, to x.
        """
        import numpy as np

        k = np.arange(1, len(self.waves) + 1)
        parts = 1j * self.waves / (pi * k)
        return -1j * pi / REACH * k, parts, 0.5 - float((parts * (-1.0) ** k).sum().real)

    def quantiles(self, shares: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        """For every share the mean that as many do not exceed, minus the mean of the units."""
        import numpy as np

        wanted = np.asarray(shares, dtype=float)
        low = np.full(wanted.shape, max(self.low, -REACH * self.error))
        high = np.full(wanted.shape, min(self.high, REACH * self.error))
        for _ in range(40):  # Halves the window to 1e-11 standard errors.
            middle = (low + high) / 2
            beyond = self.shares(middle) < wanted
            low, high = np.where(beyond, middle, low), np.where(beyond, high, middle)
        return (low + high) / 2


def fourier_means(groups: Sequence[NDArray[np.float64]]) -> FourierMeans | None:
    """The resampled means by a Fourier series, or None where their characteristic function lives on.

    Args:
        groups: the units of every stratum, each shape (G_j,); something in them varies.
    """
    import numpy as np

    # Sorted, so that the order of the units cannot change a digit.
    parts = [np.sort(group) / (len(group) * len(groups)) for group in groups]
    parts = [part - part.mean() for part in parts]
    error = error_of(parts)
    pulls = [part / error for part in parts]
    apart, number = pi / REACH, FIRST
    waves = _waves(pulls, apart, apart, number)
    while np.abs(waves[number // 2 :]).max() > NOTHING:
        if number == MOST:
            return None
        waves = np.concatenate([waves, _waves(pulls, (number + 1) * apart, apart, number)])
        number *= 2
    start = number * apart
    looks = ceil((LOOK_OUT - start) / STRIDE)
    if looks > 0 and np.abs(_waves(pulls, start, STRIDE, looks)).max() > NOTHING:
        return None
    ends = [(len(part) * float(part[0]), len(part) * float(part[-1])) for part in parts]
    last = int(np.flatnonzero(np.abs(waves) > 1e-3 * NOTHING)[-1]) + 1
    return FourierMeans(error, sum(low for low, _ in ends), sum(high for _, high in ends), waves[:last])


def _waves(
    pulls: Sequence[NDArray[np.float64]], start: float, apart: float, number: int
) -> NDArray[np.complex128]:
    """The characteristic function of the mean at ``number`` frequencies from ``start`` on."""
    import numpy as np

    columns = ceil(sqrt(number))
    rows = ceil(number / columns)
    result: NDArray[np.complex128] = np.ones((rows, columns), dtype=complex)
    for pull in pulls:
        total: NDArray[np.complex128] = np.zeros((rows, columns), dtype=complex)
        for units in _chunks(pull):
            # exp(i (s + r) x) is a product: a few exponentials make a whole table of frequencies.
            coarse = _turns(units, start, apart * columns, rows)
            total += coarse @ _turns(units, 0.0, apart, columns).T
        result = result * power(total / len(pull), len(pull))
    return result.ravel()[:number]


def _turns(values: NDArray[np.float64], start: float, apart: float, number: int) -> NDArray[np.complex128]:
    """exp(i t x) at ``number`` frequencies t from ``start`` on, shape (number, values)."""
    import numpy as np

    table = np.empty((number, len(values)), dtype=complex)
    table[0] = np.exp(1j * start * values)
    turn = np.exp(1j * apart * values)
    for row in range(1, number):
        np.multiply(table[row - 1], turn, out=table[row])
    return table


def _chunks(values: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]
