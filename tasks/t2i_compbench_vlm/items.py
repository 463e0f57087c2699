"""The 2,670 official prompts as items.

A row of upstream's ``val_comp.json`` looks like this::

    {"Question": "a dog in front of a desk", "Category": "3d_spatial", "Question_id": 701}
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.records import Item
from selfreward_eval.tasks.t2i_compbench_vlm.summary import CATEGORIES, COMPLEX


def load_items(path: Path) -> list[Item]:
    """One item per row, in file order; ids are upstream's question ids.

    The rows of ``complex_action`` and ``complex_spatial`` repeat prompts of ``complex``. All three
    are one category here. Rows with the same prompt are one cluster, because they are not
    independent prompts.

    Raises:
        InputError: the file is no list of rows, or a row lacks a field or has an unknown category.
    """
    items = []
    first: dict[tuple[str, str], str] = {}
    for number, row in enumerate(_rows(path)):
        text, upstream, name = _fields(row, f"{path}, row {number + 1}")
        category = "complex" if upstream in COMPLEX else upstream
        cluster = first.setdefault((category, text), name)
        metadata = {"Question": text, "Category": upstream, "Question_id": row["Question_id"]}
        items.append(Item(id=name, text=text, category=category, cluster=cluster, metadata=metadata))
    if not items:
        raise InputError(f"{path} holds no rows; replace it by the official file")
    return items


def _rows(path: Path) -> list[Any]:
    """The file's list."""
    try:
        rows = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON ({error}); replace it by the official file") from error
    if not isinstance(rows, list):
        raise InputError(f"{path} is no list of rows; replace it by the official file")
    return rows


def _fields(row: Any, where: str) -> tuple[str, str, str]:
    """Text, category and id of a row."""
    try:
        text, category, number = row["Question"], row["Category"], row["Question_id"]
    except (KeyError, TypeError) as error:
        raise InputError(f"{where} lacks a field ({error}); replace the file by the official one") from error
    if category not in CATEGORIES:
        known = ", ".join(CATEGORIES)
        raise InputError(f"{where} is of the category {category!r}; known: {known}; correct the row")
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"{where} has {text!r} as its Question, which is no text; correct the row")
    if isinstance(number, bool) or not isinstance(number, int | str):
        raise InputError(f"{where} has {number!r} as its Question_id, which is no number; correct the row")
    return text, category, str(number)
