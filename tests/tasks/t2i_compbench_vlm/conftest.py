"""Where official data lies on a developer's machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.paths import DATA


@pytest.fixture
def official(monkeypatch: pytest.MonkeyPatch) -> Path:
    """SRUM's files, found as a user's would be."""
    folder = DATA.resolve()
    if not (folder / "srum").is_dir():
        pytest.skip(f"{folder} holds no srum: set SELFREWARD_DATA")
    monkeypatch.setenv("SELFREWARD_DATA", str(folder))
    return folder / "srum"
