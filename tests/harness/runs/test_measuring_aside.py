"""While a judge is waited for, the model goes on; the files do not depend on it."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.errors import BrokenPlugin, UsageError
from selfreward_eval.harness.records import Item, Measurement, Sample, Status
from selfreward_eval.harness.runs.aside import AHEAD, Aside, asks_a_server
from selfreward_eval.harness.runs.run import Finished, Shard, run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval

PATIENCE = 60
"""Seconds after which a test gives up; no test waits so long unless it fails."""


class Served(ShapesGenEval):
    """Its instrument is a server that answers the second batch once the model drew so many pictures."""

    def __init__(self, model: DummyModel, waits_for: int) -> None:
        self.model, self.waits_for = model, waits_for
        self.threads: list[str] = []
        self.drawn_meanwhile = 0
        self.enough = threading.Event()

    def instruments(self) -> dict[str, dict[str, Any]]:
        return {**super().instruments(), "judge": {"name": "judge_openai", "endpoint": "http://127.0.0.1:1"}}

    def options(self) -> dict[str, Any]:
        return {}  # What happens while it measures is no part of the protocol.

    def measure(self, items: Sequence[Item], samples: Sequence[Sample], images: Any) -> list[Measurement]:
        self.threads.append(threading.current_thread().name)
        if len(self.threads) == 2:
            self.enough.wait(PATIENCE)
            self.drawn_meanwhile = len(self.model.drawn)
        return super().measure(items, samples, images)


class Noticing(DummyModel):
    """Tells a task when it has drawn enough."""

    task: Served

    def generate(self, prompts: Any, seeds: Any) -> Any:
        pictures = super().generate(prompts, seeds)
        if len(self.drawn) >= self.task.waits_for:
            self.task.enough.set()
        return pictures


def served(out: Path, waits_for: int, shard: Shard | None = None) -> tuple[Finished, Served]:
    model = Noticing()
    model.task = Served(model, waits_for)
    return run(model, [model.task], out, limit=6, batch_size=2, shard=shard), model.task


def lines(folder: Path) -> list[dict[str, Any]]:
    (path,) = folder.glob("samples_*.jsonl")
    return [json.loads(line) | {"timing": None} for line in path.read_text().splitlines()]


def test_the_model_draws_while_a_judge_is_waited_for(tmp_path: Path) -> None:
    """The first batch is measured before the model goes on: it tells whether a plug-in is broken."""
    finished, task = served(tmp_path, waits_for=4 + 2 * AHEAD)
    assert task.drawn_meanwhile >= 4 + 2 * AHEAD
    assert set(task.threads[1:]) == {"measuring"}
    whole = run(DummyModel(), [ShapesGenEval()], tmp_path / "whole", limit=6)
    assert lines(finished.folder) == lines(whole.folder)
    assert (finished.scores, finished.drawn) == (whole.scores, 24)


def test_the_model_waits_while_too_many_pictures_do() -> None:
    """They are kept in memory."""
    answered = threading.Event()

    def measure() -> list[Any]:
        answered.wait(PATIENCE)
        return []

    with Aside(2) as aside:
        aside.add([], measure)
        aside.add([], measure)
        assert list(aside.ready()) == []
        aside.add([], measure)
        waiting = threading.Thread(target=lambda: list(aside.ready()), daemon=True)
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
        answered.set()
        waiting.join(PATIENCE)
        assert not waiting.is_alive()


def test_a_shard_s_run_is_the_same(tmp_path: Path) -> None:
    finished, _ = served(tmp_path, waits_for=6, shard=Shard(0, 1))
    whole = run(DummyModel(), [ShapesGenEval()], tmp_path / "whole", limit=6)
    assert lines(finished.folder) == lines(whole.folder)


class Failing(Served):
    """Raises over its third batch, in the thread."""

    error: BaseException

    def measure(self, items: Sequence[Item], samples: Sequence[Sample], images: Any) -> list[Measurement]:
        if len(self.threads) >= 2:
            raise self.error
        return super().measure(items, samples, images)


@pytest.mark.parametrize(
    ("error", "expected"), [(UsageError("no key"), UsageError), (SystemExit(1), BrokenPlugin)]
)
def test_an_error_of_the_thread_ends_the_run(
    tmp_path: Path, error: BaseException, expected: type[Exception]
) -> None:
    model = Noticing()
    model.task = task = Failing(model, waits_for=4)
    task.error = error
    with pytest.raises(expected):
        run(model, [task], tmp_path, limit=6, batch_size=2)
    # What was measured before it is recorded, and the rest is done by the next call.
    assert len(lines(tmp_path / "dummy")) >= 2
    assert run(DummyModel(), [Served(model, 0)], tmp_path, limit=6).drawn < 22


def test_a_failing_sample_costs_its_own_status(tmp_path: Path) -> None:
    model = Noticing()
    model.task = task = Failing(model, waits_for=4)
    task.error = ValueError("a reply that is none")
    finished = run(model, [task], tmp_path, limit=6, batch_size=2)
    assert finished.scores["shapes_geneval"].failures == {str(Status.MEASUREMENT_ERROR): 20}


@pytest.mark.parametrize(
    ("instruments", "served_"),
    [
        ({"judge": {"name": "judge_openai", "endpoint": "http://127.0.0.1:8000/v1"}}, True),
        (
            {"judge": {"name": "judge_panel", "members": [{"member": "a", "endpoint": "http://127.0.0.1"}]}},
            True,
        ),
        ({"detector": {"name": "oracle"}}, False),
        ({"judge": {"name": "judge_local", "endpoint": None}}, False),
    ],
)
def test_a_server_is_known_by_its_endpoint(
    monkeypatch: pytest.MonkeyPatch, instruments: dict[str, Any], served_: bool
) -> None:
    task = ShapesGenEval()
    monkeypatch.setattr(task, "instruments", lambda: instruments)
    assert asks_a_server(task) is served_
