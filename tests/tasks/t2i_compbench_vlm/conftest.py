"""Where official data lies on a developer's machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def official(monkeypatch: pytest.MonkeyPatch) -> Path:
    """SRUM's files, found as a user's would be."""
    folder = Path(os.environ.get("SELFREWARD_DATA") or ROOT / ".." / "shared" / "data").resolve()
    if not (folder / "srum").is_dir():
        pytest.skip(f"{folder} holds no srum: set SELFREWARD_DATA")
    monkeypatch.setenv("SELFREWARD_DATA", str(folder))
    return folder / "srum"
