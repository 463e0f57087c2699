"""Runs a model on tasks: plan what is missing, draw, measure, record. Resumable at any point.

>>> run(model, [task], Path("results"), seed=0)  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import fsum
from pathlib import Path
from typing import Any, Protocol

from selfreward_eval.harness.errors import BrokenPlugin
from selfreward_eval.harness.files import atomic_write_json, atomic_write_text
from selfreward_eval.harness.models.base import Model, Supplies, require
from selfreward_eval.harness.models.inventory import INVENTORY
from selfreward_eval.harness.plugins import calling, not_exiting, require_text
from selfreward_eval.harness.records import Item, SampleRecord, Status
from selfreward_eval.harness.runs.answering import answer_batch
from selfreward_eval.harness.runs.checking import OWN_SEEDS, has_own_seeds
from selfreward_eval.harness.runs.contract import named, require_items, require_seeds
from selfreward_eval.harness.runs.drawing import draw_batch
from selfreward_eval.harness.runs.giving_up import GIVE_UP, broken, has_number, tried_in_vain
from selfreward_eval.harness.runs.measuring import Raised
from selfreward_eval.harness.runs.plan import Planned, identity, plan, require_planned
from selfreward_eval.harness.runs.responding import respond_batch
from selfreward_eval.harness.runs.results import environment, results_json
from selfreward_eval.harness.runs.scores import TaskScores, summarise
from selfreward_eval.harness.runs.store import RunFolder, sanitise
from selfreward_eval.harness.task import Responds, Task, limited

BATCH = 32

TRANSIENT = frozenset({Status.JUDGE_TRANSPORT_ERROR, Status.MODEL_TRANSPORT_ERROR})
"""Failures that may not happen again, such as a server out of reach: tried again on resume."""


class Progress(Protocol):
    """Receives the runner's progress; a progress bar implements it."""

    def start(self, task: str, total: int, done: int) -> None: ...

    def advance(self, task: str, count: int) -> None: ...


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
        results_path: of the results; None where ``only`` left samples to do, so that the run is unfinished.
        scores: task -> its scores; what is not drawn yet counts as not recorded.
        reused: planned samples that were there before.
        drawn: samples drawn in this call.
    """

    folder: Path
    results_path: Path | None
    scores: dict[str, TaskScores]
    reused: int
    drawn: int


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

    Raises:
        MissingCapability: the model cannot do what a task needs; nothing was written.
        InputError: a model that supplies pictures has none for a task; nothing was written.
        RunFolderError: the folder holds another run.
        InputError: items that cannot be run or scored, such as two of one id; nothing was drawn.
        BrokenPlugin: the model or a task raised on every one of the first samples (see
            :mod:`selfreward_eval.harness.runs.giving_up`), raised outside of samples, or broke its contract.
    """
    reporter = progress or _NoProgress()
    for task in tasks:
        require(model, _needed(model, task), f"task {task.info.name!r}")
    items: dict[str, Sequence[Item]] = {}
    plans: dict[str, list[Planned]] = {}
    for task in tasks:
        name = task.info.name
        with calling(named(task), "items()"):
            every = list(task.items())
        require_items(task, every)
        items[name] = limited(every, limit)
        with calling(named(task), "seed()"):
            plans[name] = plan(task, items[name], seed, seed_policy)
        require_seeds(task, plans[name])
    with calling("the model", "survey()"):
        inventory = model.survey(tasks, limit) if isinstance(model, Supplies) else None
    run_identity = identity(model, tasks, items, seed, seed_policy, limit)
    reused = drawn = left = 0
    seconds = 0.0
    scores: dict[str, TaskScores] = {}
    folder_path = output_path / sanitise(str(run_identity["model"].get("name", "model")))
    own_seeds = [
        task.info.name
        for task in tasks
        if seed_policy == "hashed" and has_own_seeds(task, plans[task.info.name], seed)
    ]
    about = {**environment(), **({OWN_SEEDS: own_seeds} if own_seeds else {})}
    with RunFolder(folder_path, run_identity, about) as folder:
        for file_name, text in (files or {}).items():
            atomic_write_text(folder.path / file_name, text)
        if inventory is not None:
            atomic_write_json(folder.path / INVENTORY, inventory.to_json())
        for task in tasks:
            name = task.info.name
            recorded = folder.records(name)
            require_planned(folder.samples_path(name), plans[name], recorded)
            records = {record.doc_id: record for record in recorded}
            proven = has_number(records)
            settled = {key for key, record in records.items() if record.measurement.status not in retry}
            missing = [planned for planned in plans[name] if planned.doc_id not in settled]
            reused += len(plans[name]) - len(missing)
            to_do = [planned for planned in missing if only is None or planned.item.id in only.get(name, ())]
            left += len(missing) - len(to_do)
            reporter.start(name, len(plans[name]), len(plans[name]) - len(missing))
            make_batch = _batch_maker(task)
            pending: list[tuple[SampleRecord, bool]] = []
            for batch in _batches(to_do, batch_size):
                with not_exiting(f"the model or {named(task)}"):
                    pending += make_batch(model, task, folder, batch)
                reporter.advance(name, len(batch))
                # Failures are recorded after the first number, so that a broken plug-in leaves none behind.
                failed = 0 if proven else tried_in_vain([record for record, _ in pending])
                if failed >= GIVE_UP or (failed and batch[-1] is to_do[-1]):
                    raise broken(task, [record for record, _ in pending])
                if failed:
                    continue
                for record, fresh in pending:
                    plain = _plain(record)
                    folder.append(name, plain)
                    records[record.doc_id] = plain
                    proven = proven or plain.measurement.ok
                    drawn += int(fresh and (record.sample.image or record.sample.text) is not None)
                pending = []
            ordered = [records[key] for key in sorted(records)]
            # Further numbers are of a whole run.
            with calling(named(task), "extra()"):
                extra = dict(task.extra(ordered)) if len(to_do) == len(missing) else {}
            require_text(f"{named(task)}: what extra() returned", extra, BrokenPlugin)
            scores[name] = summarise(
                task.info, task.metrics[0], items[name], ordered, task.info.images_per_item, extra
            )
            # What an interrupted run drew and measured before this call counts too.
            seconds += fsum(second for record in ordered for second in record.timing.values())
        if left:
            return Finished(folder_path, None, scores, reused, drawn)
        path = folder.finish(
            results_json(folder.manifest, tasks, scores, dict(call or {}), batch_size, seconds)
        )
    return Finished(folder_path, path, scores, reused, drawn)


def _needed(model: Model, task: Task) -> str:
    """The capability to ask for: pictures that exist stand in for drawing them."""
    needed = task.info.capability
    return "pictures" if needed == "generate" and isinstance(model, Supplies) else needed


def _batch_maker(task: Task) -> Callable[..., list[tuple[SampleRecord, bool]]]:
    """What makes a batch of samples: the task itself where it asks in its own way, else by its capability."""
    if isinstance(task, Responds):
        return respond_batch
    return answer_batch if task.info.capability == "answer" else draw_batch


def _batches(planned: Sequence[Planned], size: int) -> Iterator[Sequence[Planned]]:
    for start in range(0, len(planned), size):
        yield planned[start : start + size]


def _plain(record: SampleRecord) -> SampleRecord:
    """The record as a file gives it back: without the traceback of what was raised over it."""
    measurement = record.measurement
    return replace(record, measurement=measurement.plain()) if isinstance(measurement, Raised) else record
