"""What training costs, by the processor's clock and by the one on the wall."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from selfreward_eval.harness.errors import InputError
from selfreward_eval.trainers.clock import Clock
from selfreward_eval.trainers.cpu_time import add_round, cpu_seconds, spent


def training(folder: Path, drawn: list[float], steps: list[float | None]) -> Path:
    """A training run's folder with what its rounds and steps took."""
    for number, seconds in enumerate(drawn):
        (folder / "rounds" / f"{number:03d}").mkdir(parents=True)
        add_round(folder / "rounds" / f"{number:03d}", seconds)
    lines = [{"step": step, "seconds": 1.0, "cpu_seconds": took} for step, took in enumerate(steps, 1)]
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_time_of_the_processor_goes_on_while_it_computes() -> None:
    began = cpu_seconds()
    while cpu_seconds() == began:
        sum(range(1000))
    assert cpu_seconds() > began


def test_rounds_and_steps_up_to_a_point_count(tmp_path: Path) -> None:
    folder = training(tmp_path, [10.0, 20.0, 40.0], [1.0, 2.0, 3.0, 4.0])
    assert spent(folder, 2, 2) == 33.0


def test_a_round_that_was_resumed_adds_up(tmp_path: Path) -> None:
    folder = training(tmp_path, [10.0], [])
    add_round(folder / "rounds" / "000", 2.5)
    assert spent(folder, 1, 0) == 12.5


@pytest.mark.parametrize(("rounds", "steps"), [(3, 2), (2, 3), (2, 4)])
def test_what_was_not_recorded_is_not_guessed(tmp_path: Path, rounds: int, steps: int) -> None:
    folder = training(tmp_path, [10.0, 20.0], [1.0, 2.0, None])
    assert spent(folder, rounds, steps) is None


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    folder = training(tmp_path, [10.0], [])
    (folder / "rounds" / "000" / "cpu.json").write_text("{")
    with pytest.raises(InputError, match=r"rounds/000/cpu\.json is damaged"):
        spent(folder, 1, 0)


def test_a_stage_inside_another_is_no_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 1.0, 4.0, 10.0])
    monkeypatch.setattr("selfreward_eval.trainers.clock.time.monotonic", lambda: next(now))
    clock = Clock(tmp_path / "seconds.json")
    with clock("train"), clock("points"):
        pass
    assert clock.seconds == {"points": 3.0, "train": 7.0}
