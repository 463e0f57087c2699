"""A cluster inside this process, and the run that all engines have to end with."""

from __future__ import annotations

from typing import Any

import pytest
from support.commands import command
from support.fake_cluster import FakeCluster, use
from support.run_states import contents

from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval

__all__ = ["cluster", "command", "whole"]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    made = FakeCluster()
    use(made, monkeypatch)
    return made


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """24 samples, made by one process."""
    out = tmp_path_factory.mktemp("whole")
    return contents(run(DummyModel(), [ShapesGenEval()], out, limit=6, batch_size=4).folder)
