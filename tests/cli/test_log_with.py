"""``run|compare|gate --log-with``: what the trackers' own readers find afterwards."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.commands import Outcome

from selfreward_eval.harness.report import trackers

Command = Callable[..., Outcome]
BEFORE = {"one": [[0, 0]] * 20 + [[1, 0]] * 5}
AFTER = {"one": [[1, 1]] * 20 + [[1, 0]] * 5}
POLICY = '[[rule]]\ntask = "toy"\nmargin = 0.1\n'


def events(folder: Path, kind: str) -> Any:
    """What TensorBoard reads back."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder / "tensorboard" / trackers.PROJECT / kind)).Reload()


@pytest.fixture
def tensorboard() -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")


@pytest.fixture
def measured(command: Command, tmp_path: Path) -> Callable[..., Path]:
    def call(log_with: str) -> Path:
        """A run of three items with pictures; the same folder every time."""
        options = ("--limit", 3, "--log-with", log_with, "-o", tmp_path / "results")
        done = command("run", "--model", "dummy", "--tasks", "shapes_geneval", *options)
        assert done.code == 0, done.err
        return next((tmp_path / "results").iterdir())

    return call


@pytest.mark.usefixtures("tensorboard")
def test_a_run_in_tensorboard_has_its_headline_its_table_and_pictures(
    measured: Callable[..., Path],
) -> None:
    from selfreward_eval.harness.runs.reader import load_run

    folder = measured("tensorboard")
    measured("tensorboard")  # Logged again: the same entry, not a second one.
    run = load_run(folder)
    scores = run.scores["shapes_geneval"]
    read = events(folder, "run")
    (value,) = read.Scalars(f"shapes_geneval/{scores.metric}")
    assert value.value == pytest.approx(scores.overall.value)
    images = read.Tags()["images"]
    assert len(images) == 3
    assert all(record.item.id in " ".join(images) for record in run.records["shapes_geneval"])


@pytest.mark.usefixtures("tensorboard")
def test_a_comparison_in_tensorboard_has_its_difference(
    command: Command, make_run: Callable[..., Path], tmp_path: Path
) -> None:
    a, b = make_run("before", BEFORE), make_run("after", AFTER)
    done = command("compare", a, b, "--log-with", "tensorboard", "-o", tmp_path / "out")
    assert done.code == 0, done.err
    (value,) = events(tmp_path / "out", "compare").Scalars("toy/difference")
    assert value.value == pytest.approx(0.8)
    refused = command("compare", a, b, "--log-with", "tensorboard")
    assert refused.errors == ["error: --log-with needs --output-path: say where the log goes"]


@pytest.mark.usefixtures("tensorboard")
def test_a_gate_in_tensorboard_has_its_rules(
    command: Command, make_run: Callable[..., Path], tmp_path: Path
) -> None:
    a, b = make_run("before", BEFORE), make_run("after", AFTER)
    policy = tmp_path / "gate.toml"
    policy.write_text(POLICY, encoding="utf-8")
    done = command("gate", a, b, "--policy", policy, "--log-with", "tensorboard")
    assert done.code == 0, done.err
    read = events(b, "gate")
    (value,) = read.Scalars("gate/exit_code")
    assert value.value == 0
    (text,) = read.Tensors("rules/text_summary")
    assert "| toy | overall |" in text.tensor_proto.string_val[0].decode()


def test_an_unknown_tracker_is_refused_before_anything_runs(command: Command, tmp_path: Path) -> None:
    done = command("run", "--log-with", "papyrus", "-o", tmp_path / "results")
    assert done.code == 2
    assert "cannot log with 'papyrus'; known: tensorboard, wandb" in done.err
    assert not (tmp_path / "results").exists()


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch) -> None:
    """W&B offline; what it puts in the place of sys.exit is taken back afterwards."""
    pytest.importorskip("wandb", reason="wandb is not installed")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setattr(sys, "exit", sys.exit)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)


@pytest.mark.usefixtures("wandb")
def test_wandb_offline_writes_its_own_run_file(measured: Callable[..., Path]) -> None:
    folder = measured("wandb")
    (run_file,) = folder.glob("wandb/offline-run-*/run-*.wandb")
    assert b"shapes_geneval/" in run_file.read_bytes()
    assert len(list(folder.glob("wandb/offline-run-*/files/media/images/*.png"))) == 3


@pytest.mark.usefixtures("wandb")
def test_wandb_changes_no_exit_code(command: Command, make_run: Callable[..., Path], tmp_path: Path) -> None:
    policy = tmp_path / "gate.toml"
    policy.write_text(POLICY, encoding="utf-8")
    worse = ("gate", make_run("before", AFTER), make_run("after", BEFORE), "--policy", policy)
    assert command(*worse, "--log-with", "wandb").code == 1
    assert command(*worse).code == 1


def test_a_cell_of_a_table_is_text() -> None:
    table = trackers.Table(("a",), (("x|y\n<b>",), (None,), (0.123456,)))
    assert trackers._markdown(table).splitlines()[2:] == ["| x\\|y &lt;b> |", "| absent |", "| 0.1235 |"]
