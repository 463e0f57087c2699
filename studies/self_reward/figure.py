"""The study's learning curves as one picture for the summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from selfreward_eval.harness.report.drawing import Drawing, Line, Shape
from selfreward_eval.trainers.report.learning import curve_charts

__all__ = ["figure"]

COLUMNS = 2
"""A task's score against pictures and against CPU-seconds stand side by side."""


def figure(found: Mapping[str, Any]) -> Drawing | None:
    """Charts of all arms in rows; None where no point is measured.

    Args:
        found: what :func:`studies.self_reward.gather.gathered` returns.
    """
    ranges = {task: (one["range"][0], one["range"][1]) for task, one in found["before"].items()}
    curves = {name: arm["curve"] for name, arm in found["arms"].items() if arm["curve"]}
    charts = curve_charts(curves, ranges)
    if not charts:
        return None
    wide, tall = max(one.width for one in charts), max(one.height for one in charts)
    shapes = [
        _moved(shape, wide * (place % COLUMNS), tall * (place // COLUMNS))
        for place, chart in enumerate(charts)
        for shape in chart.shapes
    ]
    rows = -(-len(charts) // COLUMNS)
    title = "; ".join(chart.title for chart in charts)
    return Drawing(wide * min(COLUMNS, len(charts)), tall * rows, title, tuple(shapes))


def _moved(shape: Shape, right: float, down: float) -> Shape:
    if isinstance(shape, Line):
        return replace(shape, points=tuple((x + right, y + down) for x, y in shape.points))
    return replace(shape, x=shape.x + right, y=shape.y + down)
