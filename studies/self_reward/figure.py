"""The study's learning curves: all of them as one picture for the summary, the leading ones as a smaller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from selfreward_eval.harness.report.drawing import Drawing, Line, Shape
from selfreward_eval.trainers.report.learning import curve_charts, task_charts

__all__ = ["LEAD", "figure", "lead"]

COLUMNS = 2
"""A task's score against pictures and against CPU-seconds stand side by side."""

LEAD = {
    "dsr_grpo-dsr": "dual self-rewards, GRPO",
    "dsr_grpo-vqa": "own answers, GRPO",
    "dsr_grpo-srum": "SRUM's scalar, GRPO",
    "srum-policy": "SRUM's map",
    "rejection-dsr": "best of 8, fine-tuning",
    "dsr_simpo-dsr": "dual self-rewards, SimPO",
    "dsr_grpo-random": "random reward, GRPO",
}
"""Arms of the small picture, and what it calls them."""

LEAD_TASKS = ("shapes_geneval", "shapes_t2i_compbench")


def figure(found: Mapping[str, Any]) -> Drawing | None:
    """Charts of all arms in rows; None where no point is measured.

    Args:
        found: what :func:`studies.self_reward.gather.gathered` returns.
    """
    return _in_rows(curve_charts(_curves(found), _ranges(found)))


def lead(found: Mapping[str, Any]) -> Drawing | None:
    """Two tasks' scores against pictures, leading arms alone; None where none of them is measured.

    Args:
        found: as for :func:`figure`.
    """
    curves = {LEAD[name]: curve for name, curve in _curves(found).items() if name in LEAD}
    return _in_rows([chart for task in LEAD_TASKS for chart in task_charts(task, curves, _ranges(found))[:1]])


def _curves(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: arm["curve"] for name, arm in found["arms"].items() if arm["curve"]}


def _ranges(found: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    return {task: (one["range"][0], one["range"][1]) for task, one in found["before"].items()}


def _in_rows(charts: Sequence[Drawing]) -> Drawing | None:
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
