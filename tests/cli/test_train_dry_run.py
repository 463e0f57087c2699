"""``train --dry-run`` of a checkpoint that is too large to load: its configuration files are all it reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.bagel import write_checkpoint

from selfreward_eval.trainers import cost


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    """A checkpoint's folder with its configuration files alone."""
    folder = write_checkpoint(tmp_path / "small-bagel")
    for path in folder.iterdir():
        if "config" not in path.name:
            path.unlink()
    return folder


@pytest.fixture
def command_line(configuration: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(cost, "MEASURED", 0)
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("a purple heart above a brown star\n", encoding="utf-8")
    return [
        *("train", "--dry-run", "--model", "bagel", "--model-args", f"weights={configuration}"),
        *("--trainer", "srum", "--rewarder", "srum", "--prompts", str(prompts)),
        *("--tasks", "shapes_geneval", "--limit", "1", "-o", str(tmp_path / "training")),
    ]


def test_the_configuration_files_are_enough(command_line: list[str], command: Callable[..., Any]) -> None:
    options = ("--trainer-args", "preset=srum_released,lora_rank=2", "--rewarder-args", "reading=code")
    outcome = command(*command_line, *options)
    assert outcome.code == 0, outcome.err
    assert "a step, from the configuration files" in outcome.out
    assert "time was not measured" in outcome.out


def test_eighty_columns_show_every_number(
    command_line: list[str], command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    options = ("--trainer-args", "preset=srum_released,lora_rank=2", "--rewarder-args", "reading=code")
    assert "…" not in command(*command_line, *options).out


def test_a_map_of_another_reading_is_refused_unloaded(
    command_line: list[str], command: Callable[..., Any]
) -> None:
    options = ("--trainer-args", "preset=srum_released", "--rewarder-args", "reading=paper")
    outcome = command(*command_line, *options)
    assert outcome.code == 2
    assert "add --rewarder-args reading=code" in outcome.errors[0]
