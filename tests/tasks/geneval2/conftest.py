"""Invented prompts in the official format, and a reader that knows what every picture shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.instruments.backends.first_words import FirstWord
from selfreward_eval.tasks.geneval2 import task as task_module
from selfreward_eval.tasks.geneval2.data import PROMPTS

ROWS: list[dict[str, Any]] = [
    {
        "prompt": "two teal teapots",
        "atom_count": 3,
        "vqa_list": [
            ["How many teapots are in the image?", "two"],
            ["Are the teapots teal?", "Yes"],
            ["Are there any teapots in the image?", "Yes"],
        ],
        "skills": ["count", "attribute", "object"],
    },
    {
        "prompt": "a robot chasing a barrel",
        "atom_count": 3,
        "vqa_list": [
            ["Is there a robot in the image?", "Yes"],
            ["Is the robot chasing the barrel?", "Yes"],
        ],
        "skills": ["object", "verb"],
    },
    {
        "prompt": "a cactus under three rusty ladders",
        "atom_count": 4,
        "vqa_list": [
            ["Is the cactus under the ladders?", "Yes"],
            ["How many ladders are in the image?", "three"],
        ],
        "skills": ["position", "count"],
    },
]

Says = Callable[[str], FirstWord]


class Reader:
    """Says of every question what it is told to, and remembers what it was asked."""

    def __init__(self, says: Says) -> None:
        self.says = says
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def identity(self) -> dict[str, Any]:
        return {"name": "reader"}

    def first_words(
        self, images: Sequence[Image.Image], questions: Sequence[str], accepted: Sequence[Sequence[str]]
    ) -> list[FirstWord]:
        assert len(images) == len(questions) == len(accepted)
        self.asked += [(question, tuple(own)) for question, own in zip(questions, accepted, strict=True)]
        return [self.says(question) for question in questions]


@pytest.fixture
def reader() -> Callable[[Says], Reader]:
    return Reader


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    return [dict(row) for row in ROWS]


@pytest.fixture
def prompt_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The invented prompts where the official ones would be, pinned to what they are."""
    path = tmp_path / "data" / PROMPTS.folder / PROMPTS.path
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(task_module, "PROMPTS", replace(PROMPTS, sha256=digest))
    monkeypatch.setenv("SELFREWARD_DATA", str(tmp_path / "data"))
    return path
