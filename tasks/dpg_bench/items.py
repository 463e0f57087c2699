"""The official prompts with their questions as items."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.records import Item
from selfreward_eval.harness.user_files.text_files import read_text
from selfreward_eval.tasks.dpg_bench.table import (
    WAY_OUT,
    Questions,
    official_questions,
    strict_questions,
)

NUMBERED = "numbered"
"""The source of prompts whose id is a number."""

_NUMBER = re.compile(r"[_-]?\d.*")


def load_items(questions: Path, prompts: Mapping[str, Path], strict: bool) -> list[Item]:
    """One item per prompt, in the order of ``prompts``; the category is the source that its id names.

    Its metadata holds its questions, none if the question file knows no such item.

    Args:
        questions: the question file.
        prompts: item id -> its prompt file.
        strict: whether the question file is read strictly, and must know every item.

    Raises:
        InputError: the question file is damaged or, read strictly, has no questions for an item; or a
            prompt is empty.
    """
    text = read_text(questions, WAY_OUT)
    known: Mapping[Any, Questions] = strict_questions(text) if strict else official_questions(text)
    if strict and (lacking := [name for name in prompts if name not in known]):
        raise InputError(f"{questions} has no questions for {lacking[0]!r}; {WAY_OUT}")
    return [_item(name, path, known.get(name, Questions())) for name, path in prompts.items()]


def source(name: str) -> str:
    """Where a prompt comes from.

    >>> source("partiprompts97"), source("COCOval2014000000010363"), source("12")
    ('partiprompts', 'COCOval', 'numbered')
    """
    return _NUMBER.sub("", name) or NUMBERED


def questions_of(item: Item) -> Questions:
    """The questions of an item, from its metadata.

    Raises:
        InputError: it holds none, or damaged ones.
    """
    questions = Questions()
    try:
        for row in item.metadata["questions"]:
            questions.add(row["number"], row["question"], tuple(row["parents"]), row["tuple"])
    except (KeyError, TypeError) as error:
        raise InputError(f"item {item.id!r} holds no questions ({error}); load it anew") from error
    return questions


def _item(name: str, path: Path, questions: Questions) -> Item:
    text = read_text(path, WAY_OUT).strip()
    if not text:
        raise InputError(f"{path} holds no prompt; {WAY_OUT}")
    rows = [
        {
            "number": number,
            "question": question,
            "parents": list(questions.parents[number]),
            # Upstream also takes a field that is no text; the image then counts as failed.
            "tuple": labelled if isinstance(labelled := questions.tuples[number], str) else None,
        }
        for number, question in questions.texts.items()
    ]
    return Item(id=name, text=text, category=source(name), metadata={"questions": rows})
