"""Arguments of several tasks from one option: those of one task under its name, the others for all."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from selfreward_eval.harness.errors import UnknownName, UsageError
from selfreward_eval.harness.plugins import calling
from selfreward_eval.harness.registry import registry

__all__ = ["per_task"]


def per_task(
    arguments: Mapping[str, Any],
    tasks: Sequence[str],
    option: str,
    factories: Mapping[str, Callable[..., Any]] | None = None,
) -> dict[str, dict[str, Any]]:
    """Task -> its arguments: those under its own name, and before them those that name no task.

    >>> per_task({"facts": "spacy", "a": {"facts": "shipped"}}, ["a", "b"], "--task-args")
    {'a': {'facts': 'shipped'}, 'b': {'facts': 'spacy'}}

    Args:
        arguments: as given, those of a task under its name.
        tasks: names of the tasks that are built.
        option: where the user wrote the arguments, for messages.
        factories: task -> what builds it, to tell a misspelt task from an argument.

    Raises:
        UsageError: a task's name is given a value instead of arguments.
        UnknownName: arguments of a task that is not built, or whose name is misspelt.
    """
    for name, value in arguments.items():
        if factories is not None and name not in tasks and isinstance(value, Mapping):
            _require_argument(name, tasks, option, factories)
    for name in tasks:
        if not isinstance(arguments.get(name, {}), Mapping):
            raise UsageError(
                f"{option}: {name!r} is a task and takes arguments, got {arguments[name]!r}; write "
                f"{option} {name}.key=value"
            )
    shared = {key: value for key, value in arguments.items() if key not in tasks}
    return {name: {**shared, **arguments.get(name, {})} for name in tasks}


def _require_argument(
    name: str, tasks: Sequence[str], option: str, factories: Mapping[str, Callable[..., Any]]
) -> None:
    """Returns if ``name``, which is given arguments of its own, may be an argument of a task."""
    for task, factory in factories.items():
        with calling(f"task {task!r}", "its signature"):
            if name in inspect.signature(factory).parameters:
                return
    near = difflib.get_close_matches(name, tasks, n=1, cutoff=0.75)
    if near:
        raise UnknownName(f"{option}: {name!r} is none of the tasks; did you mean {near[0]}?")
    if name in registry("tasks").names():
        raise UnknownName(f"{option}: the task {name!r} is not among those of --tasks ({', '.join(tasks)})")
