"""Resampled means of units on a lattice, by convolution: every possible one and its probability.

Marks of a few pictures are multiples of some fraction. The sum of n draws of them has the
n-fold convolution of one draw's distribution, which is a product of Fourier transforms.

>>> import numpy as np
>>> lattice_means([np.array([0.0, 1.0])]).quantiles([0.2, 0.3]).tolist()
[-0.5, 0.0]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["REACH", "LatticeMeans", "complex_power", "error_of", "lattice_means"]

REACH = 16.0
"""Half of the window on which means are looked for, in standard errors. Less than 1e-13 of them lie
outside, whatever the units are: by Bennett's inequality at most exp(-h(16)) on each side, with
h(u) = (1 + u) log(1 + u) - u, since drawing a unit once more moves the mean by one standard error at most."""

LATTICE = 1 << 14
"""Most points of the lattice within the window. A finer one has steps below 1/512 of a standard error."""

DIVISORS = 12
"""Where few marks are seen, the smallest gap between two of them may be so many steps: halves and thirds
alone have none of a sixth."""


@dataclass(frozen=True)
class LatticeMeans:
    """Resampled means on a lattice of equal steps.

    Attributes:
        first: the lowest point minus the mean of the units.
        step: between two points.
        shares: probability of a mean up to and including each point, shape (points,), the last is 1.
        centre: the point on which the mean of the units lies.
    """

    first: float
    step: float
    shares: NDArray[np.float64]
    centre: int

    how = "convolution"

    @property
    def below(self) -> float:
        """The share of resampled means below the mean of the units; a tie is half below it."""
        before = float(self.shares[self.centre - 1]) if self.centre else 0.0
        return (before + float(self.shares[self.centre])) / 2

    def quantiles(self, shares: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        """For every share the lowest point that as many means do not exceed, minus the mean of the units."""
        return self._at(self.shares.searchsorted(shares, side="left"))

    def draw(self, number: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Resampled means minus the mean of the units, shape (number,)."""
        return self._at(self.shares.searchsorted(rng.random(number), side="right"))

    def _at(self, points: NDArray[np.intp]) -> NDArray[np.float64]:
        import numpy as np

        return self.first + self.step * np.minimum(points, len(self.shares) - 1)


def lattice_means(groups: Sequence[NDArray[np.float64]], most: int = LATTICE) -> LatticeMeans | None:
    """Every possible resampled mean and its probability, or None where they are not multiples of a step.

    Args:
        groups: the units of every stratum, each shape (G_j,); something in them varies.
        most: points of the lattice within the window, at most.
    """
    import numpy as np

    # What a unit adds to the macro mean each time that it is drawn.
    parts = [np.sort(group) / (len(group) * len(groups)) for group in groups]
    lattice = _whole_steps(parts, 2 * REACH * error_of(parts) / most)
    if lattice is None:
        return None
    step, steps = lattice
    highest = sum(len(units) * int(units[-1]) for units in steps)
    centre = sum(int(units.sum()) for units in steps)
    # A window of the circle on which sums are counted; where the circle holds them all, it is exact.
    points = min(highest + 1, ceil(2 * REACH * sqrt(sum(len(units) * units.var() for units in steps))) + 2)
    size = 1 << (points - 1).bit_length()
    start = 0 if highest < size else centre - size // 2
    product: NDArray[np.complex128] = np.ones(size // 2 + 1, dtype=complex)
    for units in steps:
        counts = np.bincount(units % size, minlength=size)
        product = product * complex_power(np.fft.rfft(counts / len(units)), len(units))
    chances = np.roll(np.maximum(np.fft.irfft(product, size), 0.0), -(start % size))
    shares = np.cumsum(chances[: highest + 1] if start == 0 else chances)
    return LatticeMeans((start - centre) * step, step, shares / shares[-1], centre - start)


def _whole_steps(
    parts: Sequence[NDArray[np.float64]], finer: float
) -> tuple[float, list[NDArray[np.int64]]] | None:
    """The common step, and how many of them every value lies above the lowest of its sorted stratum.

    None where there is no such step, or only one of at most ``finer``.
    """
    import numpy as np

    gaps = np.concatenate([np.diff(part) for part in parts])
    # Equal marks may differ in the last digit; a step is more than rounding.
    smallest = float(gaps[gaps > 1e-9 * max(part[-1] - part[0] for part in parts)].min())
    heights = [part - part[0] for part in parts]
    for divisor in range(1, DIVISORS + 1):
        step = smallest / divisor
        if step <= finer:
            return None
        steps = [np.rint(height / step) for height in heights]
        pairs = zip(heights, steps, strict=True)
        if all(np.abs(height / step - whole).max() < 1e-6 for height, whole in pairs):
            return step, [whole.astype(np.int64) for whole in steps]
    return None


def error_of(parts: Sequence[NDArray[np.float64]]) -> float:
    """Standard deviation of a sum of draws, as many from every stratum as it has units."""
    return sqrt(sum(len(part) * float(part.var()) for part in parts))


def complex_power(base: NDArray[np.complex128], exponent: int) -> NDArray[np.complex128]:
    """``base ** exponent`` for a positive whole exponent, by squaring, which is many times faster."""
    result = None
    while exponent:
        if exponent & 1:
            result = base if result is None else result * base
        exponent >>= 1
        if exponent:
            base = base * base
    assert result is not None
    return result
