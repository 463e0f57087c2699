"""The page of several training runs: what it says of the checkpoints, and what of the method."""

from __future__ import annotations

import doctest
import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import selfreward_eval.harness.report.pooled_view
from selfreward_eval.harness.comparing.claims import Design
from selfreward_eval.harness.comparing.compare import load_run
from selfreward_eval.harness.comparing.pooled import compare_pools
from selfreward_eval.harness.report.pooled_page import write_pooled_page
from selfreward_eval.harness.report.pooled_view import NO_CLAIM, model_differences, pooled_view

MakeRun = Callable[..., Path]
TASK = "shapes_geneval"
RANGES = {TASK: (0.0, 1.0)}


@pytest.fixture
def arm(make_run: MakeRun) -> Callable[..., list[Any]]:
    """``arm("a", [0.3, 0.4])``: one run per rate."""

    def make(letter: str, rates: list[float], **options: Any) -> list[Any]:
        options = {"flaws": False, "items": 6, **options}
        return [load_run(make_run(f"{letter}{k}", rate=rate, **options)) for k, rate in enumerate(rates)]

    return make


@pytest.fixture
def view(arm: Callable[..., list[Any]]) -> Callable[..., dict[str, Any]]:
    def make(a: list[float], b: list[float], **options: Any) -> dict[str, Any]:
        return pooled_view(compare_pools(arm("a", a), arm("b", b), **options), RANGES)

    return make


def test_both_claims_stand_beside_each_other(view: Callable[..., dict[str, Any]]) -> None:
    (task,) = view([0.2, 0.3, 0.25], [0.7, 0.8, 0.75])["tasks"]
    checkpoints, method = task["claims"]
    assert checkpoints["verdict"] == method["verdict"] == "B is better than A"
    assert (checkpoints["tone"], method["tone"]) == ("up", "up")
    # Sign flips and Banerjee's bound: no t and df give their p.
    assert (checkpoints["df"], method["df"]) == ("", "")
    assert task["refused"] == ""


def test_one_run_per_arm_has_its_refusal_in_words_and_no_numbers(view: Callable[..., dict[str, Any]]) -> None:
    (task,) = view([0.2], [0.7])["tasks"]
    method = task["claims"][1]
    assert (method["verdict"], method["interval"], method["p"]) == (NO_CLAIM, "", "")
    assert "needs two training runs or more, got one" in task["refused"]
    assert task["components"] == []
    assert not task["method"]


def test_the_longest_bar_is_the_largest_error(view: Callable[..., dict[str, Any]]) -> None:
    (task,) = view([0.2, 0.5, 0.3], [0.6, 0.9, 0.7])["tasks"]
    prompts, runs, both = task["components"]
    assert both["share"] == 1.0
    assert prompts["share"] < runs["share"]
    assert runs["text"].endswith(" points")


def test_the_method_s_whisker_is_wider_than_the_checkpoints(view: Callable[..., dict[str, Any]]) -> None:
    (task,) = view([0.2, 0.5, 0.3], [0.6, 0.9, 0.7])["tasks"]
    overall = task["rows"][-1]
    assert overall["overall"]
    assert overall["wide"]["x0"] < overall["mark"]["x0"] < overall["mark"]["x1"] < overall["wide"]["x1"]


def test_every_run_is_listed_with_its_score(view: Callable[..., dict[str, Any]]) -> None:
    found = view([0.2, 0.3], [0.7, 0.8])
    assert [run["letter"] for run in found["runs"]] == ["A1", "A2", "B1", "B2"]
    assert all(run["scores"][0].endswith(" %") for run in found["runs"])
    assert found["design"] == "every run had its own training seed"


def test_samples_that_one_run_lacks_are_announced(arm: Callable[..., list[Any]]) -> None:
    pooled = compare_pools(arm("a", [0.3, 0.4]), arm("b", [0.6, 0.7], flaws=True, items=6))
    (task,) = pooled_view(pooled, RANGES)["tasks"]
    assert "no score in one run or more" in task["notice"]
    assert ("Scored in every run", "96.9 %") in task["facts"]


def test_adjusted_p_values_are_said_to_be_adjusted(view: Callable[..., dict[str, Any]]) -> None:
    (task,) = view([0.2, 0.3], [0.7, 0.8], family="categories")["tasks"]
    assert task["adjusted"]
    assert any("adjusted within their family, each claim by itself: Holm" in one for one in task["remarks"])


def test_where_models_differ_is_shown_for_all_of_them() -> None:
    models = [{"name": "a", "lr": 1}, {"name": "b", "lr": 1}, {"name": "a", "lr": 1, "steps": 5}]
    assert model_differences(models) == [("name", ["a", "b", "a"]), ("steps", ["absent", "absent", "5"])]


@pytest.mark.parametrize("design", [Design.INDEPENDENT, Design.PAIRED])
def test_the_page_holds_its_forest_and_no_address(
    arm: Callable[..., list[Any]], tmp_path: Path, design: Design
) -> None:
    a, b = arm("a", [0.2, 0.3]), arm("b", [0.7, 0.8])
    page = write_pooled_page(compare_pools(a, b, design=design), a[0], tmp_path / "new" / "runs.html")
    text = page.read_text(encoding="utf-8")
    assert text.count('<img src="data:image/svg+xml;base64,') == 1
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text)
    assert "Where the uncertainty comes from" in text
    assert "over training runs" in text


def test_the_page_of_a_refusal_says_why_and_draws_no_seeds(
    arm: Callable[..., list[Any]], tmp_path: Path
) -> None:
    a, b = arm("a", [0.2]), arm("b", [0.7])
    text = write_pooled_page(compare_pools(a, b), a[0], tmp_path / "runs.html").read_text(encoding="utf-8")
    assert f"{NO_CLAIM}." in text
    assert "with one run, claim that this checkpoint is better." in text
    assert "<img" not in text
    assert "Where the uncertainty comes from" not in text
    assert "method, 95 %" not in text


def test_hostile_names_are_text(arm: Callable[..., list[Any]], tmp_path: Path) -> None:
    a, b = arm("<script>x", [0.2, 0.3]), arm("b", [0.7, 0.8])
    text = write_pooled_page(compare_pools(a, b), a[0], tmp_path / "runs.html").read_text(encoding="utf-8")
    assert "<script>x" not in text
    assert html.escape("<script>x0") in text


def test_docstring_examples_hold() -> None:
    assert doctest.testmod(selfreward_eval.harness.report.pooled_view).failed == 0
