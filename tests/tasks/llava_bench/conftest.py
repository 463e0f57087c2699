"""Invented files in the official formats, and where the official ones are on a developer's machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.paths import DATA

CATEGORIES = ("conv", "detail", "complex")
IMAGES = 4


def write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def wild(tmp_path: Path) -> Path:
    """A small In-the-Wild: four images with a question of every category."""
    folder = tmp_path / "llava-bench-in-the-wild"
    questions: list[dict[str, Any]] = []
    answers: list[dict[str, Any]] = []
    contexts: list[dict[str, Any]] = []
    for k in range(IMAGES):
        contexts.append({"id": k, "image": f"{k:03d}.jpg", "caption": f"Picture {k} shows a hat."})
        for category in CATEGORIES:
            number = len(questions)
            text = f"What of picture {k}, {category}?"
            questions.append(
                {"question_id": number, "image": f"{k:03d}.jpg", "text": text, "category": category}
            )
            answers.append({"question_id": number, "text": f"Reference {number}.", "category": category})
    write_lines(folder / "questions.jsonl", questions)
    write_lines(folder / "answers_gpt4.jsonl", answers)
    write_lines(folder / "context.jsonl", contexts)
    (folder / "images").mkdir()
    for k in range(IMAGES):
        Image.new("RGB", (8, 8), (k, 0, 0)).save(folder / "images" / f"{k:03d}.jpg")
    return folder


@pytest.fixture
def official(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The official files of LLaVA-Bench (COCO), found as a user's would be."""
    folder = DATA.resolve()
    if not (folder / "llava-bench").is_dir():
        pytest.skip(f"{folder} holds no llava-bench: set SELFREWARD_DATA")
    monkeypatch.setenv("SELFREWARD_DATA", str(folder))
    return folder / "llava-bench"
