"""Whatever a plug-in raises is one line that names it and exit code 6: never a traceback, never a verdict."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL.Image import Image
from support.commands import Outcome

from selfreward_eval.cli import main as module
from selfreward_eval.harness import registry
from selfreward_eval.harness.records import Item, Measurement, Sample, Status
from selfreward_eval.harness.task import Metric, Task, TaskInfo
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.rewarders.base import Rewarder, RewarderInfo

Command = Callable[..., Outcome]

ERRORS = {
    "runtime": RuntimeError("out of\nluck"),
    "key": KeyError("word"),
    "exit": SystemExit(1),
    "fine": SystemExit(0),
    "system": PermissionError(errno.EACCES, "not allowed", "weights.bin"),
}


def may_fail(where: str, how: str, here: str) -> None:
    if where == here:
        raise ERRORS[how]


class Toy(Task):
    info = TaskInfo("toy", "1", "Toy", "none", images_per_item=2)
    metrics = (Metric("score"),)

    def __init__(self, where: str = "", how: str = "runtime") -> None:
        self.where, self.how = where, how
        may_fail(where, how, "constructor")

    def items(self) -> Sequence[Item]:
        may_fail(self.where, self.how, "items")
        return [Item(name, f"draw {name}", "plain") for name in "abcdef"]

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image]
    ) -> list[Measurement]:
        may_fail(self.where, self.how, "measure")
        return [Measurement(Status.SUCCESS, {"score": 1.0}) for _ in samples]

    def instruments(self) -> Mapping[str, dict[str, Any]]:
        may_fail(self.where, self.how, "instruments")
        return {}


class Painter(DummyModel):
    def __init__(self, where: str = "", how: str = "runtime") -> None:
        super().__init__(name="painter")
        self.where, self.how = where, how
        may_fail(where, how, "constructor")

    def identity(self) -> dict[str, Any]:
        may_fail(self.where, self.how, "identity")
        return super().identity()

    def generate(self, prompts: Any, seeds: Any) -> Any:
        may_fail(self.where, self.how, "generate")
        return super().generate(prompts, seeds)


class Praise(Rewarder):
    info = RewarderInfo("praise", "1", "Praise", "control", (0.0, 1.0))

    def identity(self) -> dict[str, Any]:
        return {"name": "praise"}

    def measure(self, prompts: Any, samples: Any) -> Any:
        raise ERRORS["runtime"]


@pytest.fixture(autouse=True)
def plug_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The classes above as another package would declare them."""
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    for group, name, attribute in (
        ("tasks", "toy", "Toy"),
        ("models", "painter", "Painter"),
        ("rewarders", "praise", "Praise"),
        ("tasks", "gone", "Nothing"),
    ):
        entry = EntryPoint(name, f"{__name__}:{attribute}", f"selfreward_eval.{group}")
        monkeypatch.setitem(registry.registry(group)._entries, name, entry)


def broken(outcome: Outcome) -> str:
    """The one line of a command that a plug-in ended."""
    assert outcome.code == 6, outcome.out + outcome.err
    assert "Traceback" not in outcome.err
    (line,) = outcome.errors
    return line


@pytest.mark.parametrize("how", ["runtime", "key", "exit", "fine", "system"])
@pytest.mark.parametrize("where", ["constructor", "items", "measure", "instruments"])
def test_a_task_that_raises(command: Command, tmp_path: Path, where: str, how: str) -> None:
    arguments = ("run", "--model", "dummy", "--tasks", "toy", "-o", tmp_path)
    outcome = command(*arguments, "--task-args", f"where={where},how={how}")
    if (where, how) == ("constructor", "system"):
        # A file that an argument may name is an input.
        assert outcome.code == 4
        assert "task 'toy': PermissionError" in outcome.errors[0]
        return
    assert "task 'toy'" in broken(outcome)


