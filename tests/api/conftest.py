"""Runs of the dummy model, which costs nothing, for tests of the public functions."""

from __future__ import annotations

from pathlib import Path

import pytest

import selfreward_eval as se

TASK = "shapes_geneval"


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two runs that may be compared."""
    folder = tmp_path_factory.mktemp("runs")
    first, second = (
        se.run("dummy", TASK, folder, model_args={"name": name}, limit=6, page=False).folder
        for name in ("first", "second")
    )
    return first, second
