"""Leakage between training and evaluation, checked before anything is trained."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Item
from selfreward_eval.harness.task import Task
from selfreward_eval.rewarders.base import Rewarder
from selfreward_eval.trainers.same_request import request_key

SHOWN = 3


def refuse_overlap(
    training: Sequence[Item], tasks: Sequence[Task], key: Callable[[str], Hashable] = request_key
) -> None:
    """Returns if no training prompt is asked by a task that draws.

    Prompts are compared by ``key``: by default without case, punctuation and spacing, and mirrored ones are
    the same ("a red star and a blue ring", "a blue ring and a red star").

    Args:
        training: of all rounds.
        tasks: what is evaluated; those that draw nothing are left out.
        key: a text -> what is compared. :func:`~selfreward_eval.trainers.same_request.plain` for prompts
            whose source keeps them apart from the evaluation by their wording.

    Raises:
        UsageError: some are; the message names the task and the first ones.
    """
    trained = {key(item.text) for item in training}
    for task in tasks:
        if task.info.capability != "generate":
            continue
        shared = [item.text for item in task.items() if key(item.text) in trained]
        if shared:
            shown = "; ".join(repr(text) for text in shared[:SHOWN])
            more = f" and {len(shared) - SHOWN} more" if len(shared) > SHOWN else ""
            raise UsageError(
                f"{len(shared)} training prompts are asked by the evaluation {task.info.name!r}: {shown}"
                f"{more}; take them, and the same ones in other words, out of --prompts, or evaluate on "
                "another task"
            )


def entanglements(rewarder: Rewarder, tasks: Sequence[Task]) -> list[str]:
    """Where rewarder and evaluation use the same instrument: one sentence each.

    A reward that is the evaluation's own measure is optimised directly, and a gain then shows that
    training works, not that the reward is right.
    """
    used = {str(part["name"]) for part in _parts(rewarder.identity()) if isinstance(part.get("name"), str)}
    notes = []
    for task in tasks:
        for role, identity in task.instruments().items():
            name = str(identity.get("name", ""))
            if name and name in used:
                notes.append(
                    f"{task.info.name}: its {role} ({name}) is also part of the reward "
                    f"{rewarder.info.name!r}; the evaluation is not independent of what was trained on"
                )
    return notes


def _parts(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every mapping within ``value``, itself included."""
    if isinstance(value, Mapping):
        yield value
        for inner in value.values():
            yield from _parts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _parts(inner)
