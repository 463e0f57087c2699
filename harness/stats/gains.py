"""The interval of a mean difference where differences are rare or nearly all point one way.

Student's t and sign flips then see too little: if 10 % of 60 items gain and none loses, t covers the
true gain 91 times in 100, and where no item differs the interval has no width at all. A mean
difference is the mean gain less the mean loss, E max(d, 0) - E max(-d, 0). Both are bounded means, so
each gets the interval of one run (:mod:`selfreward_eval.harness.stats.bounded`), and the two are
combined by variance recovery: distances of the ends add in squares, with the correlation of the two
means (Newcombe 1998, Statistics in Medicine 17:2635-2650; Zou & Donner 2008, ibid. 27:1693-1702).
Over strata they add in squares too.

>>> low, high = gains_and_losses({"": [0.0] * 24}, width=1.0)
>>> round(high, 3)
0.142
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from math import copysign, hypot
from typing import TYPE_CHECKING, NamedTuple

from selfreward_eval.harness.stats.bounded import ends_of_tosses
from selfreward_eval.harness.stats.means import ROUNDING, Values, cluster_values
from selfreward_eval.harness.stats.paired import PairedResult

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "ENOUGH_CHANGES",
    "SplitEnds",
    "effective",
    "gains_and_losses",
    "lopsided",
    "split_ends",
    "widened",
]

ENOUGH_CHANGES = 50
"""With as many effective changes on one side, t covers what it promises though the other side has none."""

FEW_CHANGES = 5
"""With fewer changes on one side the differences say little about that side."""

LOPSIDED = 3
"""Differences count as one-sided where one side has this many times the changes of the other."""


def lopsided(
    gained: NDArray[np.float64] | float, lost: NDArray[np.float64] | float
) -> NDArray[np.bool_] | bool:
    """Whether so few units changed, or nearly all of them one way, that t and sign flips cover too little.

    Args:
        gained: effective number of units that gained: (sum of gains)^2 / sum of squared gains, 0 for none.
        lost: of those that lost.
    """
    import numpy as np

    less, more = np.minimum(gained, lost), np.maximum(gained, lost)
    return (more < ENOUGH_CHANGES) & ((less < FEW_CHANGES) | (LOPSIDED * less < more))


def effective(changes: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many equal changes tell as much, along the last axis; 0 where nothing changed."""
    import numpy as np

    total, square = changes.sum(axis=-1), np.square(changes).sum(axis=-1)
    return np.asarray(np.where(square > 0, total**2 / np.where(square > 0, square, 1.0), 0.0))


def gains_and_losses(
    strata: Mapping[str, Values],
    *,
    width: float,
    pictures: int | None = None,
    clusters: Mapping[str, Sequence[Hashable]] | None = None,
    level: float = 0.95,
) -> tuple[float, float]:
    """Lower and upper end for the mean difference, or the unweighted mean of several strata's.

    Args:
        strata: name -> item differences in [-width, width], shape (G_j,), G_j >= 1.
        width: of the metric's range, > 0.
        pictures: samples per item where each is right or wrong: gains tell no more than so many tosses;
            None for other scores.
        clusters: name -> the cluster of every item, or None where each item is its own.
        level: coverage, in (0, 1).
    """
    import numpy as np

    below, above, total = [], [], 0.0
    for name, values in strata.items():
        numbers = np.asarray(values, dtype=float) / width
        gains, losses = np.maximum(numbers, 0.0), np.maximum(-numbers, 0.0)
        if clusters is not None:
            gains = np.array(cluster_values(gains, clusters[name]))
            losses = np.array(cluster_values(losses, clusters[name]))
        # The order of the items must not change a digit.
        order = np.lexsort((gains, losses))
        present = np.ones((1, len(gains)), dtype=bool)
        most = np.array([float("inf") if pictures is None else float(pictures * len(numbers))])
        ends = split_ends(gains[None, order], losses[None, order], present, most, level)
        effect = float(ends.effect[0])
        total += effect
        below.append(effect - float(ends.low[0]))
        above.append(float(ends.high[0]) - effect)
    count = len(strata)
    low, high = total / count - hypot(*below) / count, total / count + hypot(*above) / count
    return width * max(-1.0, low), width * min(1.0, high)


