"""What others send, made fit for a JSON file: no halves of surrogate pairs, no NaN, no odd types, no key.

>>> storable({"usage": {"cost": float("nan"), "tokens": 3}})
{'usage': {'cost': 'nan', 'tokens': 3}}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

__all__ = ["DEEPEST", "LARGEST", "same_shape", "storable", "without_lone_surrogates"]

DEEPEST = 40
"""Levels of nesting; what lies deeper becomes ``...``."""

LARGEST = 2**63
"""Integers from here on become texts: some readers of JSON cannot hold them."""


def without_lone_surrogates(text: str) -> str:
    """``text`` with ``?`` for halves of surrogate pairs, which JSON can spell and no file can hold."""
    return text.encode("utf-8", errors="replace").decode("utf-8")


def storable(value: Any, depth: int = 0) -> Any:
    """``value`` as JSON values that every reader takes: NaN and infinities as text, names as text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return without_lone_surrogates(value)
    if isinstance(value, int):
        # An integer of thousands of digits has no decimal text in Python.
        return int(value) if -LARGEST < value < LARGEST else hex(value)
    if isinstance(value, float):
        return float(value) if isfinite(value) else str(float(value))
    if depth >= DEEPEST:
        return "..."
    if isinstance(value, Mapping):
        return {
            without_lone_surrogates(str(name)): storable(member, depth + 1) for name, member in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [storable(member, depth + 1) for member in value]
    return without_lone_surrogates(str(value))


def same_shape(value: Any, change: Callable[[str], str]) -> Any:
    """A decoded JSON value with ``change`` made to every text in it, names of keys included.

    Raises:
        RecursionError: it is nested too deeply.
    """
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(name): same_shape(member, change) for name, member in value.items()}
    if isinstance(value, list):
        return [same_shape(member, change) for member in value]
    return value
