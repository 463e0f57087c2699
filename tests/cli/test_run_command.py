"""``selfreward-eval run`` as a user meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]


@pytest.fixture
def run(command: Command, tmp_path: Path) -> Command:
    """``run`` with the dummy model, 6 items, into this test's folder."""
    return lambda *more: command("run", "--model", "dummy", "--limit", 6, "-o", tmp_path / "out", *more)


def test_it_prints_a_table_and_where_everything_lies(run: Command, tmp_path: Path) -> None:
    result = run()
    assert result.code == 0, result.err
    folder = tmp_path / "out" / "dummy"
    assert "dummy on shapes_geneval@1: accuracy" in result.out
    assert "overall (mean of categories)" in result.out
    assert "24/24" in result.out
    assert f"results  {next(folder.glob('results_*.json'))}" in result.out
    assert f"page     {folder / 'report.html'}" in result.out
    assert (folder / "report.html").is_file()


def test_json_is_one_object_on_stdout(run: Command, tmp_path: Path) -> None:
    summary = json.loads(run("--json").out)
    assert (summary["pictures_drawn"], summary["samples_reused"]) == (24, 0)
    assert summary["folder"] == str(tmp_path / "out" / "dummy")
    assert summary["tasks"]["shapes_geneval"]["overall"]["n_scored"] == 24
    assert json.loads(Path(summary["results"]).read_text())["selfreward"]["tasks"] == summary["tasks"]


def test_the_same_command_again_draws_nothing(run: Command) -> None:
    first = json.loads(run("--json", "--batch-size", 1).out)
    again = json.loads(run("--json", "--batch-size", 64).out)
    assert (again["pictures_drawn"], again["samples_reused"]) == (0, 24)
    assert again["tasks"] == first["tasks"]


def test_failures_are_told_by_status(run: Command) -> None:
    result = run("--model-args", "fail=a picture of two,missing= and ")
    assert result.code == 0, result.err
    assert "4 samples without a number: generation_error" in result.out
    assert "samples without a number: missing_image" in result.out
    assert "absent" in result.out
    assert "0/4" in result.out


def test_arguments_reach_the_model_and_the_record(run: Command) -> None:
    summary = json.loads(run("--json", "--model-args", "name=lab/painter,size=16").out)
    assert Path(summary["folder"]).name == "lab__painter"
    config = json.loads(Path(summary["results"]).read_text())["config"]
    assert (config["model_args"], config["gen_kwargs"]["size"]) == ("name=lab/painter,size=16", 16)


def test_a_task_named_twice_is_run_once(run: Command) -> None:
    summary = json.loads(run("--json", "--tasks", "shapes_geneval, shapes_geneval").out)
    assert (summary["pictures_drawn"], summary["samples_reused"]) == (24, 0)


def test_brackets_in_a_path_are_shown_as_they_are(command: Command, tmp_path: Path) -> None:
    out = tmp_path / "[red]runs[/]"
    result = command("run", "--model", "dummy", "--limit", 6, "-o", out)
    assert result.code == 0, result.err
    assert f"page     {out / 'dummy' / 'report.html'}" in result.out


def test_a_run_of_another_identity_needs_another_folder(run: Command) -> None:
    assert run().code == 0
    result = run("--seed", 1)
    assert result.code == 4
    assert len(result.errors) == 1
    assert "holds another run (seed: 0 there, 1 here); choose another --output-path" in result.errors[0]
