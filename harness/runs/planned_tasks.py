"""The plan of every task of a run, made of items and seeds that keep the task contract."""

from __future__ import annotations

from collections.abc import Sequence

from selfreward_eval.harness.plugins import calling
from selfreward_eval.harness.records import Item
from selfreward_eval.harness.runs.contract import named, require_items, require_seeds
from selfreward_eval.harness.runs.plan import Planned, plan
from selfreward_eval.harness.task import Task, limited

__all__ = ["plan_tasks"]


def plan_tasks(
    tasks: Sequence[Task], seed: int, policy: str, limit: int | None
) -> tuple[dict[str, Sequence[Item]], dict[str, list[Planned]]]:
    """The items and the samples of every task, by its name.

    Raises:
        InputError: items that cannot be run or scored, such as two of one id.
        UsageError: a task does not offer the seed policy.
        BrokenPlugin: a task failed, or broke its contract.
    """
    items: dict[str, Sequence[Item]] = {}
    plans: dict[str, list[Planned]] = {}
    for task in tasks:
        name = task.info.name
        with calling(named(task), "items()"):
            every = list(task.items())
        require_items(task, every)
        items[name] = limited(every, limit)
        with calling(named(task), "seed()"):
            plans[name] = plan(task, every, items[name], seed, policy)
        require_seeds(task, plans[name])
    return items, plans
