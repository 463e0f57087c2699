"""Where official data and golden files lie on a developer's machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.paths import ROOT


def _folder(variable: str, fallback: str) -> Path:
    folder = Path(os.environ.get(variable) or ROOT / ".." / "shared" / fallback).resolve()
    if not folder.is_dir():
        pytest.skip(f"no folder {fallback}: set {variable}")
    return folder


@pytest.fixture
def golden() -> Path:
    """Recorded results of the official evaluators."""
    return _folder("SELFREWARD_GOLDEN", "golden")


@pytest.fixture
def official(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The official files of GenEval, found as a user's would be."""
    folder = _folder("SELFREWARD_DATA", "data")
    monkeypatch.setenv("SELFREWARD_DATA", str(folder))
    if not (folder / "geneval").is_dir():
        pytest.skip(f"{folder} holds no geneval: set SELFREWARD_DATA")
    return folder / "geneval"
