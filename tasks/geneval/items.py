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
from selfreward_eval.harness.user_files.text_files import parse_json, read_lines
from selfreward_eval.tasks.geneval.geometry import RELATIONS
from selfreward_eval.tasks.geneval.options import COLOURS, TAGS

WAY_OUT = "replace it by the official file"


def load_object_names(path: Path) -> tuple[str, ...]:
    """The class names, one a line, in the order of the detector's outputs."""
    return tuple(line.strip() for line in read_lines(path, WAY_OUT) if line.strip())


def load_items(metadata: Path, object_names: tuple[str, ...]) -> list[Item]:
    """One item per line, in file order; ids are upstream's folder names, ``00000`` and on.

    Raises:
        InputError: a line is not a row, or asks for what no picture can show: a class without a detector
            output, an unknown colour or relation, a target that no earlier clause names. Every picture
            of it would score 0 without a message.
    """
    items = []
    for number, line in enumerate(read_lines(metadata, WAY_OUT)):
        where = f"{metadata}, line {number + 1}"
        row = _row(line, where)
        for place, clause in enumerate(row["include"]):
            _require_clause(clause, object_names, where)
            _require_attributes(clause, place, where)
        for clause in row.get("exclude", ()):
            _require_clause(clause, object_names, where)
        items.append(Item(id=f"{number:05d}", text=row["prompt"], category=row["tag"], metadata=row))
    if not items:
        raise InputError(f"{metadata} holds no rows; replace it by the official file")
    return items


def _row(line: str, where: str) -> dict[str, Any]:
    """A parsed line with its required keys."""
    try:
        row: dict[str, Any] = parse_json(line)
        lacking = not {"tag", "include", "prompt"} <= row.keys()
    except (ValueError, AttributeError) as error:
        raise InputError(f"{where} is not a JSON object ({error}); {WAY_OUT}") from error
    if lacking:
        raise InputError(f"{where} lacks 'tag', 'include' or 'prompt'; replace the file by the official one")
    if row["tag"] not in TAGS:
        raise InputError(f"{where} has the tag {row['tag']!r}, which is none of {', '.join(TAGS)}")
    if not isinstance(row["prompt"], str):
        raise InputError(f"{where} has {row['prompt']!r} as its prompt, which is no text; correct the row")
    clauses = (row["include"], row.get("exclude", []))
    if not row["include"] or not all(isinstance(part, list) for part in clauses):
        raise InputError(f"{where} has no list of clauses as 'include' or 'exclude'; correct the row")
    return row


def _require_clause(clause: Any, object_names: tuple[str, ...], where: str) -> None:
    """Returns if a clause names a class that can be detected, and how many of it."""
    name, count = (clause.get(key) if isinstance(clause, dict) else None for key in ("class", "count"))
    if name not in object_names:
        raise InputError(
            f"{where} asks for {name!r}, which is not among the {len(object_names)} class names; correct the "
            "row"
        )
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InputError(f"{where} asks for {count!r} of {name!r}, which is no number of objects")


def _require_attributes(clause: dict[str, Any], place: int, where: str) -> None:
    """Returns if colour and position of clause ``place`` are ones that can hold."""
    if "color" in clause and clause["color"] not in COLOURS:
        raise InputError(
            f"{where} asks for the colour {clause['color']!r}, which is none of {', '.join(COLOURS)}"
        )
    if "position" not in clause:
        return
    position = clause["position"]
    pair = position if isinstance(position, list) and len(position) == 2 else (None, None)
    if pair[0] not in RELATIONS or type(pair[1]) is not int or not 0 <= pair[1] < place:
        raise InputError(
            f"{where} has the position {position!r}, which is not one of {', '.join(RELATIONS)} with the "
            "number of an earlier include clause; correct the row"
        )
