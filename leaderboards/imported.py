"""The rows of imported result files, and the JSONL file that keeps them for a leaderboard."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.files import atomic_write_text
from selfreward_eval.harness.user_files.text_files import parse_json, read_lines

__all__ = ["Imported", "load_imported", "write_imported"]

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True)
class Imported:
    """One metric of one task in a result file.

    Attributes:
        model: as the file names it.
        task: lm-eval's name of the task or group.
        version: of the task, as text; empty where the file has none.
        metric: name of the number.
        filter: lm-eval's filter, ``none`` by default.
        value: on the metric's own scale; None where the file has no finite number.
        se: its standard error as printed, or None.
        n: samples behind it, or None.
        higher_is_better: direction, or None where the file does not say.
        date: of the evaluation, ``YYYY-MM-DD`` in UTC, or None.
        file: name of the result file, without its folder.
        sha256: of that file.
        ours: whether it was written by this harness.
        standing: why the number stands apart.
    """

    model: str
    task: str
    version: str
    metric: str
    filter: str
    value: float | None
    se: float | None
    n: int | None
    higher_is_better: bool | None
    date: str | None
    file: str
    sha256: str
    ours: bool
    standing: str


def write_imported(path: Path, rows: Sequence[Imported]) -> None:
    """Writes rows as JSONL, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(asdict(row), ensure_ascii=False, allow_nan=False) for row in rows]
    atomic_write_text(path, "".join(f"{line}\n" for line in lines))


def load_imported(path: Path) -> list[Imported]:
    """Rows that :func:`write_imported` wrote.

    Raises:
        InputError: the file is missing, or a line is not such a row.
    """
    if not path.is_file():
        raise InputError(
            f"no file at {path}; `selfreward-eval leaderboard import` writes one with --output-path"
        )
    rows = []
    for number, line in enumerate(read_lines(path, "import the files again"), 1):
        if not line.strip():
            continue
        try:
            rows.append(_imported(parse_json(line)))
        except ValueError as error:
            raise InputError(
                f"{path}:{number} is not an imported row ({error}); import the files again"
            ) from error
    return rows


def _imported(data: Any) -> Imported:
    """The row, if every field has a possible value; ValueError otherwise."""
    if not isinstance(data, dict) or set(data) != {one.name for one in fields(Imported)}:
        raise ValueError("the fields are not those of an imported row")
    for text in ("model", "task", "version", "metric", "filter", "file", "sha256", "standing"):
        if not isinstance(data[text], str):
            raise ValueError(f"{text} is not a text")
        if not data[text].strip() and text in ("model", "task", "metric"):
            raise ValueError(f"{text} is empty")
    for name in ("value", "se"):
        if not isinstance(data[name], int | float | None) or isinstance(data[name], bool):
            raise ValueError(f"{name} is not a number")
    if data["se"] is not None and data["se"] < 0:
        raise ValueError(f"se is {data['se']}, a standard error is not negative")
    n = data["n"]
    if n is not None and (isinstance(n, bool) or not isinstance(n, int) or not 0 <= n < 2**53):
        raise ValueError("n is not a number of samples")
    if data["higher_is_better"] not in (True, False, None) or not isinstance(data["ours"], bool):
        raise ValueError("higher_is_better and ours are true or false")
    if data["date"] is not None and not (isinstance(data["date"], str) and _DATE.fullmatch(data["date"])):
        raise ValueError("date is not YYYY-MM-DD")
    return Imported(**data)
