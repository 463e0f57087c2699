"""Is a gain only guidance? The score over the scale grid of both arms, and a sentence on it. Pure.

A model trained on its own chosen pictures is sharper, so the scale that was best before is often too
strong after. At one scale for both, training can then look better or worse than it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.report.drawing import Drawing
from selfreward_eval.harness.report.line_chart import Series, line_chart
from selfreward_eval.harness.report.notation import Notation
from selfreward_eval.trainers.record import Arm

__all__ = ["Grid", "chart", "grids", "sentence"]


@dataclass(frozen=True)
class Grid:
    """One arm's scores of one task on the development split.

    Attributes:
        scores: (scale, score), by scale; at least one.
        chosen: the scale that the arm was evaluated at; it need not be on the grid.
    """

    scores: tuple[tuple[float, float], ...]
    chosen: float

    def best(self, *, higher_is_better: bool) -> tuple[float, float]:
        """(scale, score) of the best score; of equal ones the lowest scale."""
        sign = 1 if higher_is_better else -1
        return max(self.scores, key=lambda point: (sign * point[1], -point[0]))

    def at_end(self, scale: float) -> bool:
        """Whether ``scale`` is the lowest or highest that was tried, so that a better one may lie beyond."""
        return len(self.scores) > 1 and scale in (self.scores[0][0], self.scores[-1][0])


def grids(before: Arm, after: Arm) -> dict[str, tuple[Grid, Grid]]:
    """Task -> the grids of both arms, for tasks that both arms measured.

    Raises:
        InputError: a scale or a score that is no number.
    """
    left, right = _by_task(before), _by_task(after)
    return {
        task: (Grid(points, before.guidance), Grid(right[task], after.guidance))
        for task, points in left.items()
        if task in right
    }


def _by_task(arm: Arm) -> dict[str, tuple[tuple[float, float], ...]]:
    points_by_task: dict[str, list[tuple[float, float]]] = {}
    try:
        for scale, scores in arm.grid.items():
            for task, score in scores.items():
                points_by_task.setdefault(task, []).append((float(scale), float(score)))
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(f"the guidance grid of {arm.folder} cannot be read: {error}; train again") from error
    return {task: tuple(sorted(points)) for task, points in points_by_task.items()}


def chart(task: str, before: Grid, after: Grid, notation: Notation) -> Drawing:
    """Both arms over the scale; a large dot is the scale that the arm was evaluated at."""
    unit = f", {notation.unit.strip()}" if notation.unit else ""
    curves = [
        Series(f"{name}, at {grid.chosen:g}", grid.scores, colour, dots=True, marked=grid.chosen)
        for name, grid, colour in (("before", before, "second"), ("after", after, "accent"))
    ]
    return line_chart(f"{task}{unit}", curves, axis_name="guidance scale", factor=notation.factor)


def sentence(
    task: str, before: Grid, after: Grid, change: int, notation: Notation, *, higher_is_better: bool
) -> str:
    """Whether what the evaluation found survives when each arm has its own best scale.

    Args:
        task: its name.
        before: the starting model's grid.
        after: the trained model's.
        change: of :func:`selfreward_eval.trainers.verdict.improvement`: 1 for a significant gain, -1 for a
            loss, else 0.
        notation: of the metric.
        higher_is_better: its direction.
    """
    (scale_a, best_a), (scale_b, best_b) = (
        one.best(higher_is_better=higher_is_better) for one in (before, after)
    )
    gap = best_b - best_a
    better = (gap if higher_is_better else -gap) > 0
    own = (
        f"each arm at its own best scale on the development split, the score is {notation.value(best_a)} "
        f"before (scale {scale_a:g}) and {notation.value(best_b)} after (scale {scale_b:g}), "
        f"{notation.difference(gap)}{notation.difference_unit}"
    )
    if change > 0:
        conclusion = "The gain survives" if better else "The gain does not survive: it is guidance"
    elif change < 0:
        conclusion = (
            "The loss is only guidance"
            if better or gap == 0
            else "The loss remains with the best guidance too"
        )
    else:
        conclusion = (
            "The evaluation shows no gain, while the development split leans to one"
            if better
            else "Guidance hides no gain"
        )
    edge = before.at_end(scale_a) or after.at_end(scale_b)
    wider = " A best scale lies at the end of the grid, so a wider one could change this." if edge else ""
    return f"{task}: {conclusion}; {own}, without an interval.{wider}"
