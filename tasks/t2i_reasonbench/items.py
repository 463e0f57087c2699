"""Prompts and their questions as items.

Two files per dimension, row by row with the same ids::

    {"id": 1, "prompt": "The city that ...", "tag": "Event", ...}
    {"id": 1, "prompt": "...", "entity_evaluation": {"q1": "...", "c1": "1: ... 0.5: ... 0: ..."}, ...}
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.records import Item
from selfreward_eval.tasks.t2i_reasonbench.dimensions import Dimension
from selfreward_eval.tasks.t2i_reasonbench.questions import JudgeQuestion, read_block


def load_items(dimension: Dimension, prompts: Path, questions: Path) -> list[Item]:
    """The items of one dimension, in file order.

    Every item's metadata holds upstream's number and tag, the blocks of questions for the judge, and
    notes on irregular rows.

    Raises:
        InputError: the files do not have the same rows, numbered from 1 on as upstream asserts, or a row
            has an unknown format.
    """
    rows, question_rows = _rows(prompts), _rows(questions)
    if [row.get("id") for row in rows] != [row.get("id") for row in question_rows]:
        raise InputError(f"{prompts} and {questions} do not number the same rows; replace both")
    if not rows:
        raise InputError(f"{prompts} holds no rows; replace it by the official file")
    if [row["id"] for row in rows] != list(range(1, len(rows) + 1)):
        raise InputError(f"{prompts} does not number its rows 1, 2, 3 ...; replace it by the official file")
    return [
        _item(dimension, row, question_row, f"{questions}, id {row['id']}")
        for row, question_row in zip(rows, question_rows, strict=True)
    ]


def questions_of(item: Item) -> dict[str, list[JudgeQuestion]]:
    """Block -> its questions, from an item's metadata.

    Raises:
        InputError: the item holds none, or a damaged one.
    """
    try:
        return {
            block: [JudgeQuestion(str(pair["question"]), str(pair["criterion"])) for pair in pairs]
            for block, pairs in item.metadata["blocks"].items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"item {item.id!r} holds no questions ({error}); load it anew") from error


def irregularities(items: Iterable[Item]) -> list[str]:
    """Irregularities of upstream's rows, one line each: ``scientific-0033, details: ...``."""
    return [f"{item.id}, {note}" for item in items for note in item.metadata.get("notes", ())]


def _item(dimension: Dimension, row: dict[str, Any], question_row: dict[str, Any], where: str) -> Item:
    blocks: dict[str, list[dict[str, str]]] = {}
    notes = []
    for block, key in dimension.blocks.items():
        if key not in question_row:
            raise InputError(f"{where} lacks {key!r}; replace the file by the official one")
        block_read = read_block(question_row[key], f"{where}, {key}")
        blocks[block] = [
            {"question": question.text, "criterion": question.criterion} for question in block_read.questions
        ]
        notes += [f"{block}: {note}" for note in block_read.notes]
    if question_row.get("prompt") != row["prompt"]:
        notes.append("the question file words the prompt otherwise")
    metadata = {"number": row["id"], "tag": row.get("tag", ""), "blocks": blocks, "notes": notes}
    return Item(
        id=f"{dimension.name}-{row['id']:04d}",
        text=row["prompt"],
        category=dimension.name,
        metadata=metadata,
    )


def _rows(path: Path) -> list[dict[str, Any]]:
    """The file's rows, every one with an id and a prompt."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON ({error}); replace it by the official file") from error
    if not isinstance(rows, list):
        raise InputError(f"{path} is no list of rows; replace it by the official file")
    for number, row in enumerate(rows):
        fine = isinstance(row, dict) and isinstance(row.get("id"), int) and isinstance(row.get("prompt"), str)
        if not fine:
            raise InputError(f"{path}, row {number} lacks an id or a prompt; replace it by the official file")
    return rows
