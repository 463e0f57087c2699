"""Measures the weights along a training run, on the items, seeds and settings of the measurement before it.

::

    seed-0/at-20000/
        weights/                the weights that would be evaluated: the average where one is kept
        development/            pictures for development items
        evaluation-guidance-2/  the evaluation
        point.json              what came out; written last

Weights are kept before the round's checkpoint is written, so that a training run that goes on from a
checkpoint has all of them. A number at the end of the run is measured by the evaluation after it.

Guidance is as in the final comparison. With ``fixed`` every point is drawn at the model's scale, and
development items at this scale alone. With ``tuned`` every point has its own best scale over the grid.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.comparing.compare import compare_runs
from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.files import atomic_write_json
from selfreward_eval.harness.runs.reader import Run
from selfreward_eval.rewarders.base import Rewarder
from selfreward_eval.trainers.cpu_time import spent
from selfreward_eval.trainers.guidance import best, grid
from selfreward_eval.trainers.jobs import TrainingJob
from selfreward_eval.trainers.points import End
from selfreward_eval.trainers.reward_audit import rewards_of
from selfreward_eval.trainers.reward_statistics import round_summary
from selfreward_eval.trainers.waypoint_runs import (
    DEVELOPMENT,
    Start,
    developed,
    development_of,
    difference_of,
    evaluated,
    score_of,
)
from selfreward_eval.trainers.whole_weights import put_whole

if TYPE_CHECKING:
    from selfreward_eval.harness.runs.run import Progress
    from selfreward_eval.trainers.whole_weights import Export

__all__ = ["POINT", "Waypoints"]

POINT = "point.json"
WEIGHTS = "weights"

BEGINNING = End(asked=0, rounds=0, pictures=0, steps=0)


class Waypoints:
    """The points of one training run: keeps weights when they are due, and measures them.

    Args:
        job: asks for the points.
        name: of the training run.
        rewarder: asks the starting model; it scores pictures for development items.
        start: what points are compared with; None in processes that do not measure.
        at_once: whether to measure as soon as weights are kept, and not after training. Other processes
            would have to wait for it.
        timed: makes a context around every measurement.
        progress: told of every sample.
    """

    def __init__(
        self,
        job: TrainingJob,
        name: str,
        rewarder: Rewarder,
        start: Start | None,
        *,
        at_once: bool,
        timed: Callable[[], AbstractContextManager[None]],
        progress: Progress | None = None,
    ) -> None:
        self._job, self._name, self._rewarder, self._start = job, name, rewarder, start
        self._at_once, self._timed, self._progress = at_once, timed, progress
        settings = job.trainer.settings
        self._ends = job.points.ends(settings)
        self._total = settings.total_steps

    def keep(self, steps: int, export: Export, writes: bool) -> None:
        """Keeps the weights after ``steps`` steps if a point is due; before the checkpoint is written.

        Args:
            steps: taken so far, at the end of a round.
            export: writes the weights that would be evaluated into a folder.
            writes: whether this process is the one that writes.
        """
        for end in self._ends:
            target = self._folder(end) / WEIGHTS
            if end.steps == steps < self._total and not target.is_dir():
                put_whole(export, target, writes)

    def reached(self, steps: int) -> None:
        """Measures what is due after ``steps`` steps, if points are measured at once."""
        if self._at_once:
            for end in self._ends:
                if end.steps <= steps and end.steps < self._total:
                    self._kept(end, partial(self._measured, end))

    def all(self, after: Run, scale: float) -> list[dict[str, Any]]:
        """The starting model and all points, in order; those that are not measured yet are.

        Args:
            after: the evaluation after training, which a point at the end of the run is.
            scale: its guidance.
        """
        if not self._ends:
            return []
        points = [self._kept(BEGINNING, self._beginning)]
        for end in self._ends:
            between = end.steps < self._total
            measure = partial(self._measured, end) if between else partial(self._final, end, after, scale)
            points.append(self._kept(end, measure))
        return points

    def _kept(self, end: End, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What ``point.json`` says; measured first if it is not there."""
        path = self._folder(end) / POINT
        if not path.is_file():
            with self._timed():
                point = measure()
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write_json(path, point)
        try:
            point = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(point, dict):
                raise ValueError("no JSON object")
        except ValueError as error:
            raise InputError(
                f"{path} is damaged ({error}); delete it, and the point is measured again"
            ) from None
        return point

    def _beginning(self) -> dict[str, Any]:
        start = self._begun()
        scores = {task: {"score": score_of(start.evaluation, task)} for task in start.evaluation.scores}
        return {
            **self._progressed(BEGINNING),
            "folder": self._inside(start.evaluation.folder),
            "guidance": start.guidance,
            "development": self._developed(start.development),
            "tasks": scores,
        }

    def _measured(self, end: End) -> dict[str, Any]:
        """A point between before and after."""
        job, start, folder = self._job, self._begun(), self._folder(end)
        weights = folder / WEIGHTS
        if not weights.is_dir():
            raise InputError(
                f"{weights} is missing, and training is past it; restore it, or train again into another "
                "--output-path"
            )
        model = job.model.variant(weights=str(weights), name=f"{self._name}-{folder.name}")
        tasks, scale = development_of(job), model.guidance
        grid_scores: dict[str, dict[str, float]] = {}
        if job.policy == "tuned":
            grid_scores = grid(model, tasks, job.scales, folder / DEVELOPMENT, self._progress)
            scale = best(grid_scores)
        drawn = None
        if tasks:
            drawn = developed(model, tasks, scale, folder / DEVELOPMENT, self._progress)
        finished = evaluated(job, model.variant(guidance=scale), folder, self._progress)
        return {
            **self._progressed(end),
            "weights": self._inside(weights),
            "folder": self._inside(finished.folder),
            "guidance": scale,
            "grid": grid_scores,
            "development": self._developed(drawn),
            "tasks": self._compared(start.part, finished),
        }

    def _final(self, end: End, after: Run, scale: float) -> dict[str, Any]:
        """The end of the run, measured by the evaluation after training."""
        job, start = self._job, self._begun()
        tasks, drawn = development_of(job), None
        if tasks:
            model = job.model.variant(weights=str(job.output / WEIGHTS), name=self._name)
            drawn = developed(model, tasks, scale, job.output / "after" / DEVELOPMENT, self._progress)
        return {
            **self._progressed(end),
            "weights": WEIGHTS,
            "folder": self._inside(after.folder),
            "guidance": scale,
            "development": self._developed(drawn),
            "tasks": self._compared(start.evaluation, after),
        }

    def _progressed(self, end: End) -> dict[str, Any]:
        """How far training was: pictures, steps, CPU-seconds, judgements, and the last round's rewards."""
        job = self._job
        settings = job.trainer.settings
        captions = settings.pictures * settings.candidates if "captioning" in job.trainer.sides else 0
        rounds = job.output / "rounds"
        return {
            "asked": end.asked,
            "pictures": end.pictures,
            "rounds": end.rounds,
            "steps": end.steps,
            "cpu_seconds": spent(job.output, end.rounds, end.steps) if end.steps else 0.0,
            "judgements": end.pictures + end.rounds * captions,
            "reward": round_summary(rounds, end.rounds - 1) if end.rounds else None,
        }

    def _developed(self, drawn: Run | None) -> dict[str, Any] | None:
        """Score and mean reward of development items, task by task; None where they were not drawn."""
        if drawn is None:
            return None
        told: dict[str, Any] = {}
        for task in development_of(self._job):
            items = {item.id: item for item in task.items()}
            rewards = rewards_of(self._rewarder, drawn, task.info.name, items, self._progress)
            known = [reward for reward in rewards.values() if reward is not None]
            told[task.base.info.name] = {
                "score": drawn.scores[task.info.name].overall.value,
                "reward": fsum(known) / len(known) if known else None,
                "rewarded": len(known),
                "items": len(items),
            }
        return told

    def _compared(self, before: Run, after: Run) -> dict[str, Any]:
        """Task -> its score, and its paired difference from the starting model."""
        own = ("guidance",) if self._job.policy == "tuned" else ()
        comparison = compare_runs(before, after, own=own)
        return {
            name: {"score": score_of(after, name), "difference": difference_of(task.overall)}
            for name, task in comparison.tasks.items()
        }

    def _begun(self) -> Start:
        assert self._start is not None, "only the process that measured before training measures points"
        return self._start

    def _folder(self, end: End) -> Path:
        return self._job.output / end.folder

    def _inside(self, path: Path) -> str:
        return os.path.relpath(path, self._job.output)
