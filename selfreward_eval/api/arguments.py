"""``k=v,k=v`` on the command line, as lm-eval writes it, with quotes and JSON where a value needs them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.registry import construct
from selfreward_eval.harness.task_arguments import per_task
from selfreward_eval.harness.values import WrittenFloat, WrittenInt, read_value

__all__ = ["as_text", "construct", "parse", "per_task"]

_OPENING = "\"'{["
"""A value that begins with one of these is quoted text or JSON; any other one ends at the next comma."""


def parse(text: str, option: str) -> dict[str, Any]:
    """``"guidance=3,detector_args.weights=a/b"`` as nested keyword arguments.

    Numbers, ``true``, ``false`` and ``none`` become values; a dot nests. Text in quotes stays text, commas
    and all. ``{...}`` and ``[...]`` are JSON. After a name, a dot gives the arguments of what is named:
    ``detector=owlv2,detector.weights=a/b`` is ``detector=owlv2,detector_args.weights=a/b``.

    >>> parse('name="a,b",judge_args={"reply": "7, 8"}', "--task-args")
    {'name': 'a,b', 'judge_args': {'reply': '7, 8'}}

    Raises:
        UsageError: a part without ``=``, an empty key, a key given twice, an open quote, or damaged JSON.
    """
    out: dict[str, Any] = {}
    for key, value in _pairs(text, option):
        *outer, last = key.split(".")
        place = out
        for name in outer:
            named = isinstance(place.get(name), str)
            place = place.setdefault(f"{name}_args" if named else name, {})
            if not isinstance(place, dict):
                raise UsageError(f"{option}: {key!r} is given both a value and parts")
        if last in place and not (
            isinstance(place[last], dict) and f"{last}_args" not in place and isinstance(value, str)
        ):
            twice = not isinstance(place[last], dict) or isinstance(value, dict)
            how = "is given twice" if twice else "is given both a value and parts"
            raise UsageError(f"{option}: {key!r} {how}")
        parts = place.pop(last, None)
        place[last] = value
        if parts is not None:
            place[f"{last}_args"] = parts
    return out


def _pairs(text: str, option: str) -> Iterator[tuple[str, Any]]:
    """Every key with its value, in order."""
    place = 0
    while place < len(text):
        if text[place] == "," or text[place].isspace():
            place += 1
            continue
        comma, equals = text.find(",", place), text.find("=", place)
        end = len(text) if comma < 0 else comma
        key = text[place:equals].strip()
        if not 0 <= equals < end or not key:
            part = text[place:end].strip()
            raise UsageError(
                f"{option}: {part!r} is not key=value; write {option} key=value,key=value, and a value that "
                "holds a comma in quotes"
            )
        start = equals + 1
        while start < len(text) and text[start].isspace():
            start += 1
        if start < len(text) and text[start] in _OPENING:
            value, place = _quoted(text, start, f"{option}: the value of {key!r}")
        else:
            value, place = read_value(text[equals + 1 : end].strip()), end
        yield key, value


def _quoted(text: str, start: int, what: str) -> tuple[Any, int]:
    """Quoted text or JSON that begins at ``start``, and the place of the comma behind it."""
    if text[start] == "'":
        close = text.find("'", start + 1)
        if close < 0:
            raise UsageError(f"{what} begins with a quote that is not closed: {text[start:]!r}")
        value, end = text[start + 1 : close], close + 1
    else:
        try:
            value, end = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite).raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error) or "too deep"
            raise UsageError(
                f"{what} begins like JSON and is none ({reason}): {text[start:]!r}; put text in single quotes"
            ) from None
    behind = text[end:].lstrip()
    if behind and not behind.startswith(","):
        raise UsageError(f"{what} goes on behind its end: {behind!r}; put a comma before the next key")
    return value, end


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a finite number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def as_text(arguments: Mapping[str, Any]) -> str:
    """What :func:`parse` reads ``arguments`` from; as JSON, which it refuses, where there is no such text.

    >>> as_text({"guidance": 3, "detector_args": {"weights": "a/b"}, "name": "a,b"})
    'guidance=3,detector_args.weights=a/b,name="a,b"'
    """
    try:
        text = ",".join(f"{key}={_value_text(value)}" for key, value in _flat(arguments))
        same = parse(text, "") == arguments
    except (UsageError, TypeError, ValueError):
        same = False
    return text if same else json.dumps(arguments, default=repr)


def _flat(arguments: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in arguments.items():
        if isinstance(value, Mapping) and value and all(str(inner).isidentifier() for inner in value):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _value_text(value: Any) -> str:
    """One value as :func:`parse` reads it back, with quotes only where it needs them."""
    if isinstance(value, WrittenInt | WrittenFloat):
        return value.text
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    if not isinstance(value, str):
        return str(value)
    plain = (
        value == value.strip()
        and "," not in value
        and value[:1] not in tuple(_OPENING)
        and isinstance(read_value(value), str)
    )
    return value if plain else json.dumps(value, ensure_ascii=False)
