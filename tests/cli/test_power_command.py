"""``selfreward-eval power`` as a user meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Command = Callable[..., Any]


@pytest.fixture
def pair(make_run: Callable[..., Path]) -> tuple[Path, Path]:
    rng = np.random.default_rng(0)
    marks = lambda: {name: rng.integers(0, 2, (40, 4)).tolist() for name in ("one", "two")}  # noqa: E731
    return make_run("before", marks()), make_run("after", marks())


def test_it_answers_for_geneval_under_three_assumptions(command: Command) -> None:
    result = command("power", "--benchmark", "geneval", "--effect", 0.05)
    assert result.code == 0, result.err
    assert "sd 0.35: a true difference of 0.05 is found with a chance of 91.6 %: detectable" in result.out
    assert "sd 0.5: a true difference of 0.05 is found with a chance of 64.7 %: not reliably" in result.out
    assert "as long as a unit's difference has an sd of 0.419 or less" in result.out


def test_assumptions_about_the_pictures_answer_how_many_it_takes(command: Command) -> None:
    content = json.loads(
        command(
            "power", "--benchmark", "geneval", "--effect", 0.05, "--score", 0.5, "--icc", 0.4, "--json"
        ).out
    )
    (one,) = content["plans"]["geneval"]
    assert one["prompts"]["count"] == pytest.approx(553, abs=10)
    assert one["pictures"]["count"] == 5
    assert one["best_pictures"]["count"] == 2
    assert content["question"]["power"] == 0.8


def test_a_pair_of_runs_is_planned_task_by_task_and_category_by_category(
    command: Command, pair: tuple[Path, Path]
) -> None:
    content = json.loads(command("power", *pair, "--task", "toy", "--effect", 0.1, "--json").out)
    assert [one["spread"]["label"] for one in content["plans"]["toy"]] == ["toy", "one", "two"]
    result = command("power", *pair, "--effect", 0.1)
    assert "toy: pilot pair before, after: 80 items x 4, same seeds" in result.out
    assert "a true difference of 0.1 is found with a chance of" in result.out


def test_one_run_says_what_it_assumes(command: Command, pair: tuple[Path, Path]) -> None:
    assert "correlate by 0.5 (assumed)" in command("power", pair[0]).out
    assert "correlate by 0.9 (given)" in command("power", pair[0], "--correlation", 0.9).out


def test_a_pilot_foretells_a_larger_benchmark(command: Command, pair: tuple[Path, Path]) -> None:
    content = json.loads(command("power", *pair, "--items", 320, "--images", 8, "--json").out)
    (one,) = content["plans"]["toy"]
    assert (one["spread"]["units"], one["spread"]["images"]) == (320, 8)


def test_it_draws_the_curves_on_a_page_and_as_files(
    command: Command, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    result = command("power", *pair, "-o", tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "power_toy.svg",
        "power_toy.png",
        "power.html",
    }
    assert f"wrote {tmp_path / 'out' / 'power.html'}" in result.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "needs a pilot run, a --benchmark, or the number of --items"),
        (["--benchmark", "genevl"], "did you mean geneval?"),
        (["--benchmark", "geneval", "--items", "5"], "leave out --items"),
        (["--items", "50", "--sd", "0.3", "--icc", "0.3"], "give one or the other"),
        (["--items", "50", "--icc", "0.3"], "--score and --icc go together"),
        (["--items", "50", "--sd", "0"], "a standard deviation is above 0"),
        (["--items", "50", "--task", "toy"], "--task is for a pilot run"),
        (["A", "--sd", "0.3"], "--sd is an assumption in place of a pilot"),
        (["A", "B", "A"], "got 3 folders"),
        (["A", "B", "--correlation", "0.3"], "leave out --correlation"),
        (["A", "--task", "geneval"], "did not run 'geneval'; it has toy"),
        (["A", "--correlation", "2"], "lies between -1 and 1"),
    ],
)
def test_questions_that_cannot_be_answered_are_refused(
    command: Command, pair: tuple[Path, Path], arguments: list[str], said: str
) -> None:
    names: dict[str, Any] = {"A": pair[0], "B": pair[1]}
    result = command("power", *(names.get(word, word) for word in arguments))
    assert result.code == 2
    (error,) = result.errors
    assert said in error


def test_a_folder_that_is_none_is_an_input_error(command: Command, tmp_path: Path) -> None:
    assert command("power", tmp_path / "gone").code == 4
