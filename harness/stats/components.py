"""Variance components of a score: between items, and between pictures of one item.

The variance of an item's difference between two arms has two parts. omega^2 is how
much the true difference varies from item to item; it falls only with more items.
sigma^2 / m is the noise of m pictures; it falls with more pictures too. Both
together give the value of a further picture and of a further prompt.

With common random numbers (picture k of an item starts from the same noise in both
arms) part of the picture noise cancels in the difference, so it is estimated from
the differences of matched pictures. Otherwise the arms' noises add (Miller 2024,
arXiv:2411.00640, section 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

from selfreward_eval.harness.stats.means import Values, mean_and_variance

__all__ = ["Components", "PairedComponents", "design_effect", "paired_components", "variance_components"]

ONE_ITEM = "a single item says nothing about how items vary"
ONE_SAMPLE = "one sample per item: its noise cannot be told from how the items differ"


def design_effect(icc: float, m: float) -> float:
    """How many times larger the variance of a mean is than were its samples independent: 1 + (m - 1) ICC.

    Args:
        icc: intraclass correlation; below 0 it counts as 0, which claims no gain from clustering.
        m: samples per item, >= 1.
    """
    if m < 1:
        raise ValueError(f"an item has at least one sample, got {m}")
    return 1 + (m - 1) * max(icc, 0.0)


@dataclass(frozen=True)
class Components:
    """The variance of one arm's samples.

    Attributes:
        between: variance of the items' true means (omega^2), >= 0.
        within: variance of the samples of one item, or None where every item has one.
        m: samples per item; the harmonic mean where they differ.
        n: items.
        why: why ``within`` and ``between`` are missing, else empty.
    """

    between: float | None
    within: float | None
    m: float
    n: int
    why: str = ""


def variance_components(groups: Sequence[Values]) -> Components:
    """Between-item and within-item variance of one arm, by one-way analysis of variance.

    between = max(0, variance of the item means - within / m). Within is pooled over items by their
    degrees of freedom.

    Args:
        groups: the samples of every item, shapes (m_p,), m_p >= 1, at least one item.

    Raises:
        ValueError: no items, or one without a sample.
    """
    size = _harmonic([len(group) for group in groups])
    moments = [mean_and_variance(group) for group in groups]
    _, spread = mean_and_variance([mean for mean, _ in moments])
    within = _pooled([variance for _, variance in moments], [len(group) for group in groups])
    if spread is None:
        return Components(None, within, size, 1, ONE_ITEM)
    if within is None:
        return Components(
            None,
            None,
            size,
            len(groups),
            "one sample per item: its noise cannot be told from the items'",
        )
    return Components(max(0.0, spread - within / size), within, size, len(groups))


@dataclass(frozen=True)
class PairedComponents:
    """The variance of the differences between two arms, per item.

    Attributes:
        omega2: variance of the items' true differences, >= 0; None where it cannot be estimated.
        noise: what one pair of pictures adds: sigma_e^2 with common random numbers,
            else sigma_A^2 + sigma_B^2; None likewise.
        variance: observed variance of the item differences, s_d^2; None for a single item.
        m: pictures per item and arm; the harmonic mean where they differ.
        n: items.
        common_random_numbers: which of the two meanings ``noise`` has.
        why: why parts are missing, else empty.
    """

    omega2: float | None
    noise: float | None
    variance: float | None
    m: float
    n: int
    common_random_numbers: bool
    why: str = ""


def paired_components(
    a: Sequence[Values], b: Sequence[Values], *, common_random_numbers: bool
) -> PairedComponents:
    """omega^2 and picture noise of the difference between two arms.

    Args:
        a: the first arm's samples of every item, shapes (m_p,).
        b: the second arm's. With common random numbers sample k of both arms belong together, so
            their shapes must agree.
        common_random_numbers: whether both arms drew sample k from the same random numbers.

    Raises:
        ValueError: no items, arms of different items, or matched samples of different number.
    """
    import numpy as np

    if len(a) != len(b):
        raise ValueError(f"the arms have {len(a)} and {len(b)} items")
    first = [np.asarray(group, dtype=float) for group in a]
    second = [np.asarray(group, dtype=float) for group in b]
    sizes_a, sizes_b = [len(group) for group in first], [len(group) for group in second]
    size = _harmonic([*sizes_a, *sizes_b])
    arms = [
        _pooled([mean_and_variance(group)[1] for group in groups], sizes)
        for groups, sizes in ((first, sizes_a), (second, sizes_b))
    ]
    noise: float | None
    if common_random_numbers:
        if sizes_a != sizes_b:
            raise ValueError("matched samples need the same number in both arms of every item")
        gaps = [y - x for x, y in zip(first, second, strict=True)]
        noise = _pooled([mean_and_variance(gap)[1] for gap in gaps], sizes_a)
    else:
        noise = None if arms[0] is None or arms[1] is None else arms[0] + arms[1]
    means = [mean_and_variance(y)[0] - mean_and_variance(x)[0] for x, y in zip(first, second, strict=True)]
    _, spread = mean_and_variance(means)
    why = ""
    if spread is None:
        why = ONE_ITEM
    elif noise is None:
        why = ONE_SAMPLE
    omega2 = None if spread is None or noise is None else max(0.0, spread - noise / size)
    return PairedComponents(omega2, noise, spread, size, len(first), common_random_numbers, why)


def _harmonic(sizes: Sequence[int]) -> float:
    if not sizes:
        raise ValueError("variance components need at least one item")
    if min(sizes) < 1:
        raise ValueError("an item without a sample has no variance; leave it out")
    # Equal sizes give the size itself, without rounding.
    return float(sizes[0]) if min(sizes) == max(sizes) else len(sizes) / fsum(1 / size for size in sizes)


def _pooled(variances: Sequence[float | None], sizes: Sequence[int]) -> float | None:
    """Within-item variance over items with two samples or more, weighted by degrees of freedom."""
    freedom = sum(size - 1 for size in sizes)
    if freedom == 0:
        return None
    return (
        fsum(
            variance * (size - 1)
            for variance, size in zip(variances, sizes, strict=True)
            if variance is not None
        )
        / freedom
    )
