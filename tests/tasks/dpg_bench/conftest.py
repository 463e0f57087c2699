"""Invented prompts and questions where the official ones would be."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from support.dpg_bench import PROMPT_TEXTS, table

from selfreward_eval.tasks.dpg_bench import task as task_module
from selfreward_eval.tasks.dpg_bench.data import PROMPTS, QUESTIONS


@pytest.fixture
def invented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The invented files, found as the official ones would be; returns the question file."""
    folder = tmp_path / "data"
    prompts = {}
    for name, text in PROMPT_TEXTS.items():
        path = folder / PROMPTS[name].folder / PROMPTS[name].path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        prompts[name] = replace(PROMPTS[name], sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    content = table().encode()
    questions = folder / QUESTIONS.folder / QUESTIONS.path
    questions.write_bytes(content)
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    monkeypatch.setattr(task_module, "PROMPTS", prompts)
    monkeypatch.setattr(task_module, "QUESTIONS", replace(QUESTIONS, git_blob=blob))
    monkeypatch.setenv("SELFREWARD_DATA", str(folder))
    return questions
