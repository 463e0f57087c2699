"""Geometry of the page's plots: numbers in, coordinates out; the templates draw them.

Everything is in the user units of an SVG of a fixed size, so a plot scales
with its column and needs no script.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import floor, log10, sqrt
from typing import Any

from selfreward_eval.harness.report.notation import Notation

ROW_WIDTH, ROW_HEIGHT = 280.0, 40.0
"""Size of the plot beside a table row."""

ROW_PADDING = 18.0
"""Room left and right of the axis, so that a dot on its end and a short tick label are whole."""

LETTER = 7.2
"""Width that a letter of a tick label takes at most."""


@dataclass(frozen=True)
class Axis:
    """A linear scale from ``low``..``high`` to ``start``..``end`` (``end`` may be the smaller)."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The coordinate of ``value``, clamped to the axis.

        >>> Axis(0, 1, 10, 250).at(0.5), Axis(0, 1, 10, 250).at(7)
        (130.0, 250.0)
        """
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 2)


def _step(span: float, parts: int = 4) -> float:
    """The round step (1, 2, 2.5 or 5 times a power of ten) that cuts ``span`` into about ``parts``."""
    rough = span / parts
    power = 10.0 ** floor(log10(rough))
    return power * next(factor for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)


def ticks(low: float, high: float, parts: int = 4) -> list[float]:
    """Round values within ``low``..``high``.

    >>> ticks(-0.12, 0.31)
    [0.0, 0.2]
    """
    step = _step(high - low, parts)
    first, last = -floor(-low / step + 1e-9), floor(high / step + 1e-9)
    return [round(k * step, 12) + 0.0 for k in range(first, last + 1)]


def score_axis(value_range: tuple[float, float]) -> Axis:
    """The axis of a score table: the metric's whole range, so that rows and pages can be compared by eye."""
    return Axis(*value_range, ROW_PADDING, ROW_WIDTH - ROW_PADDING)


def difference_axis(values: Iterable[float | None]) -> Axis:
    """The axis of a forest plot: symmetric around zero, so that zero is the same place on every page."""
    reach = max((abs(value) for value in values if value is not None), default=0.0) * 1.06 or 0.1
    return Axis(-reach, reach, ROW_PADDING, ROW_WIDTH - ROW_PADDING)


def tick_label(value: float, notation: Notation, *, signed: bool = False) -> str:
    """A round value without its unit, with all its digits and without the noughts that say nothing.

    >>> from selfreward_eval.harness.report.notation import PLAIN
    >>> tick_label(10.0, PLAIN), tick_label(2.5, PLAIN, signed=True), tick_label(-0.00025, PLAIN)
    ('10', '+2.5', '−0.00025')
    """
    # Ticks lie closer than the digits of a table on the axis of a tiny difference: they would share labels.
    whole = value * notation.factor
    digits = next((n for n in range(notation.digits, 12) if abs(round(whole, n) - whole) < 1e-12), 12)
    notation = replace(notation, digits=digits)
    text = notation.difference(value) if signed else notation.number(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def scale_marks(axis: Axis, notation: Notation, *, signed: bool = False) -> list[dict[str, Any]]:
    """Labelled ticks of a row axis: ``x``, ``label`` and ``label_x``, its middle.

    The label of a tick at the end of the axis is moved inwards as far as it would leave the plot.
    """
    marks = []
    for value in ticks(axis.low, axis.high):
        x, label = axis.at(value), tick_label(value, notation, signed=signed)
        half = len(label) * LETTER / 2
        marks.append({"x": x, "label": label, "label_x": min(max(x, half), ROW_WIDTH - half)})
    return marks


def interval_mark(
    axis: Axis, value: float | None, low: float | None, high: float | None
) -> dict[str, float] | None:
    """Dot and whisker of one row: ``x``, ``x0``, ``x1``; None where there is no value."""
    if value is None:
        return None
    x = axis.at(value)
    return {"x": x, "x0": x if low is None else axis.at(low), "x1": x if high is None else axis.at(high)}


def bubbles(
    pairs: Sequence[tuple[float, float]],
    value_range: tuple[float, float],
    side: float = 256.0,
    margin: float = 38.0,
) -> dict[str, Any]:
    """A scatter of paired item means, equal pairs joined into one bubble whose area is their number.

    Args:
        pairs: (A, B) per item.
        value_range: of the metric; both axes show all of it.
        side: width and height of the plot.
        margin: room for the axes' labels on the left and below.

    Returns:
        ``size``, ``margin``, ``x`` and ``y`` (:class:`Axis`), ``points``: dicts of x, y, r, a, b, n and
        ``place`` (``above`` the diagonal, where B's mean is larger, ``below`` or ``on`` it), the large first.
    """
    joined = Counter((round(a, 3), round(b, 3)) for a, b in pairs)
    inset = 16.0
    x_axis = Axis(*value_range, margin + inset, side - inset)
    y_axis = Axis(*value_range, side - margin - inset, inset)
    most = max(joined.values(), default=1)
    widest = 15.0 if len(joined) <= 36 else 7.0
    points = [
        {
            "x": x_axis.at(a),
            "y": y_axis.at(b),
            "r": round(max(1.8, widest * sqrt(n / most)), 2),
            "a": a,
            "b": b,
            "n": n,
            "place": "above" if b > a else "below" if b < a else "on",
        }
        for (a, b), n in joined.most_common()
    ]
    return {"size": side, "margin": margin, "x": x_axis, "y": y_axis, "points": points}
