"""What a run will consist of, before anything is drawn: its items, its samples, its identity.

It plans a run. How many prompts and pictures a comparison needs is in
:mod:`selfreward_eval.harness.power.power`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from selfreward_eval.harness.models.base import Model
from selfreward_eval.harness.records import Item, fingerprint
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


def limited(items: Sequence[Item], limit: int | None) -> list[Item]:
    """The first ``limit`` items, taken from the categories in turn, in the benchmark's order.

    A plain prefix would be one category only, and no macro score.
    """
    if limit is None or limit >= len(items):
        return list(items)
    queues: dict[str, list[int]] = {}
    for position, item in enumerate(items):
        queues.setdefault(item.category, []).append(position)
    taken: list[int] = []
    while len(taken) < limit:
        for queue in queues.values():
            if queue and len(taken) < limit:
                taken.append(queue.pop(0))
    return [items[position] for position in sorted(taken)]


def plan(task: Task, items: Sequence[Item], seed: int, policy: str) -> list[Planned]:
    """Every sample of a task in the benchmark's order; ``doc_id`` numbers them within the whole benchmark."""
    position = {item.id: k for k, item in enumerate(task.items())}
    m = task.info.images_per_item
    return [
        Planned(position[item.id] * m + k, item, k, task.seed(item, k, seed, policy))
        for item in items
        for k in range(m)
    ]


def identity(
    model: Model,
    tasks: Sequence[Task],
    items: Mapping[str, Sequence[Item]],
    seed: int,
    policy: str,
    limit: int | None,
) -> dict[str, Any]:
    """Everything that can change a picture or a score of this run; JSON values."""
    return {
        "model": model.identity(),
        "tasks": {
            task.info.name: {
                "version": task.info.version,
                "items_sha256": fingerprint([item.to_json() for item in items[task.info.name]]),
                "n_items": len(items[task.info.name]),
                "images_per_item": task.info.images_per_item,
                "instruments": dict(task.instruments()),
                "options": dict(task.options()),
            }
            for task in tasks
        },
        "seed": seed,
        "seed_policy": policy,
        "limit": limit,
    }
