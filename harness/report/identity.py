"""A run's identity as readable groups of rows, and where two identities differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LONG_LIST = 8
"""Longer lists are summed up: their content is in ``run.json``."""

Row = tuple[str, str]


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        if len(value) > LONG_LIST:
            return f"{len(value):,} entries, listed in run.json"
        return ", ".join(_text(entry) for entry in value) or "none"
    return str(value)


def flatten(value: Any, prefix: str = "") -> list[Row]:
    """Nested mappings as dotted rows; long lists and mappings of many entries are summed up.

    >>> flatten({"name": "tiny", "generation": {"guidance": 1.0}})
    [('name', 'tiny'), ('generation.guidance', '1.0')]
    """
    if not isinstance(value, Mapping):
        return [(prefix, _text(value))]
    if len(value) > 4 * LONG_LIST:
        return [(prefix, f"{len(value):,} entries, listed in run.json")]
    rows: list[Row] = []
    for key, inner in value.items():
        rows += flatten(inner, f"{prefix}.{key}" if prefix else str(key))
    return rows or [(prefix, "none")]


def groups(identity: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One group per nested part (the model, each task ...), the single values first under ``run``.

    >>> [group["title"] for group in groups({"seed": 0, "model": {}, "tasks": {"geneval": {}}})]
    ['run', 'model', 'geneval']
    """
    single = [(key, _text(value)) for key, value in identity.items() if not isinstance(value, Mapping)]
    found = [{"title": "run", "rows": single}] if single else []
    for key, value in identity.items():
        if key == "tasks" and isinstance(value, Mapping):
            found += [{"title": name, "rows": flatten(part)} for name, part in value.items()]
        elif isinstance(value, Mapping):
            found.append({"title": key, "rows": flatten(value)})
    return found


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[dict[str, str]]:
    """Rows on which two identities differ: ``key``, ``a``, ``b``; a key that one lacks reads ``absent``."""
    left, right = dict(flatten_all(a)), dict(flatten_all(b))
    return [
        {"key": key, "a": left.get(key, "absent"), "b": right.get(key, "absent")}
        for key in [*left, *(key for key in right if key not in left)]
        if left.get(key) != right.get(key)
    ]


def flatten_all(value: Any, prefix: str = "") -> list[Row]:
    """Like :func:`flatten`, but nothing is summed up, so that no difference is lost."""
    if isinstance(value, Mapping) and value:
        rows: list[Row] = []
        for key, inner in value.items():
            rows += flatten_all(inner, f"{prefix}.{key}" if prefix else str(key))
        return rows
    if isinstance(value, list | tuple):
        return [(prefix, ", ".join(str(entry) for entry in value))]
    return [(prefix, _text(value))]
