"""What goes wrong ends in one line that names the thing and the way out, and in the exit code promised."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import typer

from selfreward_eval.cli import main as module
from selfreward_eval.harness import files, registry
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.runs.store import RunFolder
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval

Command = Callable[..., Any]


class Reader:
    """A model that answers and cannot draw."""

    def identity(self) -> dict[str, Any]:
        return {"name": "reader"}

    def answer(self, images: Any, questions: Any) -> list[str]:
        return ["yes"] * len(images)


def refused(command: Command, *arguments: object, code: int = 2) -> str:
    """The one line that a refused command prints."""
    result = command(*arguments)
    assert result.code == code, result.out + result.err
    assert len(result.errors) == 1, result.err
    assert result.out == ""
    assert "Traceback" not in result.err
    return str(result.errors[0])


@pytest.mark.parametrize(
    ("option", "name", "line"),
    [
        ("--tasks", "shapes_genevl", "error: unknown task 'shapes_genevl'; did you mean shapes_geneval"),
        ("--tasks", "shapes_geneval,zzzzz", "error: unknown task 'zzzzz'; known: "),
        ("--model", "dumy", "error: unknown model 'dumy'; did you mean dummy"),
        ("--tasks", " , ", "error: --tasks names no task; `selfreward-eval list tasks` shows them"),
        (
            "--seed-policy",
            "official",
            "error: task 'shapes_geneval' has no seed policy 'official'; known: hashed",
        ),
    ],
)
def test_a_name_that_nobody_knows(
    command: Command, tmp_path: Path, option: str, name: str, line: str
) -> None:
    options = {"--model": "dummy", "--limit": 6, "-o": tmp_path, option: name}
    told = refused(command, "run", *(part for pair in options.items() for part in pair))
    assert told.startswith(line)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            "guidance=2",
            "model 'dummy': got an unexpected keyword argument 'guidance'; --model-args takes: name='du",
        ),
        ("size", "--model-args: 'size' is not key=value; write --model-args key=value,key=value"),
        ("=3", "--model-args: '=3' is not key=value"),
        ("size=8,size=9", "--model-args: 'size' is given twice"),
        ("size=8,size.x=9", "--model-args: 'size.x' is given both a value and parts"),
        ("size=big", "--model-args of model 'dummy': size=big is not a whole number"),
        ("seconds=nan", "--model-args of model 'dummy': seconds=nan is not a finite number"),
        ("seconds=-1e999", "--model-args of model 'dummy': seconds=-1e999 is not a finite number"),
        ("size=2", "size must be a whole number of at least 8 pixels, got 2"),
        ("name={a", "--model-args: the value of 'name' begins like JSON and is none"),
    ],
)
def test_arguments_that_a_model_cannot_take(command: Command, tmp_path: Path, given: str, told: str) -> None:
    line = refused(command, "run", "--model", "dummy", "-o", tmp_path, "--model-args", given)
    assert line.startswith(f"error: {told}")
    assert not list(tmp_path.iterdir())


def test_arguments_that_a_task_cannot_take(command: Command, tmp_path: Path) -> None:
    line = refused(command, "run", "--model", "dummy", "-o", tmp_path, "--task-args", "threshold=0.5")
    assert "task 'shapes_geneval': " in line
    assert line.endswith("--task-args takes: nothing")


@pytest.mark.parametrize(
    "arguments", [("--limit", "0"), ("--batch-size", "0"), ("--limit", "few"), ("--sead", "1")]
)
def test_options_that_are_no_options(command: Command, arguments: tuple[str, str]) -> None:
    result = command("run", "--model", "dummy", *arguments)
    assert result.code == 2
    assert arguments[0] in result.err
    assert "Traceback" not in result.err


def test_a_model_that_cannot_draw(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    entry = EntryPoint("reader", f"{__name__}:Reader", "selfreward_eval.models")
    monkeypatch.setitem(registry.registry("models")._entries, "reader", entry)
    line = refused(command, "run", "--model", "reader", "-o", tmp_path)
    assert line.startswith(
        "error: task 'shapes_geneval' needs a model that can 'generate'; reader offers: answer."
    )
    assert not list(tmp_path.iterdir())


def test_a_model_that_only_fails(command: Command, tmp_path: Path) -> None:
    arguments = ("run", "--model", "dummy", "--limit", 6, "-o", tmp_path)
    line = command(*arguments, "--model-args", "fail=a").errors[0]
    assert "the model failed on each of the first 24 samples" in line
    assert "asked to fail for 'a picture of a circle'" in line


def test_a_folder_that_another_process_writes(command: Command, tmp_path: Path) -> None:
    with RunFolder(tmp_path / "dummy", {}, {}):
        line = refused(command, "run", "--model", "dummy", "--limit", 6, "-o", tmp_path, code=4)
    assert f"another process is writing {tmp_path / 'dummy'}; wait for it" in line


def test_an_output_path_that_is_a_file(command: Command, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    line = refused(command, "run", "--model", "dummy", "--limit", 6, "-o", tmp_path / "out", code=4)
    assert str(tmp_path / "out") in line


def test_a_damaged_line_in_the_samples(command: Command, tmp_path: Path) -> None:
    finished = run(DummyModel(), [ShapesGenEval()], tmp_path, limit=6)
    (path,) = finished.folder.glob("samples_*.jsonl")
    path.write_text(path.read_text().replace('"doc_id":0,', '"doc_id":,'))
    line = refused(command, "run", "--model", "dummy", "--limit", 6, "-o", tmp_path, code=4)
    assert f"{path}:1 is not a JSON record" in line
    assert line.endswith("restore the file, or move it away and run again")


@pytest.mark.parametrize("room", [0, 3_000, 12_000, 20_000])
def test_a_full_disk_and_the_same_command_once_there_is_room(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    whole = run(DummyModel(), [ShapesGenEval()], tmp_path / "whole", limit=6)
    arguments = ("run", "--model", "dummy", "--limit", 6, "--batch-size", 5, "-o", tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "write", disk_of(room))
        line = refused(command, *arguments, code=4)
    assert line.startswith(f"error: the disk is full ({tmp_path / 'out' / 'dummy'}")
    assert line.endswith("free some space and run the same command again to go on")
    pictures = {path.name for path in (tmp_path / "out").rglob("*.png")}
    assert bool(pictures) == (room > 0)
    result = command(*arguments, "--json")
    assert result.code == 0, result.err
    summary = json.loads(result.out)
    assert summary["pictures_drawn"] == 24 - len(pictures)
    assert summary["tasks"]["shapes_geneval"] == whole.scores["shapes_geneval"].to_json()


def disk_of(room: int) -> Callable[[int, bytes], int]:
    """``os.write`` on a disk with ``room`` bytes left: what fits is written, then it fails."""
    write, left = os.write, [room]

    def limited(descriptor: int, data: bytes) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done = write(descriptor, bytes(data)[: left[0]])
        left[0] -= done
        return done

    return limited


def test_an_interrupted_command_says_how_to_go_on(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(interrupted)
    monkeypatch.setattr(module, "app", app)
    result = command()
    assert result.code == 130
    assert result.err.strip().endswith("run the same command again to go on where it stopped")


def test_help_is_no_error(command: Command) -> None:
    result = command("--help")
    assert (result.code, result.err) == (0, "")
    assert "Did this training run make the model better" in result.out
