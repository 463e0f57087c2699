"""The 553 official prompts as items.

A line of upstream's ``evaluation_metadata.jsonl`` looks like this::

    {"tag": "counting", "include": [{"class": "clock", "count": 2}],
     "exclude": [{"class": "clock", "count": 3}], "prompt": "a photo of two clocks"}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.records import Item
from selfreward_eval.harness.text_files import parse_json, read_lines

WAY_OUT = "replace it by the official file"


def load_object_names(path: Path) -> tuple[str, ...]:
    """The class names, one a line, in the order of the detector's outputs."""
    return tuple(line.strip() for line in read_lines(path, WAY_OUT) if line.strip())


def load_items(metadata: Path, object_names: tuple[str, ...]) -> list[Item]:
    """One item per line, in file order; ids are upstream's folder names, ``00000`` and on.

    Raises:
        InputError: a line is not a row, or asks for a class that no detector output has: every
            picture of it would score 0 without a message.
    """
    items = []
    for number, line in enumerate(read_lines(metadata, WAY_OUT)):
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
        row: dict[str, Any] = parse_json(line)
        keys = row.keys()
    except (ValueError, AttributeError) as error:
        raise InputError(f"{where} is not a JSON object ({error}); {WAY_OUT}") from error
    if not {"tag", "include", "prompt"} <= keys:
        raise InputError(f"{where} lacks 'tag', 'include' or 'prompt'; {WAY_OUT}")
    if not isinstance(row["tag"], str) or not isinstance(row["prompt"], str):
        raise InputError(f"{where}: 'tag' and 'prompt' are texts; {WAY_OUT}")
    for key in ("include", "exclude"):
        clauses = row.get(key, [])
        if not isinstance(clauses, list) or not all(_is_clause(clause) for clause in clauses):
            raise InputError(f'{where}: {key!r} is a list of {{"class": text, "count": number}}; {WAY_OUT}')
    return row


def _is_clause(clause: Any) -> bool:
    count = clause.get("count") if isinstance(clause, dict) else None
    return isinstance(count, int) and not isinstance(count, bool) and isinstance(clause.get("class"), str)
