"""``k=v,k=v`` on the command line, as lm-eval writes it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.registry import construct, per_task

__all__ = ["as_text", "construct", "parse", "per_task"]


def parse(text: str, option: str) -> dict[str, Any]:
    """``"guidance=3,detector_args.weights=a/b"`` as nested keyword arguments.

    Numbers, ``true``, ``false`` and ``none`` become values; a dot nests. After a name, a dot gives the
    arguments of what is named: ``detector=owlv2,detector.weights=a/b`` is
    ``detector=owlv2,detector_args.weights=a/b``.

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
            named = isinstance(place.get(name), str)
            place = place.setdefault(f"{name}_args" if named else name, {})
            if not isinstance(place, dict):
                raise UsageError(f"{option}: {key!r} is given both a value and parts")
        if last in place and not (isinstance(place[last], dict) and f"{last}_args" not in place):
            raise UsageError(f"{option}: {key!r} is given twice")
        parts = place.pop(last, None)
        place[last] = _value(value.strip())
        if parts is not None:
            if not isinstance(place[last], str):
                raise UsageError(f"{option}: {key!r} is given both a value and parts")
            place[f"{last}_args"] = parts
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
