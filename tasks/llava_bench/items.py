"""Questions with their references and contexts as items.

Three line files, joined by question and by image::

    {"question_id": 0, "image": "000000441147.jpg", "text": "What is ...?", "category": "conv"}
    {"question_id": 0, "text": "The reference answer.", ...}
    {"image": "000000441147.jpg", "captions": ["...", ...], "instances": [{"category": "tie", "bbox": [...]}]}

In-the-Wild has ``"caption": "..."`` and no boxes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.records import Item
from selfreward_eval.harness.user_files.text_files import parse_json, read_lines

NUMBER = "question_id"
"""The one key whose value may be a number."""

CATEGORIES = ("conv", "detail", "complex")


def load_items(questions: Path, references: Path, contexts: Path) -> list[Item]:
    """One item per question, in file order; the image is the cluster.

    Upstream pairs lines by their position, so that one missing line shifts all later pairs. Here they are
    joined by ``question_id``, and a question without reference or context is an error.

    Raises:
        InputError: a line is damaged, a question has no reference or context, or two lines of a file are of
            one question or picture.
    """
    rows = _lines(questions, ("question_id", "image", "text", "category"))
    answers = _by_key(_lines(references, ("question_id", "text")), "question_id", references)
    seen = _by_key(_lines(contexts, ("image",)), "image", contexts)
    _by_key(rows, "question_id", questions)
    for row in rows:
        _require_texts(row, ("image", "text", "category"), f"question {row['question_id']!r} in {questions}")
    for row in answers.values():
        _require_texts(row, ("text",), f"answer {row['question_id']!r} in {references}")
    if not rows:
        raise InputError(f"{questions} holds no questions; replace it by the official file")
    items = []
    for number, row in enumerate(rows):
        where = f"question {row['question_id']!r} in {questions}"
        if row["category"] not in CATEGORIES:
            raise InputError(f"{where} is of the unknown category {row['category']!r}; correct the file")
        if row["question_id"] not in answers or row["image"] not in seen:
            lacking = references if row["question_id"] not in answers else contexts
            raise InputError(f"{where} has no partner in {lacking}; replace both files")
        metadata = {
            "question_id": row["question_id"],
            "context": _context(seen[row["image"]], f"{contexts}, image {row['image']!r}"),
            "reference": answers[row["question_id"]]["text"],
        }
        items.append(
            Item(
                id=f"{number:03d}",
                text=row["text"],
                category=row["category"],
                cluster=row["image"],
                image=row["image"],
                metadata=metadata,
            )
        )
    return items


def _by_key(rows: list[dict[str, Any]], key: str, path: Path) -> dict[Any, dict[str, Any]]:
    """The rows by ``key``, which is a number or a text and different in every row."""
    by_key: dict[Any, dict[str, Any]] = {}
    for row in rows:
        name = row[key]
        if isinstance(name, bool) or not isinstance(name, int | str):
            raise InputError(
                f"{path} has {name!r} as {key}, which is no number and no text; correct the file"
            )
        if name in by_key:
            raise InputError(f"{path} has two lines with the {key} {name!r}; take one out")
        by_key[name] = row
    return by_key


def _require_texts(row: Mapping[str, Any], keys: tuple[str, ...], where: str) -> None:
    """Returns if the values of ``keys`` are texts."""
    for key in keys:
        if not isinstance(row[key], str):
            raise InputError(f"{where} has {row[key]!r} as {key!r}, which is no text; correct the file")


def _context(row: Mapping[str, Any], where: str) -> str:
    """The picture as text, for a text-only judge: captions, and boxes if there are any."""
    try:
        captions = row["captions"] if "captions" in row else row["caption"]
        sentences = [captions] if isinstance(captions, str) else list(captions)
        boxes = [f"{thing['category']}: {thing['bbox']}" for thing in row.get("instances", ())]
        return "\n\n".join(filter(None, ("\n".join(sentences), "\n".join(boxes))))
    except (KeyError, TypeError) as error:
        raise InputError(f"{where} holds no captions or damaged boxes ({error}); replace the file") from error


def _lines(path: Path, keys: tuple[str, ...]) -> list[dict[str, Any]]:
    """The file's rows, each with ``keys``."""
    rows = []
    for number, line in enumerate(read_lines(path, "replace it by the official file"), 1):
        if not line.strip():
            continue
        try:
            row = parse_json(line)
        except ValueError as error:
            raise InputError(f"{path}, line {number} is not JSON ({error}); replace the file") from error
        if not isinstance(row, dict) or not all(key in row for key in keys):
            raise InputError(f"{path}, line {number} lacks one of {', '.join(keys)}; replace the file")
        wrong = [key for key in keys if not isinstance(row[key], str | int if key == NUMBER else str)]
        if wrong:
            raise InputError(f"{path}, line {number}: {wrong[0]!r} is no text; replace the file")
        rows.append(row)
    return rows
