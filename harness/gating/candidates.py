"""Where a sequential gate gets its samples from: a finished run, or a model that draws them now."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.models.base import Model
from selfreward_eval.harness.records import Manifest, SampleRecord
from selfreward_eval.harness.runs.checking import TaskPlan, require_plan
from selfreward_eval.harness.runs.parts import part_paths, united
from selfreward_eval.harness.runs.plan import identity
from selfreward_eval.harness.runs.reader import Run, read_manifest, read_samples, samples_path
from selfreward_eval.harness.runs.run import BATCH, Progress, run
from selfreward_eval.harness.runs.scores import summarise
from selfreward_eval.harness.runs.store import sanitise
from selfreward_eval.harness.task import Task, limited

__all__ = ["Candidate", "Live", "Replay"]


class Candidate(Protocol):
    """Where a sequential gate gets the candidate's samples from."""

    def start(self) -> Run:
        """The run before any item is revealed; its identity decides whether it may be compared."""
        ...

    def reveal(self, task: str, items: Collection[str]) -> Run:
        """The run with these items of ``task`` in it, and all that were revealed before."""
        ...

    def finish(self, complete: bool) -> str:
        """Ends the run.

        Args:
            complete: whether every item of every task was revealed.

        Returns:
            What is left to do, in a sentence; may be empty.
        """
        ...


class Replay:
    """A finished run whose samples are looked at in batches, as if they were drawn now."""

    def __init__(self, finished: Run) -> None:
        self.finished = finished

    def start(self) -> Run:
        return self.finished

    def reveal(self, task: str, items: Collection[str]) -> Run:
        return self.finished

    def finish(self, complete: bool) -> str:
        return ""


class Live:
    """A model that draws the revealed items, into a run folder that a later run can continue.

    Seed, seed policy and limit are the base's, so that the arms share them.

    Args:
        model: the candidate.
        tasks: of the policy.
        base: the run it is compared with.
        output_path: folder of run folders.
        batch_size: samples drawn and measured together; changes speed only.
        progress: is called after every finished batch.
        call: how the run was asked for, echoed into the results.
    """

    def __init__(
        self,
        model: Model,
        tasks: Sequence[Task],
        base: Run,
        output_path: Path,
        *,
        batch_size: int = BATCH,
        progress: Progress | None = None,
        call: Mapping[str, Any] | None = None,
    ) -> None:
        base_identity = base.manifest.identity
        self.model, self.tasks, self.output_path = model, list(tasks), output_path
        self.options: dict[str, Any] = {
            "seed": base_identity["seed"],
            "seed_policy": base_identity["seed_policy"],
            "limit": base_identity["limit"],
            "batch_size": batch_size,
            "progress": None if progress is None else _ShownOnce(progress),
            "call": call,
        }
        self.now: Run | None = None

    def start(self) -> Run:
        seed, policy, limit = (self.options[key] for key in ("seed", "seed_policy", "limit"))
        items = {task.info.name: limited(task.items(), limit) for task in self.tasks}
        run_identity = identity(self.model, self.tasks, items, seed, policy, limit)
        folder = self.output_path / sanitise(str(run_identity["model"].get("name", "model")))
        scores = {
            task.info.name: summarise(
                task.info, task.metrics[0], items[task.info.name], [], task.info.images_per_item
            )
            for task in self.tasks
        }
        self.now = Run(
            folder,
            Manifest(run_identity, {}, "started", ""),
            {},
            scores,
            {task.info.name: () for task in self.tasks},
        )
        return self.now

    def reveal(self, task: str, items: Collection[str]) -> Run:
        before = self.now or self.start()
        finished = run(self.model, self.tasks, self.output_path, only={task: items}, **self.options)
        self.now = replace(
            before, scores=finished.scores, records={**before.records, task: _records(finished.folder, task)}
        )
        return self.now

    def finish(self, complete: bool) -> str:
        folder = (self.now or self.start()).folder
        if complete:
            # Samples whose judge was unreachable are measured again, and the results are written.
            run(self.model, self.tasks, self.output_path, **self.options)
            return f"the candidate's run is whole, in {folder}"
        return f"the candidate's run in {folder} is unfinished; `selfreward-eval run` goes on with it"


def _records(folder: Path, task: str) -> tuple[SampleRecord, ...]:
    """The sample records of a task in a run that may be unfinished."""
    manifest = read_manifest(folder)
    path = samples_path(folder, manifest, task)
    if not path.is_file():
        raise InputError(f"{folder} has no {path.name}; restore it or choose another --output-path")
    # Shards that began the run left their samples in parts beside it.
    plan, sources = TaskPlan.of(manifest, task), []
    for source in (*part_paths(path), path):
        sources.append(read_samples(source).records)
        require_plan(source, plan, sources[-1])
    return tuple(united(sources))


class _ShownOnce:
    """Announces each task once, although a gate runs it in several batches."""

    def __init__(self, shown: Progress) -> None:
        self.shown = shown
        self.started: set[str] = set()

    def start(self, task: str, total: int, done: int) -> None:
        if task not in self.started:
            self.started.add(task)
            self.shown.start(task, total, done)

    def advance(self, task: str, count: int) -> None:
        self.shown.advance(task, count)
