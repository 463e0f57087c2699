"""Sampling settings belong to the experiment: the guidance scale of each arm, and the scores over a grid.

A model trained on its own chosen pictures draws sharper, so that the scale which suited it before may be
too strong after. ``fixed`` evaluates both arms at one scale; ``tuned`` gives each arm the scale that is
best on development items, which neither the evaluation nor training ever asks. Either way the grid of
both arms is measured and reported, so that what is only guidance is seen as such.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum
from pathlib import Path
from typing import Any, Literal

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.task import Task
from selfreward_eval.trainers.development import Development, development

Policy = Literal["fixed", "tuned"]
POLICIES = ("fixed", "tuned")

Grid = dict[str, dict[str, float]]
"""Scale -> task -> score."""


def development_tasks(tasks: Sequence[Task], count: int, policy: Policy) -> list[Development]:
    """Development versions of the tasks that draw.

    Raises:
        UsageError: ``tuned`` is asked for and no task has development items.
    """
    found = [development(task, count) for task in tasks if task.info.capability == "generate"]
    known = [task for task in found if task is not None]
    if policy == "tuned" and not known:
        names = ", ".join(task.info.name for task in tasks)
        raise UsageError(
            f"no development items are known for {names}, so no scale can be chosen apart from the "
            "evaluation; use --guidance-policy fixed"
        )
    return known


def grid(
    model: Any,
    tasks: Sequence[Development],
    scales: Sequence[float],
    folder: Path,
    progress: Any,
    *,
    needed: bool = True,
) -> Grid:
    """The scores of ``model`` at every scale; each in a run folder of its own, resumable.

    Raises:
        InputError: a task has no score at some scale, and every score is ``needed`` to choose one.
    """
    found: Grid = {}
    for scale in scales:
        adapter = model.variant(guidance=scale)
        finished = run(adapter, list(tasks), folder / f"guidance-{scale:g}", progress=progress)
        scores: dict[str, float] = {}
        for name, one in finished.scores.items():
            if one.overall.value is None:
                if not needed:
                    continue  # The grid is only shown; what is not known is left out of it.
                raise InputError(
                    f"{name} has no score at guidance {scale:g}, see {finished.folder}; mend its instrument, "
                    "or use --guidance-policy fixed"
                )
            scores[name.removesuffix("_development")] = one.overall.value
        found[f"{scale:g}"] = scores
    return found


def best(measured: Mapping[str, Mapping[str, float]]) -> float:
    """The scale with the highest mean over tasks; of equal ones the smallest.

    >>> best({"1": {"a": 0.2, "b": 0.4}, "2": {"a": 0.5, "b": 0.3}})
    2.0
    """
    means = {float(scale): fsum(scores.values()) / len(scores) for scale, scores in measured.items()}
    return max(sorted(means), key=lambda scale: means[scale])
