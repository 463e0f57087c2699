"""The plots of a comparison as pictures of their own: forest plots and paired scatters.

They have the numbers and the axes of the page (:mod:`harness.report.plots`) and are
drawn by :mod:`harness.report.drawing`, so that SVG and PNG show the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.report.comparison_view import tone
from harness.report.drawing import Disc, Drawing, Line, Shape, Word, write_drawing
from harness.report.notation import Notation, count, notation_for
from harness.report.pairs import item_means
from harness.report.plots import Axis, bubbles, difference_axis, scale_marks, ticks

if TYPE_CHECKING:
    from harness.claims import PooledComparison
    from harness.compare import Comparison, Run
    from harness.comparison import Contrast

__all__ = ["ForestRow", "forest", "scatter", "write_comparison_plots", "write_pooled_plots"]

ROW = 26.0
"""Height of a forest plot's row."""

LABELS, PLOT, NUMBERS = 170.0, 300.0, 150.0
"""Widths of its three columns."""

LETTERS = 24
"""A longer label is cut."""


@dataclass(frozen=True)
class ForestRow:
    """One line of a forest plot.

    Attributes:
        name: on the left.
        contrasts: drawn over each other, the widest whisker first; the last is the dot and the numbers.
        overall: whether it is the headline.
    """

    name: str
    contrasts: tuple[Contrast, ...]
    overall: bool = False


def forest(
    title: str, rows: Sequence[ForestRow], notation: Notation, *, higher_is_better: bool, note: str = ""
) -> Drawing:
    """Differences with their intervals, one row each, on an axis that is symmetric about zero.

    Args:
        title: above the plot.
        rows: from top to bottom.
        notation: of the metric.
        higher_is_better: direction of the metric, for the colours.
        note: below the plot.
    """
    ends = [end for row in rows for one in row.contrasts for end in (one.effect, one.low, one.high)]
    scale = difference_axis(ends)
    axis = Axis(scale.low, scale.high, LABELS + 10, LABELS + PLOT - 10)
    top = 44.0
    bottom = top + ROW * len(rows)
    unit = f" ({notation.difference_unit.strip()})" if notation.difference_unit else ""
    shapes: list[Shape] = [Word(8, 22, title, 14, bold=True)]
    for mark in scale_marks(axis, notation, signed=True):
        shapes.append(Line(((mark["x"], top), (mark["x"], bottom)), "grid"))
        shapes.append(Word(mark["x"], bottom + 16, _short(mark["label"]), 11, "middle", "soft"))
    shapes.append(Line(((axis.at(0), top - 4), (axis.at(0), bottom)), "soft"))
    for number, row in enumerate(rows):
        shapes += _row(row, axis, top + ROW * (number + 0.5), notation, higher_is_better)
    shapes.append(Word((axis.start + axis.end) / 2, bottom + 34, f"B − A{unit}", 12, "middle", "soft"))
    if note:
        shapes.append(Word(8, bottom + 54, note, 11, colour="soft"))
    height = bottom + (66 if note else 46)
    return Drawing(LABELS + PLOT + NUMBERS, height, title, tuple(shapes))


def _row(row: ForestRow, axis: Axis, y: float, notation: Notation, higher_is_better: bool) -> Iterator[Shape]:
    name = row.name if len(row.name) <= LETTERS else f"{row.name[: LETTERS - 1]}…"
    yield Word(8, y + 4, name, 12, bold=row.overall)
    for place, one in enumerate(row.contrasts):
        last = place == len(row.contrasts) - 1
        colour = tone(one, higher_is_better=higher_is_better)
        if one.effect is not None and one.low is not None and one.high is not None:
            ends = ((axis.at(one.low), y), (axis.at(one.high), y))
            yield Line(ends, colour if last else "open", 2.5 if last else 1.0)
        if last and one.effect is not None:
            yield Disc(axis.at(one.effect), y, 5 if row.overall else 4, colour)
        if last:
            numbers = LABELS + PLOT + 44
            interval = notation.difference_interval(one.low, one.high)
            yield Word(numbers, y + 4, notation.difference(one.effect), 11, "end", "soft", row.overall)
            yield Word(numbers + 12, y + 4, interval, 11, "start", "soft", row.overall)


