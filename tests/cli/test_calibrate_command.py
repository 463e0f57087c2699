"""``selfreward-eval calibrate`` as a user meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Command = Callable[..., Any]


@pytest.fixture
def repeats(make_run: Callable[..., Path]) -> list[Path]:
    """One checkpoint run three times, each with seeds of its own."""
    folders = []
    for seed in (1, 2, 3):
        rng = np.random.default_rng(seed)
        identity = {"seed": seed, "model.name": "m", "model.weights": "m.safetensors"}
        marks = {name: rng.integers(0, 2, (50, 4)).tolist() for name in ("one", "two")}
        folder = make_run(f"run{seed}", marks, identity=identity)
        folders.append(folder)
    return folders


def test_it_prints_quantiles_and_a_margin(command: Command, repeats: list[Path]) -> None:
    result = command("calibrate", *repeats)
    assert result.code == 0, result.err
    assert "toy@1: correct, size of the difference of two of 3 A/A runs" in result.out
    assert "suggested margin for toy: 0.0" in result.out


def test_json_has_every_pair(command: Command, repeats: list[Path]) -> None:
    content = json.loads(command("calibrate", *repeats, "--json").out)
    overall = content["tasks"]["toy"]["overall"]
    assert len(overall["deltas"]) == 3
    assert overall["median"] < overall["q95"] < overall["q99"]
    assert overall["q95"] < overall["margin"]
    assert [run["seed"] for run in content["runs"]] == [1, 2, 3]


@pytest.mark.parametrize(("margin", "code"), [(0.01, 1), (0.3, 0)])
def test_a_margin_is_checked_against_the_noise(
    command: Command, repeats: list[Path], margin: float, code: int
) -> None:
    result = command("calibrate", *repeats, "--margin", margin)
    assert result.code == code
    assert ("not for toy, where one difference in twenty is larger than" in result.out) == (code == 1)


def test_a_margin_cannot_be_checked_where_nothing_varied(
    command: Command, make_run: Callable[..., Path]
) -> None:
    folders = []
    for seed in (1, 2):
        identity = {"seed": seed, "model.name": "m", "model.weights": "w"}
        folder = make_run(f"run{seed}", {"one": [[1, 1]] * 4}, identity=identity)
        folders.append(folder)
    result = command("calibrate", *folders, "--margin", 0.1)
    assert result.code == 1
    assert "no margin can be suggested: every item had the same mean in every run" in result.out


def test_runs_of_two_models_are_no_repeats(
    command: Command, repeats: list[Path], make_run: Callable[..., Path]
) -> None:
    other = make_run("other", {"one": [[1, 0, 1, 1]]})
    result = command("calibrate", repeats[0], other)
    assert result.code == 2
    assert "differ in more than the seed" in result.errors[0]


def test_a_margin_is_above_zero(command: Command, repeats: list[Path]) -> None:
    assert command("calibrate", *repeats, "--margin", 0).code == 2
