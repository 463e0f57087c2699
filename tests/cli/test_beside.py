"""A checkpoint that a second process measures while this one does something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from selfreward_eval.cli.beside import measured_beside
from selfreward_eval.harness.runs.reader import load_run

SIX: dict[str, Any] = {"seed": 0, "limit": 6}


class Told:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.started: list[tuple[str, int, int]] = []
        self.counted = 0

    def start(self, task: str, total: int, done: int) -> None:
        self.started.append((task, total, done))

    def advance(self, task: str, count: int) -> None:
        assert task == self.started[-1][0]
        self.counted += count


def test_the_run_is_whole_and_its_samples_are_told(tmp_path: Path) -> None:
    told, threads = Told(), torch.get_num_threads()
    with measured_beside("dsr", ["shapes_geneval"], tmp_path, SIX, told):
        assert torch.get_num_threads() == max(1, threads // 2)
    assert torch.get_num_threads() == threads
    assert told.started == [("checkpoint=dsr, shapes_geneval", 24, 0)]
    assert told.counted == 24
    assert load_run(tmp_path / "tiny-dsr").scores["shapes_geneval"].overall.n_items == 6


def test_what_is_wrong_is_left_to_the_first_process(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with measured_beside("dsr", ["no_such_task"], tmp_path, SIX, Told()):
        pass
    assert list(tmp_path.iterdir()) == []
    assert "Traceback" not in capfd.readouterr().err


def test_it_ends_where_the_first_process_cannot_go_on(tmp_path: Path) -> None:
    told = Told()
    with pytest.raises(KeyError), measured_beside("dsr", ["shapes_geneval"], tmp_path, {"seed": 0}, told):
        raise KeyError("something else")
    assert told.counted < 1120
