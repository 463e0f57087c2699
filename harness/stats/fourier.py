"""Resampled means of graded scores, by the Fourier series of their distribution function.

Their characteristic function phi(t)^n is known, and the distribution function follows from
it (Gil-Pelaez 1951) at a few dozen frequencies, because phi(t)^n soon becomes negligible. It need
not stay so: where it grows again, the means cluster, and the series is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, pi, sqrt
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.stats.convolution import REACH, complex_power, error_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["FourierMeans", "fourier_means"]

NEGLIGIBLE = 1e-7
"""A characteristic function below this is taken as 0; it could change a probability by no more."""

FIRST, MOST = 64, 4096
"""Frequencies of the series: how many are tried first, and how many at most. They are pi / REACH apart,
in radians per standard error."""

SEARCH_LIMIT = 640.0
"""Up to this frequency, in the same unit, the function is searched for values above :data:`NEGLIGIBLE`.
Clusters of means that come from higher frequencies lie within pi / SEARCH_LIMIT = 0.005 standard errors,
a fifth of the Monte-Carlo error of an end from 10,000 resamples."""

SEARCH_STEP = 1.6
"""Between two frequencies of that search. A peak is as broad as the function is around 0, where it stays
above 1 - t^2 / 2, so that no more than a third of its height is missed."""

CHUNK = 1 << 12
"""Units whose exponentials are taken at a time."""


@dataclass(frozen=True)
class FourierMeans:
    """Resampled means by the Fourier series of their distribution function.

    Attributes:
        error: standard deviation of the resampled means.
        low: the smallest possible mean minus the mean of the units.
        high: the largest one, likewise.
        characteristic: the characteristic function of the standardised mean at k pi / REACH, k = 1, 2, ...
    """

    error: float
    low: float
    high: float
    characteristic: NDArray[np.complex128]

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

        They are those of the density, the sum of
        characteristic_k exp(-i k pi x / REACH) over all whole k over 2 REACH, integrated from -REACH, where
        the share is 0, to x.
        """
        import numpy as np

        k = np.arange(1, len(self.characteristic) + 1)
        parts = 1j * self.characteristic / (pi * k)
        return -1j * pi / REACH * k, parts, 0.5 - float((parts * (-1.0) ** k).sum().real)

    def quantiles(self, shares: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        """For every share the mean that as many do not exceed, minus the mean of the units."""
        import numpy as np

        targets = np.asarray(shares, dtype=float)
        low = np.full(targets.shape, max(self.low, -REACH * self.error))
        high = np.full(targets.shape, min(self.high, REACH * self.error))
        for _ in range(40):  # Halves the window to 1e-11 standard errors.
            middle = (low + high) / 2
            beyond = self.shares(middle) < targets
            low, high = np.where(beyond, middle, low), np.where(beyond, high, middle)
        return (low + high) / 2


def fourier_means(groups: Sequence[NDArray[np.float64]]) -> FourierMeans | None:
    """The resampled means by a Fourier series, or None where their characteristic function does not decay.

    Args:
        groups: the units of every stratum, each shape (G_j,); something in them varies.
    """
    import numpy as np

    # Sorted, so that the order of the units cannot change a digit.
    parts = [np.sort(group) / (len(group) * len(groups)) for group in groups]
    parts = [part - part.mean() for part in parts]
    error = error_of(parts)
    deviations = [part / error for part in parts]
    spacing, number = pi / REACH, FIRST
    characteristic = _characteristic(deviations, spacing, spacing, number)
    while np.abs(characteristic[number // 2 :]).max() > NEGLIGIBLE:
        if number == MOST:
            return None
        characteristic = np.concatenate(
            [characteristic, _characteristic(deviations, (number + 1) * spacing, spacing, number)]
        )
        number *= 2
    start = number * spacing
    steps = ceil((SEARCH_LIMIT - start) / SEARCH_STEP)
    if steps > 0 and np.abs(_characteristic(deviations, start, SEARCH_STEP, steps)).max() > NEGLIGIBLE:
        return None
    ends = [(len(part) * float(part[0]), len(part) * float(part[-1])) for part in parts]
    last = int(np.flatnonzero(np.abs(characteristic) > 1e-3 * NEGLIGIBLE)[-1]) + 1
    return FourierMeans(
        error, sum(low for low, _ in ends), sum(high for _, high in ends), characteristic[:last]
    )


def _characteristic(
    deviations: Sequence[NDArray[np.float64]], start: float, spacing: float, number: int
) -> NDArray[np.complex128]:
    """The characteristic function of the mean at ``number`` frequencies from ``start`` on."""
    import numpy as np

    columns = ceil(sqrt(number))
    rows = ceil(number / columns)
    result: NDArray[np.complex128] = np.ones((rows, columns), dtype=complex)
    for deviation in deviations:
        total: NDArray[np.complex128] = np.zeros((rows, columns), dtype=complex)
        for units in _chunks(deviation):
            # exp(i (s + r) x) is a product: a few exponentials make a whole table of frequencies.
            coarse = _exponentials(units, start, spacing * columns, rows)
            total += coarse @ _exponentials(units, 0.0, spacing, columns).T
        result = result * complex_power(total / len(deviation), len(deviation))
    return result.ravel()[:number]


def _exponentials(
    values: NDArray[np.float64], start: float, spacing: float, number: int
) -> NDArray[np.complex128]:
    """exp(i t x) at ``number`` frequencies t from ``start`` on, shape (number, values)."""
    import numpy as np

    table = np.empty((number, len(values)), dtype=complex)
    table[0] = np.exp(1j * start * values)
    factor = np.exp(1j * spacing * values)
    for row in range(1, number):
        np.multiply(table[row - 1], factor, out=table[row])
    return table


def _chunks(values: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]
