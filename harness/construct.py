"""Objects from a factory and arguments that a user wrote, with errors that name the argument."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from selfreward_eval.harness.errors import UsageError

__all__ = ["construct", "per_task"]


def construct(factory: Callable[..., Any], arguments: Mapping[str, Any], what: str, option: str) -> Any:
    """``factory(**arguments)`` with errors that name the argument and the ones there are.

    Args:
        factory: usually a class from a registry.
        arguments: by name.
        what: is built, for messages, such as ``model 'tiny'``.
        option: where the user wrote the arguments, for messages.

    Raises:
        UsageError: an argument that the factory does not take, or one that is missing.
    """
    signature = inspect.signature(factory)
    try:
        signature.bind(**arguments)
    except TypeError as error:
        known = ", ".join(
            name if parameter.default is inspect.Parameter.empty else f"{name}={parameter.default!r}"
            for name, parameter in signature.parameters.items()
        )
        raise UsageError(f"{what}: {error}; {option} takes: {known or 'nothing'}") from None
    try:
        return factory(**arguments)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{what}: {error}; check {option}") from error


def per_task(arguments: Mapping[str, Any], tasks: Sequence[str], option: str) -> dict[str, dict[str, Any]]:
    """Task -> its arguments: those under its own name, and before them those that name no task.

    >>> per_task({"facts": "spacy", "a": {"facts": "shipped"}}, ["a", "b"], "--task-args")
    {'a': {'facts': 'shipped'}, 'b': {'facts': 'spacy'}}

    Raises:
        UsageError: a task's name is given a value instead of arguments.
    """
    for name in tasks:
        if not isinstance(arguments.get(name, {}), Mapping):
            raise UsageError(
                f"{option}: {name!r} is a task and takes arguments, got {arguments[name]!r}; write "
                f"{option} {name}.key=value"
            )
    shared = {key: value for key, value in arguments.items() if key not in tasks}
    return {name: {**shared, **arguments.get(name, {})} for name in tasks}
