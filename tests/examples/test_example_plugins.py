"""Every file of ``examples/selfreward_examples`` at work, by its registered name, on the command line."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.installing import environment, python
from support.paths import ROOT

SOURCE = ROOT / "examples" / "selfreward_examples"
NAMES = {
    "tasks": "my_colours",
    "models": "my_painter",
    "rewarders": "my_vividness",
    "trainers": "my_weighted",
}


def paint(command: Callable[..., Any], folder: Path, mistakes: float, name: str) -> Path:
    """A run of the example's model on the example's task."""
    arguments = f"mistakes={mistakes},name={name}"
    done = command(
        "run", "--model", "my_painter", "--model-args", arguments, "--tasks", "my_colours", "-o", folder
    )
    assert done.code == 0, done.err
    return folder / name


@pytest.mark.parametrize(("group", "name"), NAMES.items())
def test_an_installed_plugin_is_listed(installed: Path, tmp_path: Path, group: str, name: str) -> None:
    """By a process of its own, as after ``pip install``."""
    done = python(
        ["-c", "from selfreward_eval.cli.main import main; main()", "list", group, "--json"],
        tmp_path,
        environment(installed),
    )
    assert done.returncode == 0, done.stderr
    (row,) = [row for row in json.loads(done.stdout) if row["name"] == name]
    assert row["origin"].startswith("selfreward_examples.")
    assert "error" not in row


def test_the_task_measures_the_model(plugins: Path, command: Callable[..., Any], tmp_path: Path) -> None:
    run = paint(command, tmp_path, 0, "exact")
    scores = json.loads(next(run.glob("results_*.json")).read_text())["selfreward"]["tasks"]["my_colours"]
    assert scores["overall"]["value"] == 1.0


def test_the_task_measures_the_shipped_model(
    plugins: Path, command: Callable[..., Any], tmp_path: Path
) -> None:
    done = command("run", "--tasks", "my_colours", "--limit", 2, "-o", tmp_path, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["tasks"]["my_colours"]["overall"]["n_scored"] == 4


def test_two_runs_of_the_model_are_compared(
    plugins: Path, command: Callable[..., Any], tmp_path: Path
) -> None:
    worse, better = paint(command, tmp_path, 0.6, "worse"), paint(command, tmp_path, 0.1, "better")
    done = command("compare", worse, better, "--json")
    assert done.code == 0, done.err
    task = json.loads(done.out)["tasks"]["my_colours"]
    assert task["overall"]["verdict"] == "B is better than A"


def test_the_rewarder_scores_a_run(plugins: Path, command: Callable[..., Any], tmp_path: Path) -> None:
    run = paint(command, tmp_path, 0, "exact")
    done = command("reward", run, "--rewarder", "my_vividness,power=2", "-o", tmp_path / "rewards", "--json")
    assert done.code == 0, done.err
    summary = json.loads(done.out)
    assert (summary["scored"], summary["rewarder"]["power"]) == (48, 2.0)


def test_the_trainer_trains_the_shipped_model(
    plugins: Path, command: Callable[..., Any], tmp_path: Path
) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("two red circles\ntwo blue squares\n")
    smallest = "prompts=2,candidates=2,steps=1,batch_size=2,warmup=0,sharpness=2"
    done = command(
        "train", "--trainer", "my_weighted", "--rewarder", "my_vividness", "--trainer-args", smallest,
        "--tasks", "my_colours", "--prompts", prompts, "--scales", "", "--limit", 1, "-o", tmp_path, "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    (record,) = json.loads(done.out)["training_runs"]
    assert record["trainer"]["sharpness"] == 2.0
    assert record["rewarder"]["name"] == "my_vividness"
    assert set(record["verdicts"]) == {"my_colours"}


@pytest.mark.parametrize("file", sorted(SOURCE.glob("my_*.py")), ids=lambda file: file.stem)
def test_an_example_is_short_and_needs_the_public_names_only(file: Path) -> None:
    """What a plug-in imports while it runs is ``selfreward_eval`` itself; types may come from within."""
    source = file.read_text(encoding="utf-8")
    assert len(source.splitlines()) < 75
    imported = [node.module for node in ast.parse(source).body if isinstance(node, ast.ImportFrom)]
    assert [name for name in imported if str(name).startswith("selfreward_eval.")] == []
