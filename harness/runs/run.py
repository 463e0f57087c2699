"""Runs a model on tasks: plan what is missing, draw, measure, record. Resumable at any point.

>>> run(model, [task], Path("results"), seed=0)  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from pathlib import Path
from typing import Any, Protocol

from selfreward_eval.harness.errors import SelfRewardError
from selfreward_eval.harness.files import atomic_write_json
from selfreward_eval.harness.models.base import Model, Supplies, require
from selfreward_eval.harness.models.inventory import INVENTORY
from selfreward_eval.harness.records import SampleRecord, Status
from selfreward_eval.harness.runs.answering import answer_batch
from selfreward_eval.harness.runs.drawing import draw_batch
from selfreward_eval.harness.runs.plan import Planned, identity, plan
from selfreward_eval.harness.runs.responding import Responds, respond_batch
from selfreward_eval.harness.runs.results import environment, results_json
from selfreward_eval.harness.runs.scores import TaskScores, summarise
from selfreward_eval.harness.runs.store import RunFolder, sanitise
from selfreward_eval.harness.task import Task, limited

BATCH = 32

GIVE_UP = 16
"""A model that fails on its first so many samples is broken; nothing is recorded of it."""


TRANSIENT = frozenset({Status.JUDGE_TRANSPORT_ERROR})
"""What passes by itself: a sample that no judge could be reached for is measured again on resume."""


class Progress(Protocol):
    """What the runner tells whoever shows progress."""

    def start(self, task: str, total: int, done: int) -> None: ...

    def advance(self, task: str, count: int) -> None: ...


class _Silent:
    def start(self, task: str, total: int, done: int) -> None:
        pass

    def advance(self, task: str, count: int) -> None:
        pass


@dataclass(frozen=True)
class Finished:
    """What a run left behind.

    Attributes:
        folder: the run folder.
        results_path: of the results; None where ``only`` left something to do, and nothing is finished.
        scores: task -> its scores; what is not drawn yet counts as not recorded.
        reused: planned samples that were there before.
        drawn: samples drawn in this sitting.
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
        progress: told about every finished batch.
        call: how the run was asked for, echoed into the results.
        retry: samples recorded with such a status are tried again; pictures that are there are kept.
        only: task -> ids of the items to do in this sitting, for a caller that may stop early. It is no
            part of the run's identity: a later sitting does the rest, and the last one finishes the run.

    Raises:
        MissingCapability: the model cannot do what a task needs; nothing was written.
        InputError: a model that supplies pictures has none for a task; nothing was written.
        RunFolderError: the folder holds another run.
        SelfRewardError: the model failed on every one of the first samples.
    """
    shown = progress or _Silent()
    for task in tasks:
        require(model, _needed(model, task), f"task {task.info.name!r}")
    inventory = model.survey(tasks, limit) if isinstance(model, Supplies) else None
    items = {task.info.name: limited(task.items(), limit) for task in tasks}
    plans = {task.info.name: plan(task, items[task.info.name], seed, seed_policy) for task in tasks}
    who = identity(model, tasks, items, seed, seed_policy, limit)
    reused = drawn = left = 0
    seconds = 0.0
    scores: dict[str, TaskScores] = {}
    folder_path = output_path / sanitise(str(who["model"].get("name", "model")))
    with RunFolder(folder_path, who, environment()) as folder:
        if inventory is not None:
            atomic_write_json(folder.path / INVENTORY, inventory.to_json())
        for task in tasks:
            name = task.info.name
            records = {record.doc_id: record for record in folder.records(name)}
            settled = {key for key, record in records.items() if record.measurement.status not in retry}
            missing = [planned for planned in plans[name] if planned.doc_id not in settled]
            reused += len(plans[name]) - len(missing)
            now = [one for one in missing if only is None or one.item.id in only.get(name, ())]
            left += len(missing) - len(now)
            shown.start(name, len(plans[name]), len(plans[name]) - len(missing))
            make = _maker(task)
            held: list[tuple[SampleRecord, bool]] = []
            for batch in _batches(now, batch_size):
                held += make(model, task, folder, batch)
                shown.advance(name, len(batch))
                # Failures wait for the first success, so that mending a broken model starts afresh.
                if not records and _all_failed(held):
                    if len(held) >= min(GIVE_UP, len(now)):
                        raise _broken(held)
                    continue
                for record, fresh in held:
                    folder.append(name, record)
                    records[record.doc_id] = record
                    drawn += int(fresh and (record.sample.image or record.sample.text) is not None)
                held = []
            ordered = [records[key] for key in sorted(records)]
            scores[name] = summarise(
                task.info,
                task.metrics[0],
                items[name],
                ordered,
                task.info.images_per_item,
                # Further numbers are of a whole run.
                task.extra(ordered) if len(now) == len(missing) else {},
            )
            # Over every sitting: what an interrupted run measured before counts too.
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


def _maker(task: Task) -> Callable[..., list[tuple[SampleRecord, bool]]]:
    """What makes a batch of samples: the task itself where it asks in its own way, else by its capability."""
    if isinstance(task, Responds):
        return respond_batch
    return answer_batch if task.info.capability == "answer" else draw_batch


def _batches(planned: Sequence[Planned], size: int) -> Iterator[Sequence[Planned]]:
    for start in range(0, len(planned), size):
        yield planned[start : start + size]


def _all_failed(held: Sequence[tuple[SampleRecord, bool]]) -> bool:
    return all(record.measurement.status is Status.GENERATION_ERROR for record, _ in held)


def _broken(held: Sequence[tuple[SampleRecord, bool]]) -> SelfRewardError:
    first = held[0][0]
    reason = " ".join(first.measurement.reason.split())
    return SelfRewardError(
        f"the model failed on each of the first {len(held)} samples; the first, {first.item.text!r}, with "
        f"{reason}. Nothing was recorded: mend the model and run the same command again"
    )
