"""The 553 official prompts as items.

A line of upstream's ``evaluation_metadata.jsonl`` looks like this::

    {"tag": "counting", "include": [{"class": "clock", "count": 2}],
     "exclude": [{"class": "clock", "count": 3}], "prompt": "a photo of two clocks"}
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.records import Item


def load_object_names(path: Path) -> tuple[str, ...]:
    """The class names, one a line, in the order of the detector's outputs."""
    return tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


def load_items(metadata: Path, object_names: tuple[str, ...]) -> list[Item]:
    """One item per line, in file order; ids are upstream's folder names, ``00000`` and on.

    Raises:
        InputError: a line is not a row, or asks for a class that no detector output has: every
            picture of it would score 0 without a message.
    """
    items = []
    for number, line in enumerate(metadata.read_text(encoding="utf-8").splitlines()):
        row = _row(line, f"{metadata}, line {number + 1}")
        for clause in [*row["include"], *row.get("exclude", ())]:
            if clause.get("class") not in object_names:
                raise InputError(
                    f"{metadata}, line {number + 1} asks for {clause.get('class')!r}, which is not among "
                    f"the {len(object_names)} class names; correct the row"
                )
        items.append(Item(id=f"{number:05d}", text=row["prompt"], category=row["tag"], metadata=row))
    if not items:
        raise InputError(f"{metadata} holds no rows; replace it by the official file")
    return items


def _row(line: str, where: str) -> dict[str, Any]:
    """A parsed line with its required keys."""
    try:
        row: dict[str, Any] = json.loads(line)
        if {"tag", "include", "prompt"} <= row.keys():
            return row
    except (ValueError, AttributeError) as error:
        raise InputError(f"{where} is not a JSON object; replace the file by the official one") from error
    raise InputError(f"{where} lacks 'tag', 'include' or 'prompt'; replace the file by the official one")
