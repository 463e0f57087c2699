"""The plots of a comparison as pictures of their own: forest plots and paired scatters.

They have the numbers and the axes of the page (:mod:`selfreward_eval.harness.report.plots`) and are
drawn by :mod:`selfreward_eval.harness.report.drawing`, so that SVG and PNG show the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from selfreward_eval.harness.report.comparison_view import tone
from selfreward_eval.harness.report.drawing import Disc, Drawing, Line, Shape, Word, write_drawing
from selfreward_eval.harness.report.forest import Estimate, ForestRow, forest
from selfreward_eval.harness.report.notation import Notation, count, notation_for
from selfreward_eval.harness.report.pairs import item_means
from selfreward_eval.harness.report.plots import bubbles, tick_label, ticks

if TYPE_CHECKING:
    from selfreward_eval.harness.comparing.claims import Claims, PooledComparison
    from selfreward_eval.harness.comparing.compare import Comparison, Run
    from selfreward_eval.harness.comparing.records import Contrast

__all__ = ["row_of", "runs_forest", "scatter", "write_comparison_plots", "write_pooled_plots"]


def row_of(
    name: str, contrasts: Sequence[Contrast], *, higher_is_better: bool, overall: bool = False
) -> ForestRow:
    """The row of one score's difference in a forest plot.

    Args:
        name: on the left.
        contrasts: of the same difference, the widest interval first; the last one decides colour and numbers.
        higher_is_better: direction of the metric, for the colours.
        overall: whether it is the headline.
    """
    estimates = [
        Estimate(one.effect, one.low, one.high, tone(one, higher_is_better=higher_is_better))
        for one in contrasts
    ]
    return ForestRow(name, tuple(estimates), overall)


def runs_forest(title: str, claims: Claims, notation: Notation, *, higher_is_better: bool) -> Drawing | None:
    """The difference of every training run, and below them what the claims say; None of a single run each.

    Args:
        title: above the plot.
        claims: of a headline.
        notation: of its metric.
        higher_is_better: direction of the metric, for the colours.
    """
    if not claims.runs:
        return None
    rows = [
        ForestRow(f"{_side('B', one.b)} − {_side('A', one.a)}", (Estimate(one.effect, one.low, one.high),))
        for one in claims.runs
    ]
    said = [("These checkpoints", claims.checkpoint), ("The method", claims.method)]
    rows += [
        row_of(name, [one], higher_is_better=higher_is_better, overall=True) for name, one in said if one
    ]
    note = "blue: one training run each, 95 % intervals over prompts; below: what all of them say"
    return forest(title, rows, notation, note=note)


def _side(arm: str, number: int | None) -> str:
    """An arm in a difference: one of its runs, or the mean of all."""
    return f"mean of {arm}" if number is None else f"{arm}{number}"


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
        label = tick_label(value, notation)
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
        better = task.higher_is_better
        rows = [row_of(category, [one], higher_is_better=better) for category, one in task.categories.items()]
        rows.append(row_of("overall", [task.overall], higher_is_better=better, overall=True))
        drawing = forest(name, rows, notation_for(value_range), note=f"{arms}; 95 % intervals")
        written += write_drawing(drawing, _beside(stem, name, "forest"))
        means = item_means(a.records[name], b.records[name], task.metric)
        points = scatter(name, means, value_range, higher_is_better=task.higher_is_better)
        written += write_drawing(points, _beside(stem, name, "scatter"))
    return written


def write_pooled_plots(pooled: PooledComparison, stem: Path, run: Run) -> list[Path]:
    """Writes two plots per task as SVG and PNG, and returns the files.

    ``<stem>_<task>_forest`` has the categories, a thin whisker for the method and a thick one for the
    checkpoints; ``<stem>_<task>_runs``, where there are more than two runs, every training run.

    Args:
        pooled: of several training runs.
        stem: path without an ending.
        run: any of them; what its metric means holds for all.
    """
    written = []
    for name, task in pooled.tasks.items():
        better, notation = task.higher_is_better, notation_for(run.scores[name].range)
        every = [*task.categories.items(), ("overall", task.overall)]
        rows = [
            row_of(
                label,
                [one for one in (claims.method, claims.checkpoint) if one],
                higher_is_better=better,
                overall=claims is task.overall,
            )
            for label, claims in every
        ]
        note = f"{len(pooled.a)} and {len(pooled.b)} runs; 95 % intervals: thick checkpoints, thin the method"
        written += write_drawing(forest(name, rows, notation, note=note), _beside(stem, name, "forest"))
        runs = runs_forest(name, task.overall, notation, higher_is_better=better)
        if runs is not None:
            written += write_drawing(runs, _beside(stem, name, "runs"))
    return written


def _beside(stem: Path, task: str, kind: str) -> Path:
    safe = re.sub(r"[^\w.-]+", "_", task)
    return stem.with_name(f"{stem.name}_{safe}_{kind}")
