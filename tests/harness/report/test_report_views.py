"""View models of a run and of a comparison: what the pages say, before any HTML."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.comparing.compare import compare_runs, load_run
from selfreward_eval.harness.records import Measurement, Status
from selfreward_eval.harness.report.comparison_view import comparison_view, tone
from selfreward_eval.harness.report.identity import differences, groups
from selfreward_eval.harness.report.pairs import item_means, pair_verdict, tally
from selfreward_eval.harness.report.run_view import run_view, task_view

TASK = "shapes_geneval"
MakeRun = Callable[..., Path]


def view_of(folder: Path) -> dict[str, Any]:
    run = load_run(folder)
    return run_view(run.manifest, run.scores, run.records)


def test_the_headline_says_value_interval_and_what_it_is_the_mean_of(make_run: MakeRun) -> None:
    run = load_run(make_run(flaws=False))
    task, overall = task_view(run.scores[TASK]), run.scores[TASK].overall
    assert overall.value is not None
    assert task["value"] == f"{100 * overall.value:.1f}"
    assert " to " in task["interval"]
    assert task["meaning"] == "unweighted mean of 4 categories"
    assert ("Samples scored", "48 of 48") in task["facts"]
    assert "not comparable" in task["comparable"]


def test_at_full_coverage_nothing_is_said_of_failures(make_run: MakeRun) -> None:
    task = view_of(make_run(flaws=False))["tasks"][0]
    assert (task["failures"], task["bounds"]) == ("", "")
    assert ("Coverage", "100 %") in task["facts"]


def test_failures_are_named_by_status_and_bounded(make_run: MakeRun) -> None:
    task = view_of(make_run(flaws=True))["tasks"][0]
    assert task["failures"].startswith("3 samples have no score: ")
    assert all(
        f"1 {name}" in task["failures"] for name in ("missing image", "generation error", "unreadable image")
    )
    assert "scored lowest the value would be" in task["bounds"]
    assert ("Coverage", "93.8 %") in task["facts"]


def test_a_value_that_is_absent_is_a_dash_and_not_a_zero(make_run: MakeRun) -> None:
    scores = load_run(make_run(flaws=False)).scores[TASK]
    nothing = replace(scores.overall, value=None, se=None, df=None, low=None, high=None, icc=None)
    task = task_view(replace(scores, overall=nothing))
    assert (task["value"], task["unit"], task["interval"]) == ("–", "", "")
    assert task["rows"][-1]["mark"] is None


def test_every_category_has_a_row_and_the_overall_one_is_last(make_run: MakeRun) -> None:
    rows = view_of(make_run())["tasks"][0]["rows"]
    assert [row["name"] for row in rows] == [
        "single_object",
        "counting",
        "two_object",
        "color_attr",
        "Overall",
    ]
    assert rows[0]["failed"] == "3"


def test_every_record_has_a_card_in_the_tasks_order(make_run: MakeRun) -> None:
    run = load_run(make_run())
    shuffled = {TASK: tuple(reversed(run.records[TASK]))}
    cards = run_view(run.manifest, run.scores, shuffled)["cards"]
    assert [(c["item_id"], c["index"]) for c in cards] == [
        (r.sample.item_id, r.sample.index) for r in sorted(run.records[TASK], key=lambda r: r.doc_id)
    ]


def test_long_lists_of_an_identity_are_summed_up() -> None:
    rows = groups({"model": {"layers": list(range(40)), "sizes": [1, 2]}})[0]["rows"]
    assert rows == [("layers", "40 entries, listed in run.json"), ("sizes", "1, 2")]


def test_differences_between_models_hide_nothing() -> None:
    a, b = {"name": "x", "parts": list(range(20)), "old": 1}, {"name": "x", "parts": [*range(19), 99]}
    found = differences(a, b)
    assert [row["key"] for row in found] == ["parts", "old"]
    assert found[0]["b"].endswith("99")
    assert found[1]["b"] == "absent"


def test_a_comparison_shows_the_statistics_that_it_was_given(make_run: MakeRun) -> None:
    a, b = (
        load_run(make_run("before", rate=0.3, items=8)),
        load_run(make_run("after", rate=0.8, items=8, flaws=False)),
    )
    comparison = compare_runs(a, b)
    task, overall = comparison_view(comparison, a, b)["tasks"][0], comparison.tasks[TASK].overall
    assert overall.effect is not None
    assert task["effect"] == f"+{100 * overall.effect:.1f}"
    assert task["verdict"] == overall.verdict
    assert task["tone"] == "up"
    assert task["tally"]["total"] == overall.n_items
    assert task["notice"].startswith("Some samples have no score")
    assert task["remarks"][0].startswith("The BCa bootstrap gives +")
    assert "not adjusted for their number" in task["remarks"][-1]
    assert [row["name"] for row in task["rows"]][-1] == "Overall"


def test_adjusted_p_values_have_a_column_and_a_sentence(make_run: MakeRun) -> None:
    a, b = load_run(make_run("before", rate=0.3, items=8)), load_run(make_run("after", rate=0.8, items=8))
    task = comparison_view(compare_runs(a, b, family="categories"), a, b)["tasks"][0]
    assert task["adjusted"]
    assert all(row["p_adjusted"] != "–" for row in task["rows"])
    assert task["remarks"][-2] == (
        "Verdicts go by p-values adjusted within their family: "
        "Holm over the categories of shapes_geneval (4)."
    )


def test_a_dot_is_coloured_by_the_adjusted_p(make_run: MakeRun) -> None:
    a, b = load_run(make_run("before", rate=0.3, items=8)), load_run(make_run("after", rate=0.8, items=8))
    overall = compare_runs(a, b).tasks[TASK].overall
    assert tone(replace(overall, p_adjusted=0.2), higher_is_better=True) == "open"


def test_pairs_join_the_same_item_and_seed(make_run: MakeRun) -> None:
    a, b = load_run(make_run("before", rate=0.3)), load_run(make_run("after", rate=0.8, flaws=False))
    view = comparison_view(compare_runs(a, b), a, b)
    assert len(view["pairs"]) == 48
    for pair in view["pairs"]:
        assert pair["a"]["seed"] == pair["b"]["seed"]
        assert (pair["verdict"] == "unscored") == ("unscored" in (pair["a"]["verdict"], pair["b"]["verdict"]))
    assert [row["key"] for row in view["model_differences"]] == ["name", "revision"]
    assert view["settings"][0]["title"] == "sampling"


def test_a_sample_recorded_in_one_run_only_is_shown_as_not_scored(make_run: MakeRun) -> None:
    a, b = load_run(make_run("before", flaws=False)), load_run(make_run("after", flaws=False))
    shorter = replace(b, records={TASK: b.records[TASK][1:]})
    first = comparison_view(compare_runs(a, shorter), a, shorter)["pairs"][0]
    assert (first["verdict"], first["b"]) == ("unscored", None)
    assert first["a"] is not None


def test_item_means_use_only_samples_scored_in_both(make_run: MakeRun) -> None:
    a, b = load_run(make_run("before", flaws=False)), load_run(make_run("after", flaws=False))
    first = a.records[TASK][0]
    failed = replace(first, measurement=Measurement(Status.GENERATION_ERROR))
    left = [failed, *a.records[TASK][1:]]
    expected = [r.measurement.values["correct"] for r in b.records[TASK][1:4]]
    assert item_means(left, b.records[TASK], "correct")[first.item.id][1] == pytest.approx(sum(expected) / 3)


def test_wins_follow_the_direction_of_the_metric() -> None:
    means = {"x": (0.0, 1.0), "y": (0.5, 0.5), "z": (0.2, 0.3)}
    up, down = tally(means, higher_is_better=True), tally(means, higher_is_better=False)
    assert (up["better"], up["equal"], up["worse"]) == (2, 1, 0)
    assert (down["better"], down["equal"], down["worse"]) == (0, 1, 2)
    assert tally({}, higher_is_better=True)["shares"] == {"better": 0.0, "equal": 0.0, "worse": 0.0}


@pytest.mark.parametrize(
    ("a", "b", "gap", "expected"),
    [
        ("wrong", "right", 1.0, "fixed"),
        ("right", "wrong", -1.0, "broken"),
        ("right", "right", 0.0, "both_right"),
        ("wrong", "wrong", 0.0, "both_wrong"),
        ("graded", "graded", 0.2, "better"),
        ("graded", "graded", -0.2, "worse"),
        ("graded", "graded", 0.0, "same"),
        ("unscored", "right", None, "unscored"),
    ],
)
def test_the_verdict_of_a_pair(a: str, b: str, gap: float | None, expected: str) -> None:
    assert pair_verdict(a, b, gap) == expected


def test_a_dot_is_coloured_only_beyond_chance(make_run: MakeRun) -> None:
    a, b = load_run(make_run("before", rate=0.3, items=8)), load_run(make_run("after", rate=0.8, items=8))
    overall = compare_runs(a, b).tasks[TASK].overall
    assert tone(overall, higher_is_better=True) == "up"
    assert tone(overall, higher_is_better=False) == "down"
    assert tone(replace(overall, p=0.3), higher_is_better=True) == "open"
    assert tone(replace(overall, p=None), higher_is_better=True) == "open"
