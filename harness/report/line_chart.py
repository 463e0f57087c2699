"""Line charts for a page: numbers in, a drawing out.

>>> chart = line_chart("loss", [Series("loss", ((0.0, 2.0), (1.0, 1.5)))], axis_name="step")
>>> chart.width, chart.height
(340.0, 196.0)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

from selfreward_eval.harness.report.drawing import Disc, Drawing, Line, Shape, Word
from selfreward_eval.harness.report.plots import Axis, ticks

__all__ = ["POINTS", "Series", "line_chart", "thinned"]

WIDTH = 340.0
LEFT, RIGHT, TOP, TALL = 54.0, 328.0, 32.0, 120.0
"""Frame of the plot; the title is above it, and between them a legend where there is one."""

LEGEND = 20.0
"""Height of a legend."""

CROWD = 6
"""Above so many curves the plot is higher, by :data:`ROOM` for each further one, so that they lie apart."""

ROOM = 12.0

POINTS = 120
"""A curve of more points is drawn as means of as many blocks; more would be narrower than a pixel."""


@dataclass(frozen=True)
class Series:
    """One curve.

    Attributes:
        name: in the legend.
        points: (x, y), by x.
        colour: of :data:`selfreward_eval.harness.report.drawing.COLOURS`.
        dots: whether every point is marked.
        hollow: whether its dots are rings, which tells curves of one colour apart.
        marked: x of the point that is marked large, or None.
        band: (x, low, high), by x: broken lines below and above the curve.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    colour: str = "accent"
    dots: bool = False
    hollow: bool = False
    marked: float | None = None
    band: tuple[tuple[float, float, float], ...] = ()


def line_chart(
    title: str,
    series: Sequence[Series],
    *,
    axis_name: str,
    breaks: Sequence[float] = (),
    factor: float = 1.0,
    whole: bool = False,
) -> Drawing:
    """Curves over one axis, with a legend where there are several.

    Args:
        title: above the chart.
        series: at least one with a point.
        axis_name: below the horizontal axis.
        breaks: x of broken vertical lines, such as the beginnings of rounds.
        factor: what a y is multiplied with for its tick label.
        whole: whether x counts something, so that a tick between two whole numbers has no label.
    """
    every = [point for one in series for point in one.points]
    every += [(x, end) for one in series for x, low, high in one.band for end in (low, high)]
    across = _axis([x for x, _ in every], LEFT + 6, RIGHT - 6)
    legend, rows = _legend(series) if len(series) > 1 else ([], 0)
    top = TOP + LEGEND * rows
    bottom = top + TALL + ROOM * max(0, len(series) - CROWD)
    upward = _axis([y for _, y in every], bottom - 6, top + 6)
    shapes: list[Shape] = [Word(4, 18, title, 13, bold=True)]
    for value in ticks(upward.low, upward.high):
        y = upward.at(value)
        shapes += [
            Line(((LEFT, y), (RIGHT, y)), "grid"),
            Word(LEFT - 7, y + 4, _label(value * factor), 11, "end", "soft"),
        ]
    for value in ticks(across.low, across.high):
        if not whole or value == int(value):
            shapes.append(Word(across.at(value), bottom + 17, _label(value), 11, "middle", "soft"))
    shapes.append(Word((LEFT + RIGHT) / 2, bottom + 36, axis_name, 11.5, "middle", "soft"))
    for x in breaks:
        shapes.append(Line(((across.at(x), top), (across.at(x), bottom)), "open", dash=True))
    for one in series:
        drawn = tuple((across.at(x), upward.at(y)) for x, y in one.points)
        for place in (1, 2):
            edge = tuple((across.at(at[0]), upward.at(at[place])) for at in one.band)
            if len(edge) > 1:
                shapes.append(Line(edge, one.colour, 1.0, dash=True))
        if len(drawn) > 1:
            shapes.append(Line(drawn, one.colour, 2.0))
        for (x, _), (px, py) in zip(one.points, drawn, strict=True):
            if x == one.marked:
                shapes.append(_dot(one, px, py, 6.5))
            elif one.dots or len(drawn) == 1:
                shapes.append(_dot(one, px, py, 3.5))
    shapes += legend
    return Drawing(WIDTH, bottom + 44, _spoken(title, series, factor), tuple(shapes))


def _dot(one: Series, x: float, y: float, r: float) -> Disc:
    return Disc(x, y, r, "paper", one.colour) if one.hollow else Disc(x, y, r, one.colour)


def _legend(series: Sequence[Series]) -> tuple[list[Shape], int]:
    """Colours and names of the curves, and how many rows they take."""
    shapes: list[Shape] = []
    x, row = 4.0, 0
    for one in series:
        wide = 21 + 6.2 * len(one.name) + 16
        if x > 4.0 and x + wide > WIDTH:
            x, row = 4.0, row + 1
        y = 33.0 + LEGEND * row
        shapes.append(Line(((x, y), (x + 16, y)), one.colour, 3.0))
        if one.hollow:
            shapes.append(_dot(one, x + 8, y, 3.5))
        shapes.append(Word(x + 21, y + 4, one.name, 11, colour="soft"))
        x += wide
    return shapes, row + 1


def _spoken(title: str, series: Sequence[Series], factor: float) -> str:
    """What a screen reader says: where every curve begins and ends."""
    ends = [
        f"{one.name} from {_label(one.points[0][1] * factor)} to {_label(one.points[-1][1] * factor)}"
        for one in series
        if one.points
    ]
    return f"{title}: {', '.join(ends)}"


def _axis(values: Sequence[float], start: float, end: float) -> Axis:
    low, high = min(values), max(values)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        # A curve that never moves lies in the middle.
        room = abs(low) / 2 or 0.5
        low, high = low - room, high + room
    return Axis(low, high, start, end)


def _label(value: float) -> str:
    # 20,000 pictures and not 2e+04.
    text = f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"
    return text.replace("-", "\N{MINUS SIGN}")


def thinned(points: tuple[tuple[float, float], ...], most: int = POINTS) -> tuple[tuple[float, float], ...]:
    """At most ``most`` points: each the mean of its block of neighbours.

    >>> thinned(((0.0, 1.0), (1.0, 3.0), (2.0, 5.0)), most=2)
    ((0.5, 2.0), (2.0, 5.0))
    """
    size = -(-len(points) // most)
    if size <= 1:
        return points
    blocks = [points[start : start + size] for start in range(0, len(points), size)]
    return tuple((fsum(x for x, _ in one) / len(one), fsum(y for _, y in one) / len(one)) for one in blocks)
