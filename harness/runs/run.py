"""Runs a model on tasks: plan what is missing, draw, measure, record. Resumable at any point.

>>> run(model, [task], Path("results"), seed=0)  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import FolderBusy, UsageError
from selfreward_eval.harness.files import atomic_write_text
from selfreward_eval.harness.models.base import Model, Supplies, require
from selfreward_eval.harness.models.inventory import INVENTORY
from selfreward_eval.harness.plugins import calling
from selfreward_eval.harness.records import Item, SampleRecord, Status
from selfreward_eval.harness.runs.checking import OWN_SEEDS, has_own_seeds
from selfreward_eval.harness.runs.drawing import Phase
from selfreward_eval.harness.runs.engine import Assignment, Engine
from selfreward_eval.harness.runs.finishing import finish, score, seconds_of
from selfreward_eval.harness.runs.plan import Planned, identity, require_planned
from selfreward_eval.harness.runs.planned_tasks import plan_tasks
from selfreward_eval.harness.runs.results import chip, environment, results_json
from selfreward_eval.harness.runs.scores import TaskScores
from selfreward_eval.harness.runs.shards import Shard
from selfreward_eval.harness.runs.sitting import Progress, Sitting
from selfreward_eval.harness.runs.store import RunFolder, sanitise
from selfreward_eval.harness.task import Responds, Task

__all__ = ["BATCH", "TRANSIENT", "Finished", "Phase", "Progress", "Shard", "run"]

BATCH = 32

TRANSIENT = frozenset({Status.JUDGE_TRANSPORT_ERROR, Status.MODEL_TRANSPORT_ERROR})
"""Failures that may not happen again, such as a server out of reach: tried again on resume."""


class _NoProgress:
    def start(self, task: str, total: int, done: int) -> None:
        pass

    def advance(self, task: str, count: int) -> None:
        pass


@dataclass(frozen=True)
class Finished:
    """The outcome of one call of :func:`run`.

    Attributes:
        folder: the run folder.
        results_path: of the results; None where the run is unfinished: ``only``, a phase or other shards
            left samples to do, or another shard is still at work.
        scores: task -> its scores; what is not drawn yet counts as not recorded. Empty for a shard that
            did not finish the run.
        reused: planned samples that were there before; of a shard, those that it would have made.
        drawn: samples drawn in this call.
        left: planned samples that nobody has recorded yet.
    """

    folder: Path
    results_path: Path | None
    scores: dict[str, TaskScores]
    reused: int
    drawn: int
    left: int = 0


def run(
    model: Model,
    tasks: Sequence[Task],
    output_path: Path,
    *,
    seed: int = 0,
    seed_policy: str = "hashed",
    limit: int | None = None,
    batch_size: int = BATCH,
    progress: Progress | None = None,
    call: Mapping[str, Any] | None = None,
    retry: Collection[Status] = TRANSIENT,
    only: Mapping[str, Collection[str]] | None = None,
    files: Mapping[str, str] | None = None,
    shard: Shard | None = None,
    phase: Phase = "all",
    engine: Engine | None = None,
) -> Finished:
    """Runs ``model`` on ``tasks`` into ``output_path/<model name>``, going on where an earlier run stopped.

    Args:
        model: an adapter that offers the capability every task needs; one that supplies pictures
            made elsewhere serves tasks that need drawing.
        tasks: the benchmarks.
        output_path: folder of run folders.
        seed: the run seed; part of every sample's seed under the ``hashed`` policy.
        seed_policy: ``hashed``, or a policy that every task offers.
        limit: items per task, drawn evenly from its categories; None for all.
        batch_size: samples drawn and measured together; changes speed only.
        progress: informed of every finished batch.
        call: how the run was asked for, echoed into the results.
        retry: samples recorded with such a status are tried again; pictures that are there are kept.
        only: task -> ids of the items to do in this call, for a caller that may stop early. It is no
            part of the run's identity: a later call does the rest, and the last one finishes the run.
        files: name -> text of files for the folder, written once the folder is this run's.
        shard: the samples of this one only, while other processes do the others'. The shard that ends when
            nothing is missing finishes the run. No part of the identity: the number may change between calls.
        phase: ``draw`` leaves pictures unmeasured, ``measure`` leaves out samples without a picture.
        engine: makes the samples, such as on a cluster; this process by default.

    Raises:
        MissingCapability: the model cannot do what a task needs; nothing was written.
        InputError: a model that supplies pictures has none for a task; nothing was written.
        UsageError: ``phase`` with a task whose samples are no pictures, or a shard of an engine; nothing was
            written.
        FolderBusy: another process writes the folder, or this shard.
        RunFolderError: the folder holds another run.
        InputError: items that cannot be run or scored, such as two of one id; nothing was drawn.
        BrokenPlugin: the model or a task raised on every one of the first samples (see
            :mod:`selfreward_eval.harness.runs.giving_up`), raised outside of samples, or broke its contract.
    """
    if shard is not None and engine is not None:
        raise UsageError("--shard and --engine cannot be combined: an engine shares out all samples itself")
    for task in tasks:
        require(model, _needed(model, task), f"task {task.info.name!r}")
    if phase != "all":
        _require_pictures(tasks, phase)
    items, plans = plan_tasks(tasks, seed, seed_policy, limit)
    with calling("the model", "survey()"):
        inventory = model.survey(tasks, limit) if isinstance(model, Supplies) else None
    run_identity = identity(model, tasks, items, seed, seed_policy, limit)
    folder_path = output_path / sanitise(str(run_identity["model"].get("name", "model")))
    own_seeds = [
        task.info.name
        for task in tasks
        if seed_policy == "hashed" and has_own_seeds(task, plans[task.info.name], seed)
    ]
    about = {**environment(), **({OWN_SEEDS: own_seeds} if own_seeds else {})}
    told = dict(call or {})
    job = _Job(tasks, items, plans, told, batch_size, frozenset(retry), only, shard, about)
    reporter = progress or _NoProgress()
    if shard is None and engine is None:
        with RunFolder(folder_path, run_identity, about) as folder:
            _write_files(folder, files)
            if inventory is not None:
                folder.write_json(INVENTORY, inventory.to_json())
            return job.whole(Sitting(model, folder, batch_size, phase, reporter))
    own = engine.label if engine is not None else f"{shard.index}of{shard.count}" if shard else ""
    label = own if phase == "all" else f"{phase}-{own}"
    about_shard = {"call": told, "batch_size": batch_size, **({} if engine else {"device": chip()})}
    with RunFolder(folder_path, run_identity, about, part=label, sitting=about_shard) as folder:
        assert folder.journal is not None
        _write_files(folder, files)
        if inventory is not None:
            folder.write_json(INVENTORY, inventory.to_json())
        with folder.journal.ending_on_request():
            finished = job.share(Sitting(model, folder, batch_size, phase, reporter), engine)
    # What is left is counted again without a part of one's own: another shard may have ended after the first
    # count, and left the rest to this one, which still held its part.
    try:
        with RunFolder(folder_path, run_identity, about, among_shards=True) as folder:
            left = job.left(folder)
            if left:
                return replace(finished, left=left)
            path, scores = finish(folder, tasks, items, plans, told, batch_size)
    except FolderBusy:  # By the others at work: the last one of them finishes the run.
        return finished
    return replace(finished, results_path=path, scores=scores, left=0)


def _write_files(folder: RunFolder, files: Mapping[str, str] | None) -> None:
    """Writes the caller's files. Of several shards the first one's stay, so that none is written twice."""
    for name, text in (files or {}).items():
        if folder.journal is None or not (folder.path / name).exists():
            atomic_write_text(folder.path / name, text)


@dataclass(frozen=True)
class _Job:
    """What :func:`run` was asked to do, once the run is planned."""

    tasks: Sequence[Task]
    items: Mapping[str, Sequence[Item]]
    plans: Mapping[str, Sequence[Planned]]
    call: Mapping[str, Any]
    batch_size: int
    retry: frozenset[Status]
    only: Mapping[str, Collection[str]] | None
    shard: Shard | None
    environment: Mapping[str, Any]

    def whole(self, sitting: Sitting) -> Finished:
        """All samples, or some of them by ``only``; with all of them there, the results."""
        folder = sitting.folder
        reused = drawn = left = 0
        seconds = 0.0
        scores: dict[str, TaskScores] = {}
        for task in self.tasks:
            name = task.info.name
            records, missing, to_do = self._outstanding(folder, name)
            reused += len(self.plans[name]) - len(missing)
            sitting.progress.start(name, len(self.plans[name]), len(self.plans[name]) - len(missing))
            drawn += sitting.work(task, to_do, records)
            # A phase may record nothing of what it did.
            lacking = len(missing) - sum(planned.doc_id in records for planned in to_do)
            left += lacking
            scores[name] = score(task, self.items[name], records, whole=not lacking)
            # What an interrupted run drew and measured before this call counts too.
            seconds += seconds_of(records)
        path = None
        if not left:
            results = results_json(folder.manifest, self.tasks, scores, self.call, self.batch_size, seconds)
            path = folder.keeps(results) or folder.finish(results)
        return Finished(folder.path, path, scores, reused, drawn, left)

    def share(self, sitting: Sitting, engine: Engine | None) -> Finished:
        """The samples of one shard, or all of them by an engine."""
        folder = sitting.folder
        reused = drawn = 0
        every: dict[str, list[Planned]] = {}
        known: dict[str, dict[int, SampleRecord]] = {}
        for task in self.tasks:
            name = task.info.name
            records, _, to_do = self._outstanding(folder, name)
            own = sum(self._takes(name, planned) for planned in self.plans[name])
            reused += own - len(to_do)
            sitting.progress.start(name, own, own - len(to_do))
            if engine is None:
                drawn += sitting.work(task, to_do, records)
            every[name], known[name] = to_do, records
        if engine is not None:
            drawn = engine.work(self._assignment(sitting, every, known))
        return Finished(folder.path, None, {}, reused, drawn, self.left(folder))

    def left(self, folder: RunFolder) -> int:
        """Planned samples that no shard has recorded yet."""
        left = 0
        for name, planned_samples in self.plans.items():
            recorded = {record.doc_id for record in folder.records(name)}
            left += sum(planned.doc_id not in recorded for planned in planned_samples)
        return left

    def _assignment(
        self,
        sitting: Sitting,
        to_do: Mapping[str, Sequence[Planned]],
        records: Mapping[str, Mapping[int, SampleRecord]],
    ) -> Assignment:
        manifest = sitting.folder.manifest
        return Assignment(
            model=sitting.model,
            tasks=self.tasks,
            to_do=to_do,
            records=records,
            folder=sitting.folder,
            identity=manifest.identity,
            environment=self.environment,
            sitting={"call": dict(self.call), "batch_size": self.batch_size},
            batch_size=self.batch_size,
            phase=sitting.phase,
            progress=sitting.progress,
        )

    def _outstanding(
        self, folder: RunFolder, name: str
    ) -> tuple[dict[int, SampleRecord], list[Planned], list[Planned]]:
        """The records of a task, the samples without a settled one, and those of them to make here."""
        recorded = folder.records(name)
        require_planned(folder.samples_path(name), self.plans[name], recorded)
        records = {record.doc_id: record for record in recorded}
        settled = {key for key, record in records.items() if record.measurement.status not in self.retry}
        missing = [planned for planned in self.plans[name] if planned.doc_id not in settled]
        only = self.only
        asked = [planned for planned in missing if only is None or planned.item.id in only.get(name, ())]
        return records, missing, [planned for planned in asked if self._takes(name, planned)]

    def _takes(self, name: str, planned: Planned) -> bool:
        return self.shard is None or self.shard.takes(name, planned.doc_id)


def _needed(model: Model, task: Task) -> str:
    """The capability to ask for: pictures that exist stand in for drawing them."""
    needed = task.info.capability
    return "pictures" if needed == "generate" and isinstance(model, Supplies) else needed


def _require_pictures(tasks: Sequence[Task], phase: str) -> None:
    """Returns if the samples of every task are pictures, which lie in the folder between two phases."""
    for task in tasks:
        if isinstance(task, Responds) or task.info.capability != "generate":
            raise UsageError(
                f"--phase {phase}: the samples of task {task.info.name!r} are texts, which are recorded with "
                "their measurement; leave --phase out for it"
            )
