"""Models and tasks from names or from objects, for Python callers and for the command line."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.api.arguments import as_text
from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.registry import construct, registry
from selfreward_eval.harness.task_arguments import per_task

if TYPE_CHECKING:
    from selfreward_eval.harness.models.base import Model
    from selfreward_eval.harness.task import Task

__all__ = ["PathLike", "build_model", "build_tasks", "call_of"]

PathLike = str | os.PathLike[str]
"""A path as callers write it."""


def build_model(model: str | Model, arguments: Mapping[str, Any] | None, option: str = "model_args") -> Model:
    """An adapter: the object itself, or the one of that registry name.

    Args:
        model: registry name or adapter.
        arguments: its constructor's, for a name.
        option: what ``arguments`` are called, for messages.

    Raises:
        UnknownName: no such adapter.
        UsageError: arguments that it does not take, arguments for an object, or a class.
    """
    if isinstance(model, str):
        made: Model = construct(
            registry("models").load(model), dict(arguments or {}), f"model {model!r}", option
        )
        return made
    _require_object(model, "model", arguments, option)
    return model


def build_tasks(
    tasks: str | Task | Sequence[str | Task], arguments: Mapping[str, Any] | None, option: str = "task_args"
) -> list[Task]:
    """Tasks: objects themselves, and names from the registry.

    Args:
        tasks: one, or several; a name that comes twice counts once.
        arguments: of every task that is given by name; under a task's name, of this one only.
        option: what ``arguments`` are called, for messages.

    Raises:
        UnknownName: no such task.
        UsageError: no task, arguments that one does not take, or two tasks of one name.
    """
    several = [tasks] if isinstance(tasks, str) or not isinstance(tasks, Sequence) else tasks
    given = list(dict.fromkeys(several))
    names = [one for one in given if isinstance(one, str)]
    factories = {name: registry("tasks").load(name) for name in names}
    own = per_task(arguments or {}, names, option, factories)
    built: dict[str, Task] = {}
    for one in given:
        if isinstance(one, str):
            task: Task = construct(factories[one], own[one], f"task {one!r}", option)
        else:
            _require_object(one, "task", None if names else arguments, option)
            task = one
        if task.info.name in built:
            raise UsageError(f"two tasks are called {task.info.name!r}; leave one out, or rename it")
        built[task.info.name] = task
    if not built:
        raise UsageError("no task is named; `selfreward-eval list tasks` shows them")
    return list(built.values())


def call_of(model: str | Model, arguments: Mapping[str, Any] | None) -> dict[str, str]:
    """How the model was asked for, for a run's results: what the command line would have been given."""
    return {"model_args": as_text(arguments or {})} if isinstance(model, str) else {}


def _require_object(given: object, what: str, arguments: Mapping[str, Any] | None, option: str) -> None:
    """Returns for an object without arguments.

    Raises:
        UsageError: a class instead of its object, or arguments that nothing would take.
    """
    if isinstance(given, type):
        raise UsageError(f"the {what} is the class {given.__name__}; give an object: {given.__name__}(...)")
    if arguments:
        raise UsageError(f"{option} are for a {what} that is given by name; give them to its constructor")
