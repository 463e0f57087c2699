"""Intervals that hold at every look: prompts come in one by one and may be stopped at any time.

Looking ten times at a t test with alpha 5 % rejects a true null hypothesis one time
in five. The normal-mixture confidence sequence pays for looking in advance: with
probability 1 - alpha it contains the truth at all times at once, so stopping when it
clears a margin is honest. With sigma estimated from the data this holds
asymptotically, hence a burn-in (Howard et al. 2021, arXiv:1810.08240; Waudby-Smith
et al., arXiv:2103.06476). At the planned end it is about 1.55 times as wide as the
interval of a single look.

The prompts must come in random order; :func:`look_order` mixes the categories evenly,
and for a macro score the differences are first multiplied by :func:`macro_weights`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

from selfreward_eval.harness.stats.means import Values
from selfreward_eval.harness.stats.noninferiority import Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "BURN_IN",
    "ConfidenceSequence",
    "Stop",
    "confidence_sequence",
    "half_widths",
    "look_order",
    "macro_weights",
    "sequential_gate",
]

BURN_IN = 50
"""Before so many items sigma is too uncertain for the guarantee, and no interval is given."""


@dataclass(frozen=True)
class ConfidenceSequence:
    """Intervals after 50, 51, ... items.

    Attributes:
        counts: items seen, shape (T,); empty if there were fewer than the burn-in.
        means: mean of the items seen, shape (T,).
        low: lower ends, shape (T,).
        high: upper ends, shape (T,).
        alpha: the chance that any of the intervals misses the truth; for ``sided`` 1, of each end by itself.
        sided: 2 for intervals, 1 for two one-sided bounds.
        planned: the count at which it is narrowest for its alpha.
    """

    counts: NDArray[np.int64]
    means: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    alpha: float
    sided: int
    planned: int


def half_widths(
    counts: NDArray[np.int64],
    sigmas: NDArray[np.float64],
    *,
    planned: int,
    alpha: float = 0.05,
    sided: int = 2,
) -> NDArray[np.float64]:
    """Half-width of the normal mixture after t items with standard deviation sigma.

    Two-sided: sigma sqrt((t + rho) (ln(1 + t / rho) + 2 ln(1 / alpha))) / t. One-sided:
    sigma sqrt(2 (t + rho) ln(1 + sqrt((t + rho) / rho) / (2 alpha))) / t. With a = alpha or,
    one-sided, 2 alpha, rho = planned / (2 ln(1 / a) + ln(1 + 2 ln(1 / a))) makes it narrow near
    ``planned``.

    Args:
        counts: t, shape (T,), >= 1.
        sigmas: shape (T,), >= 0.
        planned: where it should be narrowest, >= 1.
        alpha: in (0, 1), one-sided in (0, 0.5).
        sided: 1 or 2.

    Raises:
        ValueError: an argument out of range.
    """
    import numpy as np

    if sided not in (1, 2):
        raise ValueError(f"a sequence has one side or two, got {sided}")
    if not 0 < alpha < sided / 2:
        raise ValueError(f"alpha must lie between 0 and {sided / 2:g}, got {alpha}")
    if planned < 1:
        raise ValueError(f"the planned number of items must be at least 1, got {planned}")
    inverse = 2 * log(1 / (alpha if sided == 2 else 2 * alpha))
    rho = planned / (inverse + log(1 + inverse))
    if sided == 2:
        inside = (counts + rho) * (np.log1p(counts / rho) + inverse)
    else:
        inside = 2 * (counts + rho) * np.log1p(np.sqrt((counts + rho) / rho) / (2 * alpha))
    return np.asarray(sigmas * np.sqrt(inside) / counts)


def confidence_sequence(
    differences: Values, *, planned: int, alpha: float = 0.05, sided: int = 2, burn_in: int = BURN_IN
) -> ConfidenceSequence:
    """The sequence over item differences in the order in which they were measured.

    Args:
        differences: shape (n,), in random order of the items (:func:`look_order`).
        planned: the count for which it should be narrowest, usually all items.
        alpha: chance of ever missing the truth.
        sided: 2 for an interval, 1 for bounds that each hold at ``alpha``.
        burn_in: first count with an interval, >= 2.

    Raises:
        ValueError: an argument out of range.
    """
    import numpy as np

    if burn_in < 2:
        raise ValueError(f"a standard deviation needs two items or more, got a burn-in of {burn_in}")
    numbers = np.asarray(differences, dtype=float)
    counts = np.arange(1, len(numbers) + 1)
    # Around the first value, so that cancellation does not eat the variance of nearly equal numbers.
    origin = numbers[0] if len(numbers) else 0.0
    centred = np.cumsum(numbers - origin) / counts
    squares = np.cumsum((numbers - origin) ** 2)
    keep = counts >= burn_in
    counts, centred, squares = counts[keep], centred[keep], squares[keep]
    variances = np.maximum(squares - counts * centred**2, 0.0) / np.maximum(counts - 1, 1)
    widths = half_widths(counts, np.sqrt(variances), planned=planned, alpha=alpha, sided=sided)
    means = origin + centred
    return ConfidenceSequence(counts, means, means - widths, means + widths, alpha, sided, planned)


@dataclass(frozen=True)
class Stop:
    """How a sequential gate ended.

    Attributes:
        verdict: PASS, FAIL, or INCONCLUSIVE where the items ran out first.
        count: items seen when it stopped.
        low: lower bound then, or None before the burn-in.
        high: upper bound then, likewise.
    """

    verdict: Verdict
    count: int
    low: float | None
    high: float | None


def sequential_gate(
    differences: Values,
    margin: float,
    *,
    planned: int,
    alpha: float = 0.05,
    higher_is_better: bool = True,
    burn_in: int = BURN_IN,
) -> Stop:
    """Non-inferiority with a look after every item: stop when the loss is shown to be less than
    ``margin`` (PASS) or more (FAIL).

    Items that do not vary at all never decide it: their sigma of 0 is no certainty.

    Args:
        differences: second arm minus first, in random order of the items.
        margin: largest acceptable loss, > 0.
        planned: all items there will be.
        alpha: one-sided error over all looks, in (0, 0.5).
        higher_is_better: direction of the metric.
        burn_in: first count with a bound.

    Raises:
        ValueError: an argument out of range.
    """
    import numpy as np

    if not margin > 0:
        raise ValueError(f"a margin must be above 0, got {margin}")
    signed = np.asarray(differences, dtype=float) * (1 if higher_is_better else -1)
    sequence = confidence_sequence(signed, planned=planned, alpha=alpha, sided=1, burn_in=burn_in)
    varies = sequence.high > sequence.low
    passed, failed = varies & (sequence.low > -margin), varies & (sequence.high < -margin)
    decided = np.flatnonzero(passed | failed)
    if len(decided):
        at = int(decided[0])
        verdict = Verdict.PASS if passed[at] else Verdict.FAIL
        return Stop(verdict, int(sequence.counts[at]), float(sequence.low[at]), float(sequence.high[at]))
    if len(sequence.counts) == 0:
        return Stop(Verdict.INCONCLUSIVE, len(signed), None, None)
    return Stop(Verdict.INCONCLUSIVE, len(signed), float(sequence.low[-1]), float(sequence.high[-1]))


def look_order(categories: Sequence[Hashable], seed: int) -> list[int]:
    """A random order of items in which every stretch holds the categories in their overall shares.

    Each item of a category of size G gets a random place in its own 1 / G of the way.

    Args:
        categories: the category of every item, shape (n,).
        seed: of the order.

    Returns:
        Item numbers, a permutation of 0 .. n - 1.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    members: dict[Hashable, list[int]] = {}
    for item, category in enumerate(categories):
        members.setdefault(category, []).append(item)
    places = np.empty(len(categories))
    for items in members.values():
        places[items] = (rng.permutation(len(items)) + rng.random(len(items))) / len(items)
    return [int(item) for item in np.argsort(places, kind="stable")]


def macro_weights(categories: Sequence[Hashable]) -> list[float]:
    """Weights under which the plain mean over items is the unweighted mean over categories.

    n / (K G_j) for an item of category j; their mean is 1.

    Args:
        categories: the category of every item, shape (n,).
    """
    counts: dict[Hashable, int] = {}
    for category in categories:
        counts[category] = counts.get(category, 0) + 1
    return [len(categories) / (len(counts) * counts[category]) for category in categories]
