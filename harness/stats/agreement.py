"""How far several raters agree beyond chance.

>>> krippendorff_alpha([[1, 1], [0, 0], [1, 0], [0, None]])
0.4444444444444444
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, isfinite

__all__ = ["krippendorff_alpha"]


def krippendorff_alpha(units: Sequence[Sequence[float | None]]) -> float | None:
    """Krippendorff's alpha for interval data: 1 - observed / expected disagreement.

    With n pairable values, SS_u the sum of squares of unit u's m_u values around their mean and SS that
    of all pairable values around theirs, alpha = 1 - (n - 1) / (n SS) * sum of m_u SS_u / (m_u - 1).
    Krippendorff, "Content Analysis" (2004), chapter 11, with the squared difference as metric; n values
    are those of units that at least two raters rated.

    Args:
        units: one row per unit that was rated, with a value per rater or None where a rater gave none;
            rows may differ in length.

    Returns:
        At most 1, which is full agreement; 0 is chance, and below it raters disagree systematically.
        None where it is not defined: no unit with two values, or all values alike.

    Raises:
        ValueError: a value is not finite.
    """
    rows = [[float(value) for value in unit if value is not None] for unit in units]
    if not all(isfinite(value) for row in rows for value in row):
        raise ValueError("agreement needs finite values; leave out what was not rated")
    rows = [row for row in rows if len(row) >= 2]
    values = [value for row in rows for value in row]
    if not values or min(values) == max(values):
        return None
    observed = fsum(len(row) * _squares(row) / (len(row) - 1) for row in rows)
    return 1 - (len(values) - 1) * observed / (len(values) * _squares(values))


def _squares(values: Sequence[float]) -> float:
    """Sum of squares around the mean; exactly 0 where all are alike, whatever rounding says."""
    if min(values) == max(values):
        return 0.0
    mean = fsum(values) / len(values)
    return fsum((value - mean) ** 2 for value in values)
