"""``k=v,k=v`` on the command line, as lm-eval writes it."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from selfreward_eval.harness.errors import UsageError


def parse(text: str, option: str) -> dict[str, Any]:
    """``"guidance=3,detector_args.weights=a/b"`` as nested keyword arguments.

    Numbers, ``true``, ``false`` and ``none`` become values; a dot nests.

    Raises:
        UsageError: a part without ``=``, an empty key, a key given twice, or a number that is not finite.
    """
    out: dict[str, Any] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"{option}: {part!r} is not key=value; write {option} key=value,key=value")
        *outer, last = key.strip().split(".")
        place = out
        for name in outer:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise UsageError(f"{option}: {key!r} is given both a value and parts")
        if last in place:
            raise UsageError(f"{option}: {key!r} is given twice")
        place[last] = _value(value.strip())
        if isinstance(place[last], float) and not math.isfinite(place[last]):
            raise UsageError(f"{option}: {part!r} is not a finite number")
    return out


def as_text(arguments: Mapping[str, Any]) -> str:
    """What :func:`parse` reads ``arguments`` from; as JSON, which it refuses, where there is no such text.

    >>> as_text({"guidance": 3, "detector_args": {"weights": "a/b"}})
    'guidance=3,detector_args.weights=a/b'
    """
    text = ",".join(f"{key}={value}" for key, value in _flat(arguments))
    try:
        same = parse(text, "") == arguments
    except UsageError:
        same = False
    return text if same else json.dumps(arguments, default=repr)


def _flat(arguments: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in arguments.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


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


def _value(text: str) -> Any:
    lowered = text.lower()
    if lowered in ("true", "false"):
        return lowered == "true"
    if lowered in ("none", "null"):
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def construct(factory: Callable[..., Any], arguments: dict[str, Any], what: str, option: str) -> Any:
    """``factory(**arguments)`` with errors that name the argument and the ones there are.

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
