"""What a run will consist of, before anything is drawn: its items, its samples, its identity.

It plans a run. How many prompts and pictures a comparison needs is in
:mod:`selfreward_eval.harness.power.power`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import BrokenPlugin, RunFolderError
from selfreward_eval.harness.models.base import Model
from selfreward_eval.harness.plugins import calling, require_text
from selfreward_eval.harness.records import Item, SampleRecord, fingerprint
from selfreward_eval.harness.task import Task


@dataclass(frozen=True)
class Planned:
    """One sample to be made.

    Attributes:
        doc_id: its number within the whole benchmark, whatever the limit.
        item: what it answers.
        index: k, the number of this sample among the item's, from 0.
        seed: to draw it with.
    """

    doc_id: int
    item: Item
    index: int
    seed: int


def plan(task: Task, every: Sequence[Item], items: Sequence[Item], seed: int, policy: str) -> list[Planned]:
    """Every sample of ``items`` in the benchmark's order.

    ``doc_id`` numbers them within the whole benchmark, which has ``every`` item of the task.
    """
    position = {item.id: k for k, item in enumerate(every)}
    m = task.info.images_per_item
    return [
        Planned(position[item.id] * m + k, item, k, task.seed(item, k, seed, policy))
        for item in items
        for k in range(m)
    ]


def require_planned(path: Path, planned: Sequence[Planned], records: Sequence[SampleRecord]) -> None:
    """Returns if every record is one of a planned sample: its number, item, index and seed.

    Args:
        path: of the records, for messages.
        planned: every sample of the task.
        records: what ``path`` holds of it.

    Raises:
        RunFolderError: a record of another run, task version or hand; the message says what differs.
    """
    by_number = {sample.doc_id: sample for sample in planned}
    for record in records:
        sample, plan_ = record.sample, by_number.get(record.doc_id)
        differing = ""
        if plan_ is None:
            differing = f"the plan has no doc_id {record.doc_id}"
        elif (sample.item_id, sample.index) != (plan_.item.id, plan_.index):
            differing = (
                f"doc_id {record.doc_id} is sample {plan_.index} of item {plan_.item.id!r} in the plan"
            )
        elif sample.seed != plan_.seed:
            differing = f"its seed is {sample.seed}, the plan has {plan_.seed}"
        elif _written(record.item) != _written(plan_.item):
            differing = "its prompt, category, cluster or metadata is not the plan's"
        if differing:
            raise RunFolderError(
                f"{path} holds sample {sample.index} of item {sample.item_id!r}, which is not of this run "
                f"({differing}); restore the file, or move it away and run again"
            )


def _written(item: Item) -> str:
    """What a record keeps of an item; the path of an input picture is not part of it."""
    return fingerprint([item.text, item.category, item.cluster, item.metadata])


def identity(
    model: Model,
    tasks: Sequence[Task],
    items: Mapping[str, Sequence[Item]],
    seed: int,
    policy: str,
    limit: int | None,
) -> dict[str, Any]:
    """Everything that can change a picture or a score of this run; JSON values.

    Raises:
        BrokenPlugin: the model or a task cannot say what it is, or not in JSON.
    """
    with calling("the model", "identity()"):
        about_model = dict(model.identity())
    require_text("the identity of the model", about_model, BrokenPlugin)
    instruments: dict[str, dict[str, Any]] = {}
    options: dict[str, dict[str, Any]] = {}
    for task in tasks:
        with calling(f"the task {task.info.name!r}", "instruments()"):
            instruments[task.info.name] = dict(task.instruments())
        with calling(f"the task {task.info.name!r}", "options()"):
            options[task.info.name] = dict(task.options())
        own = [instruments[task.info.name], options[task.info.name]]
        require_text(f"instruments() or options() of the task {task.info.name!r}", own, BrokenPlugin)
    return {
        "model": about_model,
        "tasks": {
            task.info.name: {
                "version": task.info.version,
                "items_sha256": fingerprint([item.to_json() for item in items[task.info.name]]),
                "n_items": len(items[task.info.name]),
                "images_per_item": task.info.images_per_item,
                "instruments": instruments[task.info.name],
                "options": options[task.info.name],
            }
            for task in tasks
        },
        "seed": seed,
        "seed_policy": policy,
        "limit": limit,
    }
