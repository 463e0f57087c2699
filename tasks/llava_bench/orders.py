"""Combines the reviews of one answer in both orders: mean scores, and the effect of the order.

A judge may prefer the answer in first or in second place (position bias). The judge is asked once with the
reference first and once with the answer first. A constant position bias cancels in both means, and the
difference between the two reviews estimates it.

>>> both_orders((8.0, 6.0), (7.0, 9.0))["candidate"]
7.5
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum

from selfreward_eval.harness.records import SampleRecord

Pair = tuple[float, float]
"""(score of the reference, score of the candidate), in whichever order they were shown."""

FLIPPED, REVERSED, FIRST_PLACE = "flipped", "reversed", "first_place"
"""Values of every sample besides its scores."""


def both_orders(reference_first: Pair, candidate_first: Pair) -> dict[str, float]:
    """The values of a sample from its two reviews.

    Returns:
        ``candidate`` and ``reference``: means of their two scores. ``flipped``: 1.0 if the comparison (the
        answer is better, both are equal, the reference is better) depends on the order, else 0.0.
        ``reversed``: 1.0 if the answer in the same place won both times, else 0.0. ``first_place``: score
        of the first place minus that of the second, averaged over the orders; the difference between the
        answers cancels.
    """
    ahead = [candidate - reference for reference, candidate in (reference_first, candidate_first)]
    signs = [(gap > 0) - (gap < 0) for gap in ahead]
    return {
        "candidate": (reference_first[1] + candidate_first[1]) / 2,
        "reference": (reference_first[0] + candidate_first[0]) / 2,
        FLIPPED: float(signs[0] != signs[1]),
        REVERSED: float(signs[0] * signs[1] < 0),
        FIRST_PLACE: (ahead[1] - ahead[0]) / 2,
    }


def order_effects(records: Sequence[SampleRecord]) -> dict[str, float]:
    """``swap_flipped``, ``swap_reversed`` and ``swap_first_place``: means over the samples with scores.

    Empty where no sample has scores of both orders.
    """
    scored: list[Mapping[str, float]] = [
        record.measurement.values for record in records if FLIPPED in record.measurement.values
    ]
    if not scored:
        return {}
    return {
        f"swap_{name}": fsum(values[name] for values in scored) / len(scored)
        for name in (FLIPPED, REVERSED, FIRST_PLACE)
    }
