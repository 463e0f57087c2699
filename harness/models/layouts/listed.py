"""A JSONL file that lists pictures, for every layout that is not official::

    {"id": "00000", "prompt": "a photo of a bench", "image_path": "bench.png"}

``index`` (from 0) says which of an item's pictures it is; where no line of the
item has one, the order of the lines does. Paths are relative to the file's folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.models.layouts.base import (
    Claims,
    Layout,
    Picture,
    canonical,
    guarded,
    printable,
    utf8,
)
from selfreward_eval.harness.task import Task
from selfreward_eval.harness.user_files.text_files import parse_json, split_lines


@dataclass(frozen=True)
class _Line:
    """One line; ``index`` is resolved."""

    number: int
    item_id: str
    prompt: str
    index: int
    picture: Picture


class ListedLayout(Layout):
    """Pictures named one a line.

    A line answers the item of its ``id`` if that item's text is its ``prompt``. A line whose
    file does not exist counts as missing.

    Args:
        file: the list.
        outside: whether paths may lead out of the list's folder.

    Raises:
        InputError: a line is not of this form, two lines claim one place, or a path leads out.
    """

    name = "jsonl"

    def __init__(self, file: Path, outside: bool = False) -> None:
        self.stray = {}
        self._file = file
        root = file.parent.resolve()
        places: dict[tuple[str, str, int], int] = {}
        counted: dict[tuple[str, str], tuple[bool, int]] = {}
        self._lines: list[_Line] = []
        for number, row in _rows(file):
            where = f"{printable(str(file))}:{number}"
            key = (row["id"], row["prompt"])
            explicit = row.get("index") is not None
            before, count = counted.get(key, (explicit, 0))
            if before is not explicit:
                raise InputError(
                    f"{where}: some lines of {row['id']!r} have an index, others not; give all one"
                )
            counted[key] = (explicit, count + 1)
            index = row["index"] if explicit else count
            if (*key, index) in places:
                raise InputError(
                    f"{where} and line {places[*key, index]} are both picture {index} of {row['id']!r}; "
                    "remove one"
                )
            places[*key, index] = number
            try:
                path = guarded(root / row["image_path"], root, outside)
            except InputError as error:
                raise InputError(f"{where}: {error}") from error
            picture = Picture(
                f"line {number}: {printable(row['image_path'])}",
                (row["id"], row["prompt"], index),
                path if path.is_file() else None,
            )
            self._lines.append(_Line(number, row["id"], canonical(row["prompt"]), index, picture))
        self.pictures = tuple(line.picture for line in self._lines)

    def claims(self, task: Task) -> Claims:
        """As the class says."""
        claims = Claims()
        m = task.info.images_per_item
        items = {item.id: item for item in task.items()}
        for name in items:
            for index in range(m):
                claims.missing[name, index] = f"a line with its id and index {index} in {self._file.name}"
        for line in self._lines:
            item = items.get(line.item_id)
            if item is None:
                claims.unused[line.picture.name] = f"no item has the id {line.item_id!r}"
            elif canonical(item.text) != line.prompt:
                claims.unused[line.picture.name] = (
                    f"item {line.item_id} asks for {item.text!r}, the line for {line.prompt!r}"
                )
            elif line.picture.path is None and line.index < m:
                claims.missing[item.id, line.index] = f"{line.picture.name}, which is not a file"
            else:
                claims.take((item.id, line.index), line.picture, m)
        for place in claims.pictures:
            del claims.missing[place]
        return claims


def _rows(file: Path) -> list[tuple[int, dict[str, Any]]]:
    """The rows with their line numbers; blank lines are skipped, the last needs no newline."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{printable(str(file))} is not UTF-8 ({error}); write it as UTF-8") from error
    rows = []
    for number, line in enumerate(split_lines(text), 1):
        if not line.strip():
            continue
        try:
            row = parse_json(line, lenient=True)
            wrong = _wrong(row)
        except ValueError as error:
            wrong = str(error)
        if wrong:
            raise InputError(
                f"{printable(str(file))}:{number}: {wrong}; a line is "
                '{"id": ..., "prompt": ..., "image_path": ...} with an optional "index"'
            )
        rows.append((number, {key: utf8(one) if isinstance(one, str) else one for key, one in row.items()}))
    return rows


def _wrong(row: Any) -> str:
    """What is wrong with a row, or nothing."""
    if not isinstance(row, dict):
        return "not a JSON object"
    for key in ("id", "prompt", "image_path"):
        if not isinstance(row.get(key), str) or not row[key].strip():
            return f"{key!r} is not a text"
    index = row.get("index")
    if index is not None and (not isinstance(index, int) or isinstance(index, bool) or index < 0):
        return f"'index' is not a whole number of at least 0, got {index!r}"
    return ""
