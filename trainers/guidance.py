"""The guidance scale at which each arm is evaluated, and the scores over a grid of scales.

Training on chosen pictures sharpens a model's distribution, so that the scale that was best before may be
too strong after. ``fixed`` evaluates both arms at one scale. ``tuned`` gives each arm the scale that is best
on development items, which neither the evaluation nor training uses. Either way the grid of both arms is
measured and reported, which shows how much of a difference comes from guidance alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.task import Task
from selfreward_eval.trainers.development import Development, development

if TYPE_CHECKING:
    from selfreward_eval.harness.models.training import Trains
    from selfreward_eval.harness.runs.run import Progress

Policy = Literal["fixed", "tuned"]
POLICIES = ("fixed", "tuned")

Grid = dict[str, dict[str, float]]
"""Scale -> task -> score."""


def development_tasks(tasks: Sequence[Task], count: int, policy: Policy) -> list[Development]:
    """Development versions of the tasks that draw.

    Raises:
        UsageError: ``tuned`` is asked for and no task has development items.
    """
    versions = [development(task, count) for task in tasks if task.info.capability == "generate"]
    known = [version for version in versions if version is not None]
    if policy == "tuned" and not known:
        names = ", ".join(task.info.name for task in tasks)
        raise UsageError(
            f"no development items are known for {names}, so no scale can be chosen apart from the "
            "evaluation; use --guidance-policy fixed"
        )
    return known


def grid(
    model: Trains,
    tasks: Sequence[Development],
    scales: Sequence[float],
    folder: Path,
    progress: Progress | None,
    *,
    needed: bool = True,
) -> Grid:
    """The scores of ``model`` at every scale; each in a run folder of its own, resumable.

    Raises:
        InputError: a task has no score at some scale, and every score is ``needed`` to choose one.
    """
    measured: Grid = {}
    for scale in scales:
        adapter = model.variant(guidance=scale)
        finished = run(adapter, list(tasks), folder / f"guidance-{scale:g}", progress=progress)
        scores: dict[str, float] = {}
        for name, task_scores in finished.scores.items():
            if task_scores.overall.value is None:
                if not needed:
                    continue  # The grid is only shown; what is not known is left out of it.
                raise InputError(
                    f"{name} has no score at guidance {scale:g}, see {finished.folder}; repair its "
                    "instrument, or use --guidance-policy fixed"
                )
            scores[name.removesuffix("_development")] = task_scores.overall.value
        measured[f"{scale:g}"] = scores
    return measured


def best(measured: Mapping[str, Mapping[str, float]]) -> float:
    """The scale with the highest mean over tasks; of equal ones the smallest.

    >>> best({"1": {"a": 0.2, "b": 0.4}, "2": {"a": 0.5, "b": 0.3}})
    2.0
    """
    means = {float(scale): fsum(scores.values()) / len(scores) for scale, scores in measured.items()}
    return max(sorted(means), key=lambda scale: means[scale])
