"""Numbers that others reported: rows of ``published/*.jsonl`` and of imported results, strictly checked.

A row is one model under one protocol: what was printed, where, when, under which
conditions, and whether it was read in the source itself or in somebody's copy.
Rows are shown per protocol, apart from measured runs, and are never ranked: other
pictures, seeds and instruments stand behind each of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from math import isfinite
from typing import Any
from urllib.parse import urlsplit

from selfreward_eval.harness.errors import InputError

__all__ = [
    "KINDS",
    "Protocol",
    "Reported",
    "Source",
    "load_protocols",
    "load_published",
    "parse_rows",
]

KINDS = ("score", "gain")
"""``score``: values on the protocol's scale. ``gain``: claimed changes, in the unit that the row names."""

CONDITIONS = {
    "prompts": (str, "original, or how they were rewritten"),
    "reasoning": (bool, "whether the model reasoned in words before it drew"),
    "images_per_prompt": (int, "pictures scored per prompt"),
    "judge": (str, "judging model"),
    "trained_on": (str, "what it was trained on that bears on this benchmark"),
    "setting": (str, "any other setting that changes the number"),
}
"""What a row may say about how its number came about: name -> (type, meaning)."""

_DATE = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")


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


@dataclass(frozen=True)
class Source:
    """Where a number was printed.

    Attributes:
        title: of the paper or page.
        url: of it, or None where only its title is known.
        locator: table, section or file within it.
        via: the copy it was read in, for second-hand rows.
    """

    title: str
    url: str | None = None
    locator: str = ""
    via: str = ""


@dataclass(frozen=True)
class Reported:
    """One row.

    Attributes:
        model: as the source calls it.
        protocol: id of a :class:`Protocol`.
        values: column -> number as printed, on the protocol's scale.
        source: where.
        date: of the source: ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``; None where unknown.
        second_hand: read in a copy, not in the source.
        kind: one of :data:`KINDS`.
        unit: of a gain.
        baseline: what a gain is measured from.
        uncertainty: column -> half width or standard deviation as printed; ``notes`` says which.
        conditions: some of :data:`CONDITIONS`.
        notes: what to compare it with, and what not.
    """

    model: str
    protocol: str
    values: dict[str, float]
    source: Source
    date: str | None
    second_hand: bool
    kind: str = "score"
    unit: str = ""
    baseline: str = ""
    uncertainty: dict[str, float] = field(default_factory=dict)
    conditions: dict[str, Any] = field(default_factory=dict)
    notes: str = ""


_REQUIRED = {"model": str, "protocol": str, "values": dict, "source": dict, "second_hand": bool}
_OPTIONAL = {
    "date": (str, type(None)), "kind": str, "unit": str, "baseline": str, "uncertainty": dict,
    "conditions": dict, "notes": str,
}  # fmt: skip
_SOURCE = {"title": str, "url": (str, type(None)), "locator": str, "via": str}


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
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        where = f"{name}:{number}"
        try:
            data = json.loads(line, parse_constant=_no_constant)
        except ValueError as error:
            raise InputError(f"{where} is not JSON ({error}); write one row per line") from error
        row = _row(data, where, protocols)
        identity = json.dumps(data, sort_keys=True)
        if identity in seen:
            raise InputError(f"{where} repeats line {seen[identity]}; remove one of them")
        seen[identity] = number
        rows.append(row)
    return rows


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a number")


def _row(data: Any, where: str, protocols: Mapping[str, Protocol]) -> Reported:
    if not isinstance(data, dict):
        raise InputError(f"{where} is a {type(data).__name__}, not an object; write one row per line")
    _typed(data, _REQUIRED, _OPTIONAL, where)
    protocol = protocols.get(data["protocol"])
    if protocol is None:
        raise InputError(
            f"{where}: protocol {data['protocol']!r} is unknown; there are: {', '.join(sorted(protocols))}"
        )
    if not data["model"].strip():
        raise InputError(f"{where}: model is empty; name it")
    kind = data.get("kind", "score")
    if kind not in KINDS:
        raise InputError(f"{where}: kind is {kind!r}, expected one of {', '.join(KINDS)}")
    if kind == "gain" and not (data.get("unit") and data.get("baseline")):
        raise InputError(f"{where}: a gain needs its unit and its baseline; add them")
    date = data.get("date")
    if date is not None and not _DATE.fullmatch(date):
        raise InputError(f"{where}: date is {date!r}; write YYYY, YYYY-MM or YYYY-MM-DD, or null")
    if not data["values"]:
        raise InputError(f"{where}: values is empty; a row without a number says nothing")
    low, high = protocol.range
    for part in ("values", "uncertainty"):
        for column, value in data.get(part, {}).items():
            if column not in protocol.columns:
                raise InputError(
                    f"{where}: {part} has {column!r}; {protocol.id} has {', '.join(protocol.columns)}"
                )
            number = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
            if not number or (part == "values" and kind == "score" and not low <= value <= high):
                raise InputError(
                    f"{where}: {part}.{column} is {value!r}, not a number in [{low:g}, {high:g}]"
                )
    return Reported(
        model=data["model"],
        protocol=data["protocol"],
        values={column: float(value) for column, value in data["values"].items()},
        source=_source(data, where),
        date=date,
        second_hand=data["second_hand"],
        kind=kind,
        unit=data.get("unit", ""),
        baseline=data.get("baseline", ""),
        uncertainty={column: float(value) for column, value in data.get("uncertainty", {}).items()},
        conditions=_conditions(data.get("conditions", {}), where),
        notes=data.get("notes", ""),
    )


def _typed(
    data: Mapping[str, Any], required: Mapping[str, Any], optional: Mapping[str, Any], where: str
) -> None:
    missing = [key for key in required if key not in data]
    if missing:
        raise InputError(f"{where} lacks {', '.join(missing)}; add it")
    known = {**required, **optional}
    for key, value in data.items():
        if key not in known:
            raise InputError(f"{where} has the unknown field {key!r}; there are: {', '.join(known)}")
        if not isinstance(value, known[key]):
            raise InputError(f"{where}: {key} is {value!r}, expected {_kind(known[key])}")


def _kind(kind: Any) -> str:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return " or ".join("null" if one is type(None) else one.__name__ for one in kinds)


def _source(data: Mapping[str, Any], where: str) -> Source:
    source = data["source"]
    _typed(source, {"title": str}, _SOURCE, f"{where}: source")
    url = source.get("url")
    if url is not None and (urlsplit(url).scheme not in ("https", "http") or not urlsplit(url).netloc):
        raise InputError(f"{where}: source.url is {url!r}; give a whole https address or null")
    if data["second_hand"] and not source.get("via"):
        raise InputError(f"{where}: a second-hand row names the copy it was read in; add source.via")
    return Source(source["title"], url, source.get("locator", ""), source.get("via", ""))


def _conditions(conditions: Mapping[str, Any], where: str) -> dict[str, Any]:
    kinds = {name: kind for name, (kind, _) in CONDITIONS.items()}
    _typed(conditions, {}, kinds, f"{where}: conditions")
    for name, value in conditions.items():
        if isinstance(value, bool) and kinds[name] is not bool:
            raise InputError(f"{where}: conditions: {name} is {value!r}, expected {_kind(kinds[name])}")
    return dict(conditions)
