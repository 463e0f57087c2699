"""Numbers that others reported: rows of ``published/*.jsonl`` and of imported results, strictly checked.

A row is one model under one protocol: what was printed, where, when, under which
conditions, and whether it was read in the source itself or in somebody's copy.
Rows are shown per protocol, apart from measured runs, and are never ranked: other
pictures, seeds and instruments stand behind each of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from pydantic import ValidationError

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.user_files.text_files import parse_json, split_lines
from selfreward_eval.leaderboards.reported_row import Reported, problem

__all__ = [
    "Protocol",
    "Reported",
    "load_protocols",
    "load_published",
    "parse_rows",
]


@dataclass(frozen=True)
class Protocol:
    """A way of scoring that gives comparable numbers, if anything does.

    Attributes:
        id: ``benchmark/variant``.
        benchmark: its title.
        title: of the variant.
        columns: value name -> heading, in the order of the source's table.
        headline: the column that stands for the whole, or empty where the protocol defines none.
        range: of every score.
        tasks: registry names whose runs measure the same thing; they are linked, never merged.
        note: what a reader must know about all of its rows.
    """

    id: str
    benchmark: str
    title: str
    columns: dict[str, str]
    headline: str
    range: tuple[float, float]
    tasks: tuple[str, ...]
    note: str


def _folder() -> Traversable:
    return files("selfreward_eval.leaderboards").joinpath("published")


def load_protocols() -> dict[str, Protocol]:
    """Every protocol of ``published/protocols.json``, by id."""
    content = json.loads(_folder().joinpath("protocols.json").read_text(encoding="utf-8"))
    return {
        one["id"]: Protocol(
            id=one["id"],
            benchmark=one["benchmark"],
            title=one["title"],
            columns=dict(one["columns"]),
            headline=one["headline"],
            range=(float(one["range"][0]), float(one["range"][1])),
            tasks=tuple(one["tasks"]),
            note=one["note"],
        )
        for one in content
    }


def load_published() -> list[Reported]:
    """Every row that is shipped, file by file.

    Raises:
        InputError: a row that breaks the schema; the message has ``file:line``.
    """
    protocols = load_protocols()
    rows: list[Reported] = []
    for file in sorted(_folder().iterdir(), key=lambda one: one.name):
        if file.name.endswith(".jsonl"):
            rows += parse_rows(file.read_text(encoding="utf-8"), file.name, protocols)
    return rows


def parse_rows(text: str, name: str, protocols: Mapping[str, Protocol]) -> list[Reported]:
    """The rows of one JSONL text.

    Args:
        text: one JSON object a line; blank lines are skipped.
        name: of the file, for messages.
        protocols: known ones, by id.

    Raises:
        InputError: any line that is not a row; the message has ``file:line``, the field and the way out.
    """
    rows: list[Reported] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(split_lines(text), 1):
        if not line.strip():
            continue
        where = f"{name}:{number}"
        try:
            data = parse_json(line)
        except ValueError as error:
            raise InputError(f"{where} is not JSON ({error}); write one row per line") from error
        row = _row(data, where, protocols)
        identity = json.dumps(data, sort_keys=True)
        if identity in seen:
            raise InputError(f"{where} repeats line {seen[identity]}; remove one of them")
        seen[identity] = number
        rows.append(row)
    return rows


def _row(data: Any, where: str, protocols: Mapping[str, Protocol]) -> Reported:
    if not isinstance(data, dict):
        raise InputError(f"{where} is a {type(data).__name__}, not an object; write one row per line")
    try:
        row = Reported.model_validate(data)
    except ValidationError as error:
        raise InputError(problem(error, where)) from None
    protocol = protocols.get(row.protocol)
    if protocol is None:
        raise InputError(
            f"{where}: protocol {row.protocol!r} is unknown; there are: {', '.join(sorted(protocols))}"
        )
    for part, numbers in (("values", row.values), ("uncertainty", row.uncertainty)):
        unknown = [column for column in numbers if column not in protocol.columns]
        if unknown:
            raise InputError(
                f"{where}: {part} has {unknown[0]!r}; {protocol.id} has {', '.join(protocol.columns)}"
            )
    low, high = protocol.range
    for column, value in row.values.items():
        if row.kind == "score" and not low <= value <= high:
            raise InputError(f"{where}: values.{column} is {value:g}, not a number in [{low:g}, {high:g}]")
    return row
