"""Where two identities differ, field by field: for a run folder of another run, and before a comparison."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

__all__ = ["Difference", "differing"]

_ABSENT = object()

_SHOWN = 60
"""Longer values (hashes, lists) are shown by their two ends."""


class Difference(NamedTuple):
    """One field in which two identities disagree.

    Attributes:
        field: dotted name, such as ``model.generation.guidance``.
        a: its value in the first as JSON, shortened; ``absent`` where it has none.
        b: its value in the second, likewise.
    """

    field: str
    a: str
    b: str


def differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Difference]:
    """Every leaf in which ``a`` and ``b`` differ, sorted by field.

    Values are compared as JSON has them, so that a tuple equals the list it is
    written as; an empty mapping equals an absent one.

    >>> differing({"seed": 0, "model": {"name": "tiny"}}, {"seed": 1, "model": {"name": "tiny"}})
    [Difference(field='seed', a='0', b='1')]
    """
    left, right = dict(_leaves(a)), dict(_leaves(b))
    return [
        Difference(field, _show(left.get(field, _ABSENT)), _show(right.get(field, _ABSENT)))
        for field in sorted(left.keys() | right.keys())
        if left.get(field, _ABSENT) != right.get(field, _ABSENT)
    ]


def _leaves(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of nested mappings under dotted names, as JSON reads them back."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, json.loads(json.dumps(value, default=str))


def _show(value: Any) -> str:
    if value is _ABSENT:
        return "absent"
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _SHOWN else f"{text[:24]}...{text[-8:]}"
