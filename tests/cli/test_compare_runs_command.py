"""``compare --runs-a ... --runs-b ...`` as a user meets it, and options with several values."""

from __future__ import annotations

import doctest
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import selfreward_eval.cli.variadic
from selfreward_eval.cli.variadic import spread

Command = Callable[..., Any]


@pytest.fixture
def pools(make_run: Callable[..., Path]) -> dict[str, list[Path]]:
    rng = np.random.default_rng(0)

    def arm(letter: str, level: float) -> list[Path]:
        return [
            make_run(f"{letter}{k}", {"one": (rng.random((40, 2)) < level).astype(float).tolist()})
            for k in range(3)
        ]

    return {"a": arm("a", 0.3), "b": arm("b", 0.7)}


def test_both_claims_are_printed_and_a_bound_without_df(
    command: Command, pools: dict[str, list[Path]]
) -> None:
    result = command("compare", "--runs-a", *pools["a"], "--runs-b", *pools["b"])
    assert result.code == 0, result.err
    assert "A3: " in result.out
    assert "these checkpoints, on prompts like these: B is better than A (B - A = +0." in result.out
    assert "the method, trained again: B is better than A" in result.out
    assert "over training runs" in result.out
    assert "; df " not in result.out  # Banerjee's bound has none that gives its p.
    assert "Banerjee" in result.out


def test_one_run_per_arm_makes_no_method_claim(command: Command, pools: dict[str, list[Path]]) -> None:
    result = command("compare", "--runs-a", pools["a"][0], "--runs-b", pools["b"][0])
    assert result.code == 0
    assert "the method: no claim, " in result.out
    assert "needs two training runs or more, got one" in result.out


def test_a_method_claim_that_was_asked_for_is_refused(command: Command, pools: dict[str, list[Path]]) -> None:
    result = command("compare", "--runs-a", pools["a"][0], "--runs-b", pools["b"][0], "--method-claim")
    assert result.code == 2
    assert result.errors == [
        "error: toy: no claim about the method can be made: before: a claim about a method needs two "
        "training runs or more, got one; with one run, claim that this checkpoint is better"
    ]


def test_it_writes_its_record_its_page_and_its_plots(
    command: Command, pools: dict[str, list[Path]], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = command(
        "compare", "--runs-a", *pools["a"], "--runs-b", *pools["b"], "--json", "--plots", "-o", out
    )
    assert json.loads(result.out) == json.loads((out / "compare_runs.json").read_text())
    assert {path.name for path in out.iterdir()} == {
        "compare_runs.json",
        "compare_runs.html",
        "compare_runs_toy_forest.svg",
        "compare_runs_toy_forest.png",
        "compare_runs_toy_runs.svg",
        "compare_runs_toy_runs.png",
    }


def test_a_page_may_be_named(command: Command, pools: dict[str, list[Path]], tmp_path: Path) -> None:
    result = command(
        "compare", "--runs-a", *pools["a"], "--runs-b", *pools["b"], "-o", tmp_path / "seeds.html"
    )
    assert f"wrote {tmp_path / 'seeds.json'}\nwrote {tmp_path / 'seeds.html'}" in result.out
    assert "The method" in (tmp_path / "seeds.html").read_text(encoding="utf-8")


def test_the_table_fits_a_line_of_80_characters(
    command: Command, pools: dict[str, list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = command("compare", "--runs-a", *pools["a"], "--runs-b", *pools["b"], "--family", "categories")
    assert "…" not in result.out


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--r", "x", "y"], ["--r", "x", "--r", "y"]),
        (["--r=x", "y", "-o", "z"], ["--r=x", "--r", "y", "-o", "z"]),
        (["a", "--other", "x", "y"], ["a", "--other", "x", "y"]),
        (["--r", "x", "--", "y"], ["--r", "x", "--", "y"]),
        (["--r"], ["--r"]),
        (["--r", "x", "--r", "y", "z"], ["--r", "x", "--r", "y", "--r", "z"]),
    ],
)
def test_values_in_a_row_belong_to_the_option_before_them(args: list[str], expected: list[str]) -> None:
    assert spread(args, {"--r"}) == expected


def test_docstring_examples_hold() -> None:
    assert doctest.testmod(selfreward_eval.cli.variadic).failed == 0