@pytest.mark.parametrize("how", ["runtime", "exit"])
@pytest.mark.parametrize("where", ["constructor", "identity", "generate"])
def test_a_model_that_raises(command: Command, tmp_path: Path, where: str, how: str) -> None:
    arguments = ("run", "--tasks", "toy", "-o", tmp_path, "--model", "painter")
    assert "model" in broken(command(*arguments, "--model-args", f"where={where},how={how}"))


def test_a_rewarder_that_raises_on_every_picture(command: Command, tmp_path: Path) -> None:
    """Zero of so many pictures with a reward is no result."""
    assert command("run", "--model", "dummy", "--limit", 6, "-o", tmp_path).code == 0
    line = broken(command("reward", tmp_path / "dummy", "--rewarder", "praise", "--output", tmp_path / "r"))
    assert "the rewarder 'praise' failed on each of the 24 pictures" in line
    assert "RuntimeError: out of luck" in line


def test_a_name_that_leads_nowhere(command: Command, tmp_path: Path) -> None:
    line = broken(command("run", "--model", "dummy", "--tasks", "gone", "-o", tmp_path))
    assert "the task 'gone' is declared as" in line


def test_a_gate_never_fails_a_candidate_for_a_crash(command: Command, tmp_path: Path) -> None:
    assert command("run", "--model", "dummy", "--tasks", "toy", "-o", tmp_path).code == 0
    policy = tmp_path / "gate.toml"
    policy.write_text('[[rule]]\ntask = "toy"\nmargin = 0.05\n')
    arguments = ("gate", tmp_path / "dummy", "--policy", policy, "--sequential", "-o", tmp_path / "new")
    line = broken(command(*arguments, "--model", "painter", "--model-args", "where=generate,how=exit"))
    assert "sys.exit(1)" in line


@pytest.mark.parametrize("place", ["before", "after"])
def test_debug_shows_the_traceback_before_the_line(command: Command, tmp_path: Path, place: str) -> None:
    run = ["run", "--model", "dummy", "--tasks", "toy", "-o", str(tmp_path), "--task-args", "where=measure"]
    outcome = command(*(["--debug", *run] if place == "before" else [*run, "--debug"]))
    assert outcome.code == 6
    assert "Traceback (most recent call last)" in outcome.err
    assert "may_fail(self.where, self.how" in outcome.err
    assert outcome.err.strip().splitlines()[-1].startswith("error: the task 'toy' failed to measure")


def test_debug_shows_where_a_user_s_mistake_was_found(command: Command, tmp_path: Path) -> None:
    outcome = command("--debug", "run", "--tasks", "nobody", "-o", tmp_path)
    assert outcome.code == 2
    assert "UnknownName" in outcome.err


def ending(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """A command line whose only command is ``act``."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(act)
    monkeypatch.setattr(module, "app", app)


def test_an_error_of_ours_that_nobody_expected(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a plug-in's: the line says so, and asks for a report."""
    monkeypatch.delitem(registry.registry("tasks")._entries, "toy")
    for group, name in (("models", "painter"), ("rewarders", "praise"), ("tasks", "gone")):
        monkeypatch.delitem(registry.registry(group)._entries, name)

    def crash() -> None:
        raise ZeroDivisionError("no items")

    ending(monkeypatch, crash)
    line = broken(command())
    assert line.startswith("error: selfreward-eval itself failed: ZeroDivisionError: no items at ")
    assert line.endswith("please report it (`selfreward-eval --debug ...` shows the traceback)")


def test_a_foreign_error_is_laid_at_the_right_door(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where no call of ours expected it: from the code in which it was raised."""

    def crash() -> None:
        may_fail("here", "key", "here")

    ending(monkeypatch, crash)
    assert "the plug-in package an unknown package failed: KeyError: 'word'" in broken(command())


def test_a_reader_that_went_away_is_no_failed_check(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Typer makes exit code 1 of it, which is FAIL in a gate."""

    def crash() -> None:
        raise BrokenPipeError(errno.EPIPE, "broken pipe")

    ending(monkeypatch, crash)
    assert command().code == 141
