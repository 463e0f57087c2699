"""The official prompts as items.

A row (an invented one)::

    {"Prompt": "the fruit that is said to have hit Newton", "Explanation": "an apple, red or green",
     "Category": "Cultural knowledge", "Subcategory": "Life", "prompt_id": 7}

The judge sees the explanation; the model never does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.records import Item
from selfreward_eval.harness.user_files.text_files import parse_json, read_text
from selfreward_eval.tasks.wise.editions import Edition

WAY_OUT = "replace it by the official file"

TEXTS = ("Prompt", "Explanation", "Subcategory")
"""Keys of a row whose values are texts."""


def load_items(edition: Edition, paths: Sequence[Path]) -> list[Item]:
    """One item per row, in the order of ids; an item's id is upstream's, which names its picture.

    Raises:
        InputError: a file is damaged, a row lacks a field or has an id of no category, or two have one id.
    """
    rows: dict[int, Item] = {}
    for path in paths:
        for place, row in enumerate(_rows(path)):
            item = _item(edition, row, f"{path}, row {place + 1}")
            if rows.setdefault(row["prompt_id"], item) is not item:
                raise InputError(f"{path}, row {place + 1} has the id {item.id} of another row; {WAY_OUT}")
    if not rows:
        raise InputError(f"{', '.join(map(str, paths))}: no rows; replace them by the official files")
    return [rows[number] for number in sorted(rows)]


def _rows(path: Path) -> list[Any]:
    try:
        rows = parse_json(read_text(path, WAY_OUT))
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}); {WAY_OUT}") from error
    if not isinstance(rows, list):
        raise InputError(f"{path} is no list of rows; {WAY_OUT}")
    return rows


def _item(edition: Edition, row: Any, where: str) -> Item:
    if not isinstance(row, dict):
        raise InputError(f"{where} is no object; {WAY_OUT}")
    for key in TEXTS:
        if not isinstance(row.get(key), str) or not row[key].strip():
            raise InputError(f"{where} has {row.get(key)!r} as its {key}, which is no text; {WAY_OUT}")
    number = row.get("prompt_id")
    category = None if isinstance(number, bool) or not isinstance(number, int) else edition.category(number)
    if category is None:
        raise InputError(f"{where} has the prompt_id {number!r}, which is of no category; {WAY_OUT}")
    return Item(
        id=str(number),
        text=row["Prompt"],
        category=category,
        metadata={"explanation": row["Explanation"], "subcategory": row["Subcategory"]},
    )
