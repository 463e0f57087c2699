"""A value as a user writes it, and as the argument that takes it wants it.

Text is ambiguous: ``007`` may be a name or a number. :func:`read_value` decides where only one reading is
likely, and keeps what was written where a number is written in an unusual way. :func:`fitted` decides the
rest by the annotation of the argument, so that no text becomes a number, and no number text, unnoticed.

>>> read_value("3"), read_value("1e-3"), read_value("007"), read_value("nan"), read_value("True")
(3, 0.001, '007', 'nan', True)
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Mapping
from typing import Any

from selfreward_eval.harness.errors import UsageError

__all__ = ["WrittenFloat", "WrittenInt", "fitted", "read_value"]

_WHOLE = re.compile(r"-?(0|[1-9][0-9]*)", re.ASCII)
_NUMBER = re.compile(r"[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)

_TEXT = {"str", "Path", "pathlib.Path", "PathLike", "PathLike[str]", "os.PathLike[str]"}
_NUMBERS = {"int", "float"}
_DIGITS = 300
"""Longer texts are no numbers: Python refuses some of them, and nobody types one."""


class WrittenInt(int):
    """A whole number that was not written as Python writes it, such as ``+5``."""

    text: str


class WrittenFloat(float):
    """A number that was not written as Python writes it, such as ``1e-3`` or ``1.50``."""

    text: str


def read_value(text: str) -> Any:
    """``text`` as a bool, None, a finite number, or itself.

    Numbers with leading zeros, with underscores or without a finite value stay text; an argument that is
    annotated as a number takes them as one, see :func:`fitted`.
    """
    lowered = text.lower()
    if lowered in ("true", "false"):
        return lowered == "true"
    if lowered in ("none", "null"):
        return None
    if len(text) > _DIGITS or not _NUMBER.fullmatch(text):
        return text
    if _WHOLE.fullmatch(text.removeprefix("+")):
        whole = int(text)
        return whole if str(whole) == text else _remembering(WrittenInt(whole), text)
    number = float(text)
    if not math.isfinite(number):
        return text
    return number if repr(number) == text else _remembering(WrittenFloat(number), text)


def fitted(signature: inspect.Signature, arguments: Mapping[str, Any], option: str) -> dict[str, Any]:
    """``arguments`` with every value as its annotation wants it; what is not annotated simply stays.

    Text that was read as a number becomes text again where text is wanted, and the other way round. An
    annotation that allows both, or anything else, changes nothing.

    Args:
        signature: of what takes the arguments.
        arguments: by name.
        option: where the user wrote them, for messages.

    Raises:
        UsageError: a value that is not of the annotated kind; the message names the argument.
    """
    return {
        name: _fit(value, signature.parameters.get(name), f"{option}: {name}={_shown(value)}")
        for name, value in arguments.items()
    }


def _fit(value: Any, parameter: inspect.Parameter | None, given: str) -> Any:
    """One value; ``given`` is the beginning of a message about it."""
    kinds = _kinds(parameter)
    if value is None and "None" in kinds:
        return None
    kinds -= {"None"}
    if kinds and kinds <= _TEXT:
        if isinstance(value, bool):
            raise UsageError(f"{given} is read as a truth value, and text is wanted; put it in quotes")
        if isinstance(value, WrittenInt | WrittenFloat):
            return value.text
        return repr(value) if type(value) in (int, float) else value
    if kinds and kinds <= _NUMBERS:
        return _number(value, "float" in kinds, given)
    if kinds == {"bool"} and (isinstance(value, str) or value is None):
        raise UsageError(f"{given} is neither true nor false")
    if kinds and all(kind.partition("[")[0] in {"Mapping", "dict"} for kind in kinds):
        if not isinstance(value, Mapping):
            raise UsageError(
                f"{given} is a value, and arguments are wanted; write them after a dot: .key=value"
            )
        return value
    if isinstance(value, WrittenInt):
        return int(value)
    return float(value) if isinstance(value, WrittenFloat) else value


def _number(value: Any, fraction: bool, given: str) -> Any:
    wanted = "number" if fraction else "whole number"
    if isinstance(value, str):
        try:
            value = int(value)
        except ValueError:
            try:
                value = float(value)
            except ValueError:
                raise UsageError(f"{given} is not a {wanted}") from None
    if isinstance(value, bool) or value is None:
        raise UsageError(f"{given} is not a {wanted}")
    if isinstance(value, float):
        if not math.isfinite(value):
            raise UsageError(f"{given} is not a finite number")
        if not fraction and not value.is_integer():
            raise UsageError(f"{given} is not a whole number")
    if isinstance(value, WrittenInt):
        return int(value)
    return float(value) if isinstance(value, WrittenFloat) else value


def _kinds(parameter: inspect.Parameter | None) -> frozenset[str]:
    """The alternatives of an annotation as text; ``None`` also where that is the default."""
    if parameter is None or parameter.annotation is inspect.Parameter.empty:
        return frozenset()
    if parameter.kind in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL):
        return frozenset()
    annotation = parameter.annotation
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    text = text.strip("'\" ")
    optional = re.fullmatch(r"(?:typing\.)?Optional\[(.*)\]", text)
    kinds = {part.strip().removeprefix("collections.abc.").removeprefix("typing.") for part in _split(text)}
    if optional:
        kinds = {optional[1].strip(), "None"}
    return frozenset(kinds | ({"None"} if parameter.default is None else set()))


def _split(text: str) -> list[str]:
    """``text`` at every ``|`` outside brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "[(") - (letter in "])")
        if letter == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _remembering(number: Any, text: str) -> Any:
    number.text = text
    return number


def _shown(value: Any) -> str:
    """A value as the user wrote it, or nearly so."""
    if isinstance(value, WrittenInt | WrittenFloat):
        return value.text
    if value is None or isinstance(value, bool):
        return str(value).lower()
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
