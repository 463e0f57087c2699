"""Logs: one line a step, never two, and the same for TensorBoard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.errors import MissingExtra, UsageError
from selfreward_eval.harness.report import trackers
from selfreward_eval.trainers.fitting import fit
from selfreward_eval.trainers.step_log import StepLog, elapsed


def steps(path: Path) -> list[int]:
    return [json.loads(line)["step"] for line in path.read_text().splitlines()]


def test_lines_beyond_the_checkpoint_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with StepLog(path, 0) as first:
        for step in (1, 2, 3):
            first.step({"step": step, "loss": 0.5, "seconds": 2.0})
    with StepLog(path, 2) as second:
        assert steps(path) == [1, 2]
        second.step({"step": 3, "loss": 0.5, "seconds": 1.0})
    assert steps(path) == [1, 2, 3]
    assert elapsed(path) == 5.0


def test_a_torn_line_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"step":1,"seconds":1.0}\n{"step":2,"seco')
    with StepLog(path, 9) as torn:
        torn.step({"step": 2, "seconds": 1.0})
    assert steps(path) == [1, 2]


def test_a_number_that_is_not_finite_is_absent(tmp_path: Path) -> None:
    with StepLog(tmp_path / "log.jsonl", 0) as one:
        one.step({"step": 1, "margin": float("nan"), "seconds": 1.0})
    assert json.loads((tmp_path / "log.jsonl").read_text())["margin"] is None


def test_a_run_that_was_killed_has_every_step_once_in_both_logs(
    model: Any, plain: Any, candidates: Any, kill_at: Any, killed: Any, tmp_path: Path
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trainer = plain(steps=6, save_every=2)
    with pytest.raises(killed):
        fit(model, trainer, candidates, tmp_path, progress=kill_at(5), log_with=["tensorboard"])
    assert steps(tmp_path / "log.jsonl") == [1, 2, 3, 4, 5]
    fitted = fit(model, trainer, candidates, tmp_path, log_with=["tensorboard"])
    assert fitted.resumed_at == 4
    assert steps(fitted.log) == [1, 2, 3, 4, 5, 6]
    events = EventAccumulator(str(tmp_path / "tensorboard" / trackers.PROJECT))
    events.Reload()
    shown = events.Scalars("loss")
    assert [one.step for one in shown] == [1, 2, 3, 4, 5, 6]
    logged = [json.loads(line)["loss"] for line in fitted.log.read_text().splitlines()]
    assert [one.value for one in shown] == pytest.approx(logged, rel=1e-6)


def test_an_unknown_tracker_is_refused(model: Any, plain: Any, candidates: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'csv'; known: tensorboard, wandb"):
        fit(model, plain(), candidates, tmp_path, log_with=["csv"])


def test_a_tracker_that_is_not_installed_is_no_silence(
    model: Any, plain: Any, candidates: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackers, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="the package wandb"):
        fit(model, plain(), candidates, tmp_path, log_with=["wandb"])
    assert not list(tmp_path.iterdir())
