"""The power of the test that will decide, where that is not a t test.

:mod:`selfreward_eval.harness.stats.choosing` tests single marks exactly (McNemar) and fewer than 50 units by
sign flips. Both find less than the t formula of :mod:`selfreward_eval.harness.stats.power` says: with 24
items of right-or-wrong pictures it promises 80 % where 65 to 70 % are found.

* McNemar's power is computed, not simulated. Under a true difference the number of items on which the arms
  disagree is binomial, and so is the number of gains among them. The share of items that disagree follows
  from the variance of a difference: it is ``sd^2 + effect^2``.
* The power of sign flips is simulated: :data:`RUNS` data sets, the same random numbers for every effect, so
  that a larger effect never looks harder to find. Marks are drawn picture by picture around items' true
  differences, other scores from a normal distribution.
* From 50 units on, the t formula is used as it is.

>>> round(mcnemar_power(0.2, sd=0.6, n=60), 2)
0.67
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import sqrt
from typing import TYPE_CHECKING

from selfreward_eval.harness.stats.choosing import FEW_UNITS
from selfreward_eval.harness.stats.power import power

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Design", "deciding_power", "detectable", "fewest_units", "mcnemar_power"]

RUNS = 1000
"""Simulated comparisons: the Monte-Carlo error of a power of 80 % is 1.3 points."""

PATTERNS = 499
"""Random sign patterns of a simulated test; a comparison takes 9,999, which finds a little more."""

MOST_EXACT = 5000
"""Above this many single marks McNemar's test finds what the t formula says to within half a point."""


@dataclass(frozen=True)
class Design:
    """What will be compared.

    Attributes:
        sizes: units per stratum, one entry for a plain mean.
        images: samples per unit and arm.
        marks: whether a sample is right or wrong and every unit is an item, not a cluster of items.
        sd: of a unit's difference, scaled so that the standard error is sd / sqrt(sum of sizes); > 0.
        df: degrees of freedom of a t test.
        between: share of ``sd^2`` that lies between the units' true differences, in [0, 1].
        alpha: level of the test, in (0, 1).
        sided: 1 or 2.
        by_t: plan by the t formula whatever the size, for tests that are none of these.
    """

    sizes: tuple[int, ...]
    images: int
    marks: bool
    sd: float
    df: float
    between: float = 0.5
    alpha: float = 0.05
    sided: int = 2
    by_t: bool = False

    @property
    def units(self) -> int:
        return sum(self.sizes)

    @property
    def test(self) -> str:
        """The deciding test in words."""
        if self.by_t:
            return "t"
        if self.marks and self.images == 1 and len(self.sizes) == 1:
            return "exact McNemar"
        return "sign flips" if self.units < FEW_UNITS else "t"

    def resized(self, units: int) -> Design:
        """The same with another number of units, in the same shares of the strata."""
        sizes = tuple(max(1, round(size * units / self.units)) for size in self.sizes)
        return replace(self, sizes=sizes, df=max(1.0, self.df * (sum(sizes) - 1) / max(1, self.units - 1)))


def deciding_power(effect: float, design: Design) -> float:
    """The chance that the deciding test finds a true difference of ``effect`` >= 0."""
    if design.test == "exact McNemar" and design.units <= MOST_EXACT:
        return mcnemar_power(effect, sd=design.sd, n=design.units, alpha=design.alpha, sided=design.sided)
    if design.test == "sign flips":
        return _flips_power(effect, design)
    return power(effect, design.sd, design.units, alpha=design.alpha, sided=design.sided, df=design.df)


def detectable(design: Design, wanted: float) -> float | None:
    """The smallest difference that is found with the ``wanted`` power; None where none is, since so few
    units cannot reject at all or the score has not that much room.

    Args:
        design: what will be compared.
        wanted: in (alpha, 1).
    """
    largest = 1.0 if design.marks else 1e6 * design.sd
    low, high = 0.0, min(largest, design.sd / sqrt(design.units))
    while deciding_power(high, design) < wanted:
        if high >= largest:
            return None
        low, high = high, min(largest, 2 * high)
        if high > 64 * design.sd:
            return None
    for _ in range(30 if design.test != "sign flips" else 12):
        middle = (low + high) / 2
        if deciding_power(middle, design) < wanted:
            low = middle
        else:
            high = middle
    return high


def fewest_units(effect: float, design: Design, wanted: float, most: int = 10**9) -> int | None:
    """The fewest units with which ``effect`` > 0 is found with the ``wanted`` power; None above ``most``.

    Strata keep their shares. The power of an exact test is not quite monotone in the number of units; the
    number given has it.
    """
    few = 1 + len(design.sizes)

    def enough(count: int) -> bool:
        return deciding_power(effect, design.resized(count)) >= wanted

    many = max(few + 1, 4)
    while not enough(many):
        few, many = many, 2 * many
        if many > most:
            return None
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if enough(middle) else (middle, many)
    return many


