"""Rewards relative to their group: pure arithmetic, in which a missing value stays missing.

>>> [value if value is None else round(value, 3) for value in normalised([1.0, None, 3.0])]
[-0.707, None, 0.707]
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, sqrt

EPSILON = 1e-4
"""Added to the standard deviation, as TRL does: a group that agrees has rewards of 0, not of infinity."""


def normalised(values: Sequence[float | None]) -> list[float | None]:
    """(value - mean) / (standard deviation + 1e-4) over the values that are there.

    The deviation is the sample's (n - 1 degrees of freedom), 0 where there are fewer than two values.
    """
    there = [value for value in values if value is not None]
    if not there:
        return [None] * len(values)
    mean = fsum(there) / len(there)
    squares = fsum((value - mean) ** 2 for value in there)
    deviation = sqrt(squares / (len(there) - 1)) if len(there) > 1 else 0.0
    return [None if value is None else (value - mean) / (deviation + EPSILON) for value in values]
