"""Reads line files: one JSON record a line, of which the last may be torn.

They are written by :class:`selfreward_eval.harness.files.JsonLinesWriter`, which says when a line counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.user_files.text_files import DEPTH, check_json

__all__ = ["JsonLines", "JsonLinesReader", "parse_line", "read_json_lines"]


def parse_line(line: bytes) -> dict[str, Any]:
    """One line as a record; ValueError (JSON and UTF-8 errors are such) if it is none."""
    text = line.decode("utf-8")
    try:
        record = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    check_json(record, text, depth=2 * DEPTH)  # A record holds what was read, a few levels down.
    if not isinstance(record, dict):
        raise ValueError(f"expected an object, got {type(record).__name__}")
    return record


@dataclass(frozen=True)
class JsonLines:
    """What a line file holds.

    Attributes:
        records: one mapping per whole line, in file order.
        torn: whether a torn last line was left out.
    """

    records: tuple[dict[str, Any], ...]
    torn: bool


def read_json_lines(path: Path) -> JsonLines:
    """Every record of ``path``; a torn last line is left out, blank lines are skipped.

    Raises:
        InputError: a line before the last is not a JSON object; the message has ``file:line``.
        OSError: the file cannot be read.
    """
    reader = JsonLinesReader(path)
    return JsonLines(tuple(reader), reader.torn)


class JsonLinesReader:
    """The records of a line file one by one, for a reader that keeps little of each.

    Attributes:
        torn: once all were read, whether a torn last line was left out.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.torn = False

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Raises as :func:`read_json_lines` does."""
        self.torn = False
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    self.torn = True  # What follows the last newline was never finished.
                    return
                if not line.strip():
                    continue
                try:
                    record = parse_line(line)
                except ValueError as error:
                    if not file.read(1):
                        self.torn = True
                        return
                    raise InputError(
                        f"{self.path}:{number} is not a JSON record ({error}); restore the file, "
                        "or move it away and run again"
                    ) from error
                yield record
