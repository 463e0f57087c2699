"""The runs of points along a training run, and those of the starting model that they are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.comparing.records import Contrast
from selfreward_eval.harness.runs.reader import Run, load_run
from selfreward_eval.harness.runs.run import BATCH, run
from selfreward_eval.trainers.development import Development
from selfreward_eval.trainers.guidance import development_tasks
from selfreward_eval.trainers.jobs import TrainingJob

if TYPE_CHECKING:
    from selfreward_eval.harness.models.training import Trains
    from selfreward_eval.harness.runs.run import Progress

__all__ = [
    "DEVELOPMENT",
    "Start",
    "developed",
    "development_of",
    "difference_of",
    "evaluated",
    "score_of",
    "shared_lock",
    "start_of",
]

DEVELOPMENT = "development"
"""Folder of pictures for development items."""


@dataclass(frozen=True)
class Start:
    """The starting model's runs, which points are compared with.

    Attributes:
        evaluation: the evaluation before training.
        guidance: its scale.
        part: the same on as many items as points have; ``evaluation`` itself where they have all of them.
        development: at the evaluation's scale; None where no development items are known or asked for.
    """

    evaluation: Run
    guidance: float
    part: Run
    development: Run | None


def shared_lock(job: TrainingJob) -> Path:
    """The lock of the measurements before training; their folder is made if it is not there."""
    job.before.mkdir(parents=True, exist_ok=True)
    return job.before / ".shared.lock"


def start_of(job: TrainingJob, before: Run, scale: float, progress: Progress | None) -> Start:
    """What points are compared with; runs that are not there yet are made, in the folder that seeds share.

    Args:
        job: asks for points.
        before: the evaluation before training.
        scale: its guidance.
        progress: told of every sample.
    """
    part, development = before, None
    if _limited(job):
        part = evaluated(job, job.model.variant(guidance=scale), job.before, progress)
    tasks = development_of(job)
    if tasks:
        development = developed(job.model, tasks, scale, job.before / DEVELOPMENT, progress)
    return Start(before, scale, part, development)


def _limited(job: TrainingJob) -> bool:
    """Whether points have other items than the evaluation."""
    return job.points.limit not in (None, job.limit)


def evaluated(job: TrainingJob, model: Trains, folder: Path, progress: Progress | None) -> Run:
    """The evaluation at a point: its tasks and items, with a model at its scale.

    Args:
        job: asks for points.
        model: to be measured.
        folder: the run's folder is made inside.
        progress: told of every sample.
    """
    tasks = [task for task in job.tasks if job.points.tasks is None or task.info.name in job.points.tasks]
    limit = job.points.limit if _limited(job) else job.limit
    items = f"-{limit}-items" if _limited(job) else ""
    finished = run(
        model,
        tasks,
        folder / f"evaluation-guidance-{model.guidance:g}{items}",
        seed=job.seed,
        limit=limit,
        batch_size=BATCH,
        progress=progress,
    )
    return load_run(finished.folder)


def development_of(job: TrainingJob) -> list[Development]:
    """Development versions of all tasks that draw; none without scales, as no grid is wanted then."""
    return development_tasks(job.tasks, job.development, job.policy) if job.scales else []


def developed(
    model: Trains, tasks: Sequence[Development], scale: float, folder: Path, progress: Progress | None
) -> Run:
    """Pictures for development items at one scale, where the grid of scales keeps them too.

    Args:
        model: that draws.
        tasks: development versions.
        scale: guidance.
        folder: holds a folder for every scale.
        progress: told of every sample.
    """
    finished = run(
        model.variant(guidance=scale), list(tasks), folder / f"guidance-{scale:g}", progress=progress
    )
    return load_run(finished.folder)


def score_of(finished: Run, task: str) -> dict[str, Any]:
    """A task's headline score with its 95 % interval."""
    overall = finished.scores[task].overall
    return {
        "value": overall.value,
        "low": overall.low,
        "high": overall.high,
        "items": overall.n_items,
        "coverage": overall.coverage,
    }


def difference_of(contrast: Contrast) -> dict[str, Any]:
    """A headline's paired difference, without what only the full comparison tells."""
    names = ("a", "b", "effect", "low", "high", "p", "p_adjusted", "n_items")
    return {name: getattr(contrast, name) for name in names}
