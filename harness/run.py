"""Runs a model on tasks: plan what is missing, draw, measure, record. Resumable at any point.

>>> run(model, [task], Path("results"), seed=0)  # doctest: +SKIP
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from harness.errors import SelfRewardError
from harness.files import atomic_write_json
from harness.inventory import INVENTORY
from harness.models.base import Generates, Model, Request, Supplies, require
from harness.planning import Planned, identity, limited, plan
from harness.records import Measurement, Sample, SampleRecord, Status
from harness.results import environment, results_json
from harness.scores import TaskScores, summarise
from harness.store import RunFolder, sample_from_picture, sanitise
from harness.task import Task

if TYPE_CHECKING:
    from PIL.Image import Image

BATCH = 32

GIVE_UP = 16
"""A model that fails on its first so many samples is broken; nothing is recorded of it."""


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
    """What a run left behind."""

    folder: Path
    results_path: Path
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
    reused = drawn = 0
    seconds = 0.0
    scores: dict[str, TaskScores] = {}
    folder_path = output_path / sanitise(str(who["model"].get("name", "model")))
    with RunFolder(folder_path, who, environment()) as folder:
        if inventory is not None:
            atomic_write_json(folder.path / INVENTORY, inventory.to_json())
        for task in tasks:
            name = task.info.name
            records = {record.doc_id: record for record in folder.records(name)}
            missing = [planned for planned in plans[name] if planned.doc_id not in records]
            reused += len(plans[name]) - len(missing)
            shown.start(name, len(plans[name]), len(plans[name]) - len(missing))
            held: list[tuple[SampleRecord, bool]] = []
            for batch in _batches(missing, batch_size):
                held += _batch(model, task, folder, batch)
                shown.advance(name, len(batch))
                # Failures wait for the first success, so that mending a broken model starts afresh.
                if not records and _all_failed(held):
                    if len(held) >= min(GIVE_UP, len(missing)):
                        raise _broken(held)
                    continue
                for record, fresh in held:
                    folder.append(name, record)
                    records[record.doc_id] = record
                    drawn += int(fresh and record.sample.image is not None)
                held = []
            ordered = [records[key] for key in sorted(records)]
            scores[name] = summarise(
                task.info,
                task.metrics[0],
                items[name],
                ordered,
                task.info.images_per_item,
                task.extra(ordered),
            )
            # Over every sitting: what an interrupted run measured before counts too.
            seconds += fsum(second for record in ordered for second in record.timing.values())
        path = folder.finish(
            results_json(folder.manifest, tasks, scores, dict(call or {}), batch_size, seconds)
        )
    return Finished(folder_path, path, scores, reused, drawn)


def _needed(model: Model, task: Task) -> str:
    """The capability to ask for: pictures that exist stand in for drawing them."""
    needed = task.info.capability
    return "pictures" if needed == "generate" and isinstance(model, Supplies) else needed


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


def _batch(
    model: Any, task: Task, folder: RunFolder, batch: Sequence[Planned]
) -> list[tuple[SampleRecord, bool]]:
    """Draws what has no picture yet, measures all, and returns (record, newly drawn) in plan order."""
    name = task.info.name
    paths = [folder.picture_path(name, p.item.id, p.index, p.seed) for p in batch]
    kept = [folder.read_picture(path) for path in paths]
    wanted = [k for k, picture in enumerate(kept) if picture is None]
    began = time.monotonic()
    made = _generate(model, name, [batch[k] for k in wanted])
    per_picture = (time.monotonic() - began) / max(1, len(wanted))
    pictures: dict[int, Image] = {}
    samples: dict[int, Sample] = {}
    failures: dict[int, Measurement] = {}
    for k, whole in enumerate(kept):
        if whole is not None:
            pictures[k] = whole[0]
            samples[k] = sample_from_picture(
                batch[k].item.id, batch[k].index, batch[k].seed, paths[k], whole[1]
            )
    for k, outcome in zip(wanted, made, strict=True):
        if isinstance(outcome, Measurement):
            failures[k] = outcome
            samples[k] = Sample(batch[k].item.id, batch[k].index, batch[k].seed)
        else:
            digest = folder.write_picture(paths[k], outcome)
            pictures[k] = outcome
            samples[k] = sample_from_picture(
                batch[k].item.id, batch[k].index, batch[k].seed, paths[k], digest
            )
    began = time.monotonic()
    drawn = sorted(pictures)
    measured = _measure(
        task, [batch[k] for k in drawn], [samples[k] for k in drawn], [pictures[k] for k in drawn]
    )
    per_measure = (time.monotonic() - began) / max(1, len(drawn))
    results = dict(zip(drawn, measured, strict=True)) | failures
    return [
        (
            SampleRecord(
                batch[k].doc_id,
                batch[k].item,
                samples[k],
                results[k],
                {
                    "gen_s": round(per_picture, 4) if kept[k] is None else 0.0,
                    "score_s": round(per_measure, 4) if k in pictures else 0.0,
                },
            ),
            kept[k] is None,
        )
        for k in range(len(batch))
    ]


def _generate(model: Generates | Supplies, task: str, batch: Sequence[Planned]) -> list[Image | Measurement]:
    """Pictures, or failures with their reason. A batch that fails is asked for again one by one."""

    def ask(part: Sequence[Planned]) -> list[Image | Measurement]:
        made: Sequence[Image | Measurement | None]
        if isinstance(model, Supplies):
            made = model.pictures([Request(task, p.item, p.index, p.seed) for p in part])
        else:
            made = model.generate([p.item.text for p in part], [p.seed for p in part])
        return [_present(picture, p) for picture, p in zip(made, part, strict=True)]

    if not batch:
        return []
    try:
        return ask(batch)
    except SelfRewardError:
        raise
    except Exception:
        outcomes: list[Image | Measurement] = []
        for p in batch:
            try:
                outcomes += ask([p])
            except SelfRewardError:
                raise
            except Exception as single:
                reason = f"{type(single).__name__}: {single}"
                outcomes.append(Measurement(Status.GENERATION_ERROR, reason=reason))
        return outcomes


def _present(picture: Image | Measurement | None, planned: Planned) -> Image | Measurement:
    if picture is None:
        reason = f"no picture for prompt {planned.item.id} ({planned.item.text!r}), index {planned.index}"
        return Measurement(Status.MISSING_IMAGE, reason=reason)
    if isinstance(picture, Measurement):
        if picture.ok:
            raise ValueError(f"a model supplied a measurement of {planned.item.id} in place of its picture")
        return picture
    return picture.convert("RGB")


def _measure(
    task: Task, batch: Sequence[Planned], samples: Sequence[Sample], pictures: Sequence[Image]
) -> list[Measurement]:
    """Measurements; a batch that fails is measured again one by one, so one bad picture costs one status."""
    if not batch:
        return []
    try:
        return task.measure([p.item for p in batch], samples, pictures)
    except SelfRewardError:
        raise
    except Exception:
        out = []
        for p, sample, picture in zip(batch, samples, pictures, strict=True):
            try:
                out += task.measure([p.item], [sample], [picture])
            except SelfRewardError:
                raise
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                out.append(Measurement(Status.MEASUREMENT_ERROR, reason=reason))
        return out
