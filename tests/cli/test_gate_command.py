"""``selfreward-eval gate`` as a user meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GOOD = {"one": [[1, 0], [1, 1]] * 40, "two": [[0, 1], [1, 1]] * 40}
SAME = {"one": [[1, 0], [1, 1]] * 40, "two": [[0, 1], [1, 1]] * 39 + [[1, 1], [0, 1]]}
BAD = {"one": [[0, 0], [1, 0]] * 40, "two": [[0, 0], [1, 1]] * 40}
MIDDLING = {"one": [[1, 0], [1, 1]] * 32 + [[0, 0]] * 16, "two": [[0, 1], [1, 1]] * 40}

RULE = '[[rule]]\ntask = "toy"\nmargin = 0.1\n'


@pytest.fixture
def place(tmp_path: Path, make_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with ``gate.toml`` and runs, which is where the command is given."""
    for name, marks in {"base": GOOD, "same": SAME, "bad": BAD, "middling": MIDDLING}.items():
        make_run(name, marks)
    (tmp_path / "gate.toml").write_text(RULE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("candidate", "code", "verdict"),
    [("same", 0, "PASS"), ("bad", 1, "FAIL"), ("middling", 3, "INCONCLUSIVE")],
)
def test_the_verdict_is_the_exit_code(
    command: Callable[..., Any], place: Path, candidate: str, code: int, verdict: str
) -> None:
    done = command("gate", "base", candidate)
    assert done.code == code
    assert done.out.splitlines()[-1].startswith(f"{verdict}: 1 rule, 1")
    assert "loss < 0.1" in done.out
    assert ("it would take" in done.out) == (code == 3)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["base"], 2, "two run folders"),
        (["base", "same", "--model", "dummy"], 2, "--model draws the candidate"),
        (["base", "--model", "dummy"], 2, "--model needs --sequential"),
        (["base", "same", "--model-args", "a=1"], 2, "are for --model"),
        (["base", "same", "--replay"], 2, "--replay goes with --sequential"),
        (["base", "same", "--sequential"], 2, "add --replay"),
        (["base", "same", "--policy", "none.toml"], 4, "no policy at none.toml"),
        (["base", "none"], 4, "no run folder at none"),
        (["base", "--sequential", "--model", "dummmy"], 2, "task 'toy'"),
    ],
)
def test_what_cannot_be_judged_is_neither_pass_nor_fail(
    command: Callable[..., Any], place: Path, arguments: list[str], code: int, said: str
) -> None:
    done = command("gate", *arguments)
    assert done.code == code
    assert said in done.errors[0]


def test_a_missing_task_is_4(command: Callable[..., Any], place: Path) -> None:
    (place / "gate.toml").write_text(RULE + '[[rule]]\ntask = "other"\nmargin = 0.1\n')
    done = command("gate", "base", "same")
    assert done.code == 4
    assert done.errors[0].startswith("error: gate.toml:4: the base base has no task 'other'")


def test_runs_of_other_settings_are_4(
    command: Callable[..., Any], place: Path, make_run: Callable[..., Path]
) -> None:
    make_run("other", SAME, identity={"seed": 1})
    done = command("gate", "base", "other")
    assert done.code == 4
    assert "seed: 0 != 1" in done.errors[0]


def test_every_report_is_written_whatever_the_verdict(command: Callable[..., Any], place: Path) -> None:
    done = command(
        "gate", "base", "bad", "--json-file", "out/g.json", "--junit", "out/g.xml",
        "--markdown", "out/g.md", "--html", "out/g.html",
    )  # fmt: skip
    assert done.code == 1
    assert sorted(path.name for path in (place / "out").iterdir()) == [
        "g.html",
        "g.json",
        "g.md",
        "g.xml",
        "g_pairs.html",
    ]
    assert json.loads((place / "out" / "g.json").read_text())["verdict"] == "FAIL"


def test_json_is_one_object_on_stdout(command: Callable[..., Any], place: Path) -> None:
    done = command("gate", "base", "same", "--json", "--junit", "g.xml")
    assert json.loads(done.out)["exit_code"] == done.code == 0
    assert "wrote g.xml" in done.err


def test_a_finished_run_can_be_looked_at_in_batches(command: Callable[..., Any], place: Path) -> None:
    done = command("gate", "base", "bad", "--sequential", "--replay")
    assert done.code == 1
    assert "of the samples saved" in done.out


def test_a_model_is_drawn_until_it_is_decided(
    command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dummy never draws what it is asked for: nothing is lost against a base that does not either."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gate.toml").write_text(
        '[sequential]\nbatch = 10\n[[rule]]\ntask = "shapes_geneval"\nmargin = 0.2\n'
    )
    assert command("run", "--model", "dummy", "--limit", 60, "-o", "runs").code == 0
    line = (
        "gate",
        "runs/dummy",
        "--sequential",
        "--model",
        "dummy",
        "--model-args",
        "name=next",
        "-o",
        "runs",
    )
    first = command(*line)
    assert first.code == 0, first.out + first.err
    assert "unfinished" in first.out
    (samples,) = (tmp_path / "runs" / "next").glob("samples_*.jsonl")
    drawn = samples.read_text()
    assert 0 < len(drawn.splitlines()) < 240
    assert command(*line).code == 0
    assert samples.read_text() == drawn