def scatter(
    title: str,
    means: Mapping[str, tuple[float, float]],
    value_range: tuple[float, float],
    *,
    higher_is_better: bool = True,
) -> Drawing:
    """Item means of A against B as bubbles; on the broken line nothing changed.

    Args:
        title: above the plot.
        means: item -> (mean in A, mean in B).
        value_range: of the metric; both axes show all of it.
        higher_is_better: direction of the metric, for the colours.
    """
    notation, side, top = notation_for(value_range), 350.0, 44.0
    plot = bubbles(list(means.values()), value_range, side, 52.0)
    x, y = plot["x"], plot["y"]
    shapes: list[Shape] = [Word(8, 22, title, 14, bold=True)]
    for value in ticks(*value_range):
        label = _short(notation.number(value))
        shapes.append(Line(((x.at(value), y.end + top), (x.at(value), y.start + top)), "grid"))
        shapes.append(Line(((x.start, y.at(value) + top), (x.end, y.at(value) + top)), "grid"))
        shapes.append(Word(x.at(value), y.start + top + 30, label, 11, "middle", "soft"))
        shapes.append(Word(x.start - 20, y.at(value) + top + 4, label, 11, "end", "soft"))
    shapes.append(Line(((x.start, y.start + top), (x.end, y.end + top)), "open", dash=True))
    above, below = ("up", "down") if higher_is_better else ("down", "up")
    colours = {"above": above, "below": below, "on": "open"}
    for point in plot["points"]:
        colour = colours[point["place"]]
        # A white edge would eat up the smallest ones.
        edge = "paper" if point["r"] > 4 else colour
        shapes.append(Disc(point["x"], point["y"] + top, point["r"], colour, edge))
    unit = notation.unit.strip()
    suffix = f" ({unit})" if unit else ""
    shapes.append(Word((x.start + x.end) / 2, y.start + top + 48, f"mean in A{suffix}", 12, "middle", "soft"))
    shapes.append(Word(8, top - 2, f"mean in B{suffix}", 12, colour="soft"))
    said = f"{count(len(means), 'item')}; a bubble's area is their number"
    shapes.append(Word(8, side + top + 8, said, 11, colour="soft"))
    return Drawing(side, side + top + 18, title, tuple(shapes))


def write_comparison_plots(comparison: Comparison, a: Run, b: Run, stem: Path) -> list[Path]:
    """Writes ``<stem>_<task>_forest`` and ``<stem>_<task>_scatter`` as SVG and PNG, and returns the files.

    Args:
        comparison: of the two runs.
        a: the run before.
        b: the run after.
        stem: path without an ending.
    """
    written = []
    arms = f"{comparison.a.name} (A), {comparison.b.name} (B)"
    for name, task in comparison.tasks.items():
        value_range = a.scores[name].range
        rows = [ForestRow(category, (one,)) for category, one in task.categories.items()]
        rows.append(ForestRow("overall", (task.overall,), overall=True))
        note = f"{arms}; 95 % intervals"
        drawing = forest(
            name, rows, notation_for(value_range), higher_is_better=task.higher_is_better, note=note
        )
        written += write_drawing(drawing, _beside(stem, name, "forest"))
        means = item_means(a.records[name], b.records[name], task.metric)
        points = scatter(name, means, value_range, higher_is_better=task.higher_is_better)
        written += write_drawing(points, _beside(stem, name, "scatter"))
    return written


def write_pooled_plots(pooled: PooledComparison, stem: Path, run: Run) -> list[Path]:
    """Writes a forest plot per task as SVG and PNG: a thin whisker for the method, a thick one for the
    checkpoints.

    Args:
        pooled: of several training runs.
        stem: path without an ending.
        run: any of them; what its metric means holds for all.
    """
    written = []
    for name, task in pooled.tasks.items():
        every = [*task.categories.items(), ("overall", task.overall)]
        rows = [
            ForestRow(
                label,
                (claims.checkpoint,) if claims.method is None else (claims.method, claims.checkpoint),
                overall=claims is task.overall,
            )
            for label, claims in every
        ]
        note = f"{len(pooled.a)} and {len(pooled.b)} runs; 95 % intervals: thick checkpoints, thin the method"
        notation = notation_for(run.scores[name].range)
        drawing = forest(name, rows, notation, higher_is_better=task.higher_is_better, note=note)
        written += write_drawing(drawing, _beside(stem, name, "forest"))
    return written


def _short(label: str) -> str:
    """A tick's label without the noughts that say nothing: 2.500 is 2.5."""
    return label.rstrip("0").rstrip(".") if "." in label else label


def _beside(stem: Path, task: str, kind: str) -> Path:
    safe = re.sub(r"[^\w.-]+", "_", task)
    return stem.with_name(f"{stem.name}_{safe}_{kind}")
