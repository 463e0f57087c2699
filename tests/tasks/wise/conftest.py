"""Invented prompts where the official ones would be, one or two of every category of both editions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.paths import DATA

from selfreward_eval.tasks.wise import data, task
from selfreward_eval.tasks.wise.editions import LEGACY, VERIFIED, Edition

GROUPS = ("culture", "space-time", "science")
"""Of the three files of a set, in their order."""


def row(number: int, **change: Any) -> dict[str, Any]:
    return {
        "Prompt": f"what riddle {number} is about",
        "Explanation": f"the answer to riddle {number}",
        "Category": "whatever",
        "Subcategory": "Life",
        "prompt_id": number,
        **change,
    }


def numbers(edition: Edition) -> list[int]:
    """The first two ids of every category."""
    return [number for ids in edition.ids.values() for number in list(ids)[:2]]


def write(folder: Path, edition: Edition, ids: Iterable[int]) -> None:
    """The prompts with these ids, in the files of all sets of the edition, and their pins."""
    for name, files in data.PROMPT_FILES.items():
        if (name == "verified") is (edition is VERIFIED):
            pinned = []
            for group, file in zip(GROUPS, files, strict=True):
                path = folder / file.folder / file.path
                path.parent.mkdir(parents=True, exist_ok=True)
                said = "spelled out: " if name == "rewrite" else ""
                rows = [row(number) for number in ids if number in edition.groups[group]]
                rows = [{**one, "Prompt": said + one["Prompt"]} for one in rows]
                path.write_text(json.dumps(rows), encoding="utf-8")
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                pinned.append(replace(file, sha256=digest))
            task.PROMPT_FILES[name] = tuple(pinned)


@pytest.fixture
def invented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve prompts of each edition, found as the official files would be."""
    folder = tmp_path / "data"
    monkeypatch.setattr(task, "PROMPT_FILES", dict(data.PROMPT_FILES))
    monkeypatch.setenv("SELFREWARD_DATA", str(folder))
    for edition in (LEGACY, VERIFIED):
        write(folder, edition, numbers(edition))
    return folder / "wise"


@pytest.fixture
def whole(invented: Path) -> None:
    """All 1,000 prompts of both editions."""
    for edition in (LEGACY, VERIFIED):
        write(invented.parent, edition, range(1, 1001))


@pytest.fixture
def official(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The official files, found as a user's would be."""
    folder = DATA.resolve()
    if not (folder / "wise").is_dir():
        pytest.skip(f"{folder} holds no wise: fetch it, or set SELFREWARD_DATA")
    monkeypatch.setenv("SELFREWARD_DATA", str(folder))
    return folder / "wise"
