"""Forest plots: estimates with their intervals, one row each, on an axis that is symmetric about zero.

The input is plain numbers, so that anything with an estimate and an interval can be drawn:

>>> from selfreward_eval.harness.report.notation import SHARE
>>> rows = [ForestRow("seed 1", (Estimate(0.05, 0.01, 0.09),)), ForestRow("seed 2", (Estimate(-0.01),))]
>>> forest("gain by seed", rows, SHARE, axis_name="after − before").height
142.0
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from selfreward_eval.harness.report.drawing import Disc, Drawing, Line, Shape, Word
from selfreward_eval.harness.report.notation import Notation
from selfreward_eval.harness.report.plots import Axis, difference_axis, scale_marks

__all__ = ["Estimate", "ForestRow", "forest"]

ROW = 26.0
"""Height of a row."""

LABELS, PLOT, VALUES = 170.0, 300.0, 56.0
"""Widths of the names, the plot and the differences; the intervals take what their numbers need."""

LETTER = 0.62
"""Width that a letter of a number takes at most, in units of its size; bold ones are the widest."""

LETTERS = 24
"""A longer label is cut."""


@dataclass(frozen=True)
class Estimate:
    """A number and how sure we are.

    Attributes:
        value: a difference, or None where there is none.
        low: lower end of its interval, or None.
        high: upper end, or None.
        colour: of :data:`selfreward_eval.harness.report.drawing.COLOURS`: ``up`` and ``down`` for a gain and
            a loss, ``open`` for what is undecided, ``accent`` for what makes no claim.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    colour: str = "accent"


@dataclass(frozen=True)
class ForestRow:
    """One line of a forest plot.

    Attributes:
        name: on the left.
        estimates: at least one, drawn over each other; the last has the thick whisker, the dot and the
            numbers.
        overall: whether it is a headline.
    """

    name: str
    estimates: tuple[Estimate, ...]
    overall: bool = False


def forest(
    title: str, rows: Sequence[ForestRow], notation: Notation, *, axis_name: str = "B − A", note: str = ""
) -> Drawing:
    """The plot.

    Args:
        title: above it.
        rows: from top to bottom.
        notation: how the differences are written.
        axis_name: below the axis, before the unit.
        note: at the bottom.
    """
    axis = _axis(rows)
    top = 44.0
    bottom = top + ROW * len(rows)
    unit = f" ({notation.difference_unit.strip()})" if notation.difference_unit else ""
    shapes: list[Shape] = [Word(8, 22, title, 14, bold=True)]
    for mark in scale_marks(axis, notation, signed=True):
        shapes.append(Line(((mark["x"], top), (mark["x"], bottom)), "grid"))
        shapes.append(Word(mark["x"], bottom + 16, mark["label"], 11, "middle", "soft"))
    shapes.append(Line(((axis.at(0), top - 4), (axis.at(0), bottom)), "soft"))
    for number, row in enumerate(rows):
        shapes += _row(row, axis, top + ROW * (number + 0.5), notation)
    middle = (axis.start + axis.end) / 2
    shapes.append(Word(middle, bottom + 34, f"{axis_name}{unit}", 12, "middle", "soft"))
    if note:
        shapes.append(Word(8, bottom + 54, note, 11, colour="soft"))
    height = bottom + (66 if note else 46)
    longest = max((len(_interval(row, notation)) for row in rows), default=0)
    return Drawing(LABELS + PLOT + VALUES + ceil(11 * LETTER * longest) + 8, height, title, tuple(shapes))


def _axis(rows: Sequence[ForestRow]) -> Axis:
    scale = difference_axis(
        end for row in rows for one in row.estimates for end in (one.value, one.low, one.high)
    )
    return Axis(scale.low, scale.high, LABELS + 10, LABELS + PLOT - 10)


def _row(row: ForestRow, axis: Axis, y: float, notation: Notation) -> Iterator[Shape]:
    name = row.name if len(row.name) <= LETTERS else f"{row.name[: LETTERS - 1]}…"
    yield Word(8, y + 4, name, 12, bold=row.overall)
    *behind, last = row.estimates
    for one in (*behind, last):
        if one.value is not None and one.low is not None and one.high is not None:
            ends = ((axis.at(one.low), y), (axis.at(one.high), y))
            yield Line(ends, one.colour if one is last else "open", 2.5 if one is last else 1.0)
    if last.value is not None:
        yield Disc(axis.at(last.value), y, 5 if row.overall else 4, last.colour)
    numbers = LABELS + PLOT + VALUES
    yield Word(numbers - 12, y + 4, notation.difference(last.value), 11, "end", "soft", row.overall)
    yield Word(numbers, y + 4, _interval(row, notation), 11, "start", "soft", row.overall)


def _interval(row: ForestRow, notation: Notation) -> str:
    last = row.estimates[-1]
    return notation.difference_interval(last.low, last.high)