def widened(
    result: PairedResult,
    strata: Mapping[str, Values],
    units: Mapping[str, Values],
    clusters: Mapping[str, Sequence[Hashable]] | None,
    width: float,
    pictures: int | None,
    level: float,
) -> PairedResult:
    """``result`` with an interval that holds where differences are rare or point one way.

    It is the union of the test's own and of :func:`selfreward_eval.harness.stats.gains.gains_and_losses`.
    Where the test rejects 0 and only the latter allows for it, the test's own end stands: p and interval
    must not disagree, and on the side of 0 the test's end is the careful one.

    Args:
        result: of the test.
        strata: name -> item differences, shape (G_j,).
        units: the same by cluster, shape (C_j,); ``strata`` where each item is its own.
        clusters: name -> the cluster of every item, or None.
        width: of the metric's range.
        pictures: as for :func:`gains_and_losses`.
        level: coverage, in (0, 1).
    """
    import numpy as np

    if result.n == 1:
        return result
    numbers = np.concatenate([np.asarray(values, dtype=float) for values in units.values()])
    gained, lost = effective(np.maximum(numbers, 0.0)), effective(np.maximum(-numbers, 0.0))
    testable = result.p is not None and result.low is not None and result.high is not None
    if testable and result.se != 0 and not lopsided(gained, lost):
        return result
    low, high = gains_and_losses(strata, width=width, pictures=pictures, clusters=clusters, level=level)
    rejects = result.p is not None and result.p <= 1 - level
    own_low, own_high = result.low, result.high
    if result.se == 0:
        # The exact test over the signs of equal differences has no interval: theirs is that of one run.
        smallest = min(len(values) for values in units.values()) * len(units)
        ends = ends_of_tosses(abs(result.effect) / width, 0.0, smallest, 1.0, 1.0, level=level)
        own_low, own_high = sorted(copysign(width * float(end), result.effect) for end in ends)
    elif own_low is None or own_high is None:
        own_low = own_high = result.effect
    new_low, new_high = min(low, own_low), max(high, own_high)
    if rejects:
        new_low = own_low if new_low <= 0 < own_low else new_low
        new_high = own_high if own_high < 0 <= new_high else new_high
    elif result.p is not None:
        new_low, new_high = min(new_low, 0.0), max(new_high, 0.0)
    return replace(
        result,
        low=new_low,
        high=new_high,
        why=result.why
        if result.p is None or (new_low, new_high) == (result.low, result.high)
        else f"{result.why}; few items differ, or nearly all one way: the interval allows for more",
    )


class SplitEnds(NamedTuple):
    """Mean differences with their ends, shape (J,), in units of the range."""

    effect: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def split_ends(
    gains: NDArray[np.float64],
    losses: NDArray[np.float64],
    present: NDArray[np.bool_],
    most: NDArray[np.float64],
    level: float = 0.95,
) -> SplitEnds:
    """The same for J plain means at once.

    Args:
        gains: max(d, 0) of every unit, in units of the range, shape (J, U); of clusters their values
            (:func:`selfreward_eval.harness.stats.means.cluster_values`).
        losses: max(-d, 0), likewise.
        present: which units there are, shape (J, U), at least one each.
        most: upper limit on the effective size, shape (J,).
        level: coverage, in (0, 1).
    """
    import numpy as np

    units = present.sum(axis=1)
    gain, gain_se, gain_low, gain_high, gain_away = _part(gains, present, units, most, level)
    loss, loss_se, loss_low, loss_high, loss_away = _part(losses, present, units, most, level)
    cross = (gain_away * loss_away).sum(axis=1) / np.maximum(units - 1, 1) / units
    scale = gain_se * loss_se
    # An item that gains does not lose: the two means move against each other.
    rho = np.clip(np.where(scale > 0, cross / np.where(scale > 0, scale, 1.0), 0.0), -1.0, 0.0)

    def distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.sqrt(np.maximum(a**2 + b**2 - 2 * rho * a * b, 0.0)))

    effect = gain - loss
    return SplitEnds(
        effect,
        np.maximum(effect - distance(gain - gain_low, loss_high - loss), -1.0),
        np.minimum(effect + distance(gain_high - gain, loss - loss_low), 1.0),
    )


def _part(
    values: NDArray[np.float64],
    present: NDArray[np.bool_],
    units: NDArray[np.int64],
    most: NDArray[np.float64],
    level: float,
) -> tuple[NDArray[np.float64], ...]:
    """Mean, standard error, both ends and deviations of one side."""
    import numpy as np

    filled = np.where(present, values, 0.0)
    mean = np.clip(filled.sum(axis=1) / units, 0.0, 1.0)
    top = np.where(present, values, -np.inf).max(axis=1)
    bottom = np.where(present, values, np.inf).min(axis=1)
    level_side = top - bottom <= ROUNDING * np.maximum(np.abs(top), np.abs(bottom))
    away = np.where(present & ~level_side[:, None], values - mean[:, None], 0.0)
    squares = np.square(away)
    spread = squares.sum(axis=1) / units
    se = np.sqrt(spread / np.maximum(units - 1, 1))
    # As in freedom_of_spread, for many at once.
    off = np.minimum((present & (values > 0)).sum(axis=1), (present & (values < 1)).sum(axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = np.square(squares).sum(axis=1) / units / spread**2 - 1
        freedom = np.minimum(np.minimum(off, np.where(excess > 0, 2 * units / excess, units)), units)
    freedom = np.where(spread > 0, freedom, 1.0)
    low, high = ends_of_tosses(mean, se, units, np.maximum(units - 1.0, 1.0), freedom, level=level, most=most)
    return mean, se, low, high, away