def mcnemar_power(effect: float, *, sd: float, n: int, alpha: float = 0.05, sided: int = 2) -> float:
    """The power of McNemar's exact test over ``n`` items with one mark each.

    Args:
        effect: true difference of the two shares, in [0, 1].
        sd: standard deviation of an item's difference.
        n: items.
        alpha: level, in (0, 1).
        sided: 1 or 2.
    """
    import numpy as np
    from scipy.special import bdtr, bdtrc, gammaln

    disagree = min(1.0, max(sd**2 + effect**2, effect))
    if disagree <= 0:
        return 0.0
    counts = np.arange(n + 1)
    # Most losses (of as many disagreements) with which the test rejects, -1 where it never does.
    most = _critical(n, alpha / sided)
    gain = min(1.0, (1 + effect / disagree) / 2)
    reject = np.where(most >= 0, bdtr(np.maximum(most, 0), counts, 1 - gain), 0.0)
    if sided == 2:
        reject += np.where(most >= 0, bdtrc(counts - np.maximum(most, 0) - 1, counts, 1 - gain), 0.0)
    with np.errstate(divide="ignore"):
        log_share = (
            gammaln(n + 1) - gammaln(counts + 1) - gammaln(n - counts + 1)
            + counts * np.log(disagree)
            + np.where(counts < n, (n - counts) * np.log1p(-disagree) if disagree < 1 else -np.inf, 0.0)
        )  # fmt: skip
    return float(min(1.0, (np.exp(log_share) * reject).sum()))


@lru_cache(maxsize=64)
def _critical(n: int, tail: float) -> NDArray[np.int64]:
    """For 0 to n coin tosses: the most heads k with P(heads <= k) <= ``tail``, or -1; shape (n + 1,)."""
    import numpy as np
    from scipy.special import bdtr

    counts = np.arange(n + 1)
    low, high = np.full(n + 1, -1), counts.copy()
    while (high - low > 1).any():
        middle = (low + high) // 2
        within = (middle >= 0) & (bdtr(np.maximum(middle, 0), counts, 0.5) <= tail)
        low, high = np.where(within, middle, low), np.where(within, high, np.maximum(middle, low + 1))
    return low


def _flips_power(effect: float, design: Design) -> float:
    import numpy as np

    strata = len(design.sizes)
    se = design.sd / sqrt(design.units)
    # The same spread in every stratum, such that the mean over them has the standard error of the plan.
    sd = se / sqrt(sum(1 / (strata**2 * size) for size in design.sizes))
    total = np.zeros((RUNS, PATTERNS + 1))
    variance = np.zeros((RUNS, PATTERNS + 1))
    for place, size in enumerate(design.sizes):
        gaps = _differences(effect, sd, size, design, place)
        signs = _signs(size, place)
        means = gaps @ signs / size
        spread = (gaps**2).sum(axis=1, keepdims=True) / size - means**2
        total += means / strata
        variance += np.where(spread > 1e-12, spread, 0.0) / max(1, size - 1) / strata**2
    # The first column is the data's own. |T*| >= |T| without dividing, ties as in the test itself.
    own, own_variance = total[:, :1], variance[:, :1]
    if design.sided == 2:
        extreme = total[:, 1:] ** 2 * own_variance >= own**2 * variance[:, 1:] * (1 - 1e-9)
    else:
        extreme = total[:, 1:] * np.sqrt(own_variance) >= own * np.sqrt(variance[:, 1:]) * (1 - 1e-9)
    p = (1 + extreme.sum(axis=1)) / (PATTERNS + 1)
    found = (p <= design.alpha) & ((own[:, 0] != 0) | (own_variance[:, 0] > 0))
    return float(found.mean())


@lru_cache(maxsize=32)
def _signs(size: int, place: int) -> NDArray[np.float64]:
    """The data's own signs and random ones, shape (size, 1 + PATTERNS)."""
    import numpy as np

    coins = np.random.default_rng((1, size, place)).integers(0, 2, (size, PATTERNS + 1))
    signs: NDArray[np.float64] = coins * np.float64(2) - 1
    signs[:, 0] = 1
    return signs


@lru_cache(maxsize=32)
def _noise(size: int, images: int, place: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Normal and uniform numbers of all simulated runs, shapes (RUNS, size) and (RUNS, size, images)."""
    import numpy as np

    rng = np.random.default_rng((2, size, images, place))
    return rng.standard_normal((RUNS, size)), rng.random((RUNS, size, images))


def _differences(effect: float, sd: float, size: int, design: Design, place: int) -> NDArray[np.float64]:
    """Unit differences of all simulated runs, shape (RUNS, size)."""
    import numpy as np

    normal, uniform = _noise(size, design.images if design.marks else 1, place)
    if not design.marks:
        return effect + sd * normal
    between = design.between * sd**2
    true = np.clip(effect + sqrt(between) * normal, -1.0, 1.0)
    # One pair of pictures differs with this probability, so that a unit's variance is sd^2.
    noise = (sd**2 - between) * design.images
    disagree = np.clip(noise + true**2, np.abs(true), 1.0)[..., None]
    gains = uniform < (disagree + true[..., None]) / 2
    losses = uniform >= 1 - (disagree - true[..., None]) / 2
    difference: NDArray[np.float64] = (gains * 1.0 - losses).mean(axis=-1)
    return difference
