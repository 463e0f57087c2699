r"""Text files from users and strangers: one reader for whole files, for lines and for JSON values.

A line ends at ``\n`` or ``\r\n`` and nowhere else. U+2028, U+2029, U+0085, the vertical tab and the form
feed may stand inside a prompt or a JSON string; ``str.splitlines`` would split there. A byte order mark at
the start of a file, which some editors write, is no part of its text.
"""

from __future__ import annotations

import json
import re
from math import isfinite
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError

__all__ = [
    "DEPTH",
    "DIGITS",
    "check_json",
    "holds_long_number",
    "is_number",
    "parse_json",
    "read_lines",
    "read_text",
    "require",
    "split_lines",
]

DIGITS = 308
"""Longest whole number that is accepted: a float holds no larger one."""

DEPTH = 100
"""Deepest nesting that is accepted: whatever copies or writes a record takes several calls per level."""

_BEYOND = 10**400
"""Stands for a whole number of more digits in a lenient reading: no float holds it either."""

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
"""The escape of half a character; two of them in order are a whole one."""

_LONG_NUMBER = re.compile(rf"[0-9]{{{DIGITS + 1}}}")
"""Such a number, or a text that holds one."""


def read_text(path: Path, way_out: str = "write it as UTF-8") -> str:
    """The text of a UTF-8 file, without a byte order mark.

    Args:
        path: of the file.
        way_out: ends the error message.

    Raises:
        InputError: the file is missing, cannot be opened or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}); {way_out}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 ({error}); {way_out}") from error


def split_lines(text: str) -> list[str]:
    r"""The lines of ``text`` without their ends; the last needs none.

    >>> split_lines("a\u2028b\r\nc\n")
    ['a\u2028b', 'c']
    """
    lines = [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]
    return lines[:-1] if not lines[-1] else lines


def read_lines(path: Path, way_out: str = "write it as UTF-8") -> list[str]:
    """:func:`split_lines` of :func:`read_text`."""
    return split_lines(read_text(path, way_out))


def parse_json(text: str, *, lenient: bool = False) -> Any:
    """A JSON value that can be computed with and written again.

    Args:
        text: one JSON value.
        lenient: pass on NaN, infinities, lone surrogates and whole numbers of more than ``DIGITS`` digits
            (beyond 399 as another number of that size), for a reader that leaves out single entries.

    Raises:
        ValueError: no JSON, nested too deeply, a number that no float holds, or a lone surrogate.
    """
    try:
        value = json.loads(text, **(_LENIENT if lenient else _STRICT))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    check_json(value, text, lenient=lenient)
    return value


def check_json(value: Any, text: str, *, lenient: bool = False, depth: int = DEPTH) -> None:
    """Refuses a value that later code could not copy or write.

    Args:
        value: parsed from ``text``.
        text: its JSON.
        lenient: let halves of characters and long numbers pass.
        depth: deepest nesting that passes.

    Raises:
        ValueError: nested too deeply, a number of too many digits, or a lone surrogate, which
            UTF-8 cannot hold.
    """
    # Few texts have so many brackets, such a run of digits or such an escape; those need a closer look.
    if text.count("[") + text.count("{") > depth:
        _check_depth(value, depth)
    if not lenient and holds_long_number(text):
        json.loads(text, parse_int=_whole)
    if not lenient and "\\u" in text and _SURROGATE.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError as error:
            half = error.object[error.start : error.start + 1]
            raise ValueError(f"it holds half a character (the lone surrogate {half!a})") from None


def holds_long_number(text: str) -> bool:
    """Whether ``text`` has more than ``DIGITS`` digits in a row.

    Every such run has one of the places looked at, so that few characters are: this is asked of every line.
    """
    for place in range(DIGITS, len(text), DIGITS + 1):
        if "0" <= text[place] <= "9":
            start = max(0, place - DIGITS)
            if _LONG_NUMBER.search(text, start, place + DIGITS + 1):
                return True
    return False


def _check_depth(value: Any, depth: int) -> None:
    level = [value]
    for _ in range(depth):
        level = [
            entry
            for container in level
            if isinstance(container, dict | list)
            for entry in (container.values() if isinstance(container, dict) else container)
        ]
        if not level:
            return
    raise ValueError(f"it is nested more than {depth} deep")


def is_number(value: Any) -> bool:
    """Whether it is a real number that a float holds."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    except OverflowError:
        return False


def require(holds: bool, name: str, value: Any) -> None:
    """Raises ValueError that says what ``name`` is, unless what must hold of it ``holds``."""
    if not holds:
        raise ValueError(f"{name} is {repr(value)[:40]}")


def _whole(digits: str) -> int:
    if len(digits) > DIGITS:
        raise ValueError(f"it holds a number of {len(digits)} digits")
    return int(digits)


def _real(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise ValueError(f"it holds the number {digits[:40]}, which is too large")
    return number


def _no_constant(name: str) -> float:
    raise ValueError(f"it holds {name}, which is no JSON")


def _clamped(digits: str) -> int:
    if len(digits) < 400:
        return int(digits)
    return -_BEYOND if digits.startswith("-") else _BEYOND


_STRICT: dict[str, Any] = {"parse_int": _whole, "parse_float": _real, "parse_constant": _no_constant}
_LENIENT: dict[str, Any] = {"parse_int": _clamped}
