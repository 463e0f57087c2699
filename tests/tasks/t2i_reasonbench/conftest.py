"""Invented files in the official format, and where the official ones are on a developer's machine."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from support.paths import DATA

from selfreward_eval.harness.data import PinnedFile
from selfreward_eval.tasks.t2i_reasonbench import task, written
from selfreward_eval.tasks.t2i_reasonbench.data import FILES, DimensionFiles
from selfreward_eval.tasks.t2i_reasonbench.dimensions import DIMENSIONS

ROWS = 3


def block(count: int) -> dict[str, str]:
    """Questions as upstream mostly writes them."""
    pairs: dict[str, str] = {}
    for number in range(1, count + 1):
        pairs |= {f"q{number}": f"Is it so ({number})?", f"c{number}": "1: yes. 0.5: half. 0: no."}
    return pairs


def rows(name: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Prompts and questions of one dimension; block ``k`` of row ``i`` has 1 + (i + k) mod 3 questions."""
    prompts, questions = [], []
    for i in range(1, ROWS + 1):
        quoted = " with 'Blossom in the City' at '5 pm'" if name == "textual_image" and i == ROWS else ""
        prompts.append({"id": i, "prompt": f"{name} prompt {i}{quoted}", "tag": "invented"})
        keys = DIMENSIONS[name].blocks.values()
        blocks = {key: block(1 + (i + k) % 3) for k, key in enumerate(keys)}
        prompt = prompts[-1]["prompt"]
        questions.append({"id": i, "prompt": prompt, "image_content": "...", **blocks})
    return prompts, questions


@pytest.fixture
def invented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four small dimensions where the official files would be."""
    folder = tmp_path / "data"
    files = {}
    for name, official in FILES.items():
        pinned = []
        for file, content in zip((official.prompts, official.questions), rows(name), strict=True):
            path = folder / file.folder / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content))
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            pinned.append(
                PinnedFile(file.folder, file.path, file.repo, file.commit, digest, file.licence, file.task)
            )
        files[name] = DimensionFiles(*pinned)
    monkeypatch.setenv("SELFREWARD_DATA", str(folder))
    for module in (task, written):
        monkeypatch.setattr(module, "FILES", files)
    return folder / "t2i_reasonbench"


@pytest.fixture
def official(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The official files, found as a user's would be."""
    folder = DATA.resolve()
    if not (folder / "t2i_reasonbench").is_dir():
        pytest.skip(f"{folder} holds no t2i_reasonbench: fetch it, or set SELFREWARD_DATA")
    monkeypatch.setenv("SELFREWARD_DATA", str(folder))
    return folder / "t2i_reasonbench"
