"""What is corrected together, and that verdicts go by it."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import selfreward_eval.harness.comparing.families
from selfreward_eval.harness.comparing.compare import compare_runs, load_run
from selfreward_eval.harness.comparing.families import adjust, declare
from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.runs.reader import Run

MakeRun = Callable[..., Path]
TASKS = {"a": ["one", "two"], "b": ["one"]}


@pytest.fixture
def arms(make_run: MakeRun) -> tuple[Run, Run]:
    """Two runs of four tasks: in ``gain`` B is better on five items of sixty, elsewhere nothing differs."""

    def arm(name: str, gained: int) -> Run:
        runs = []
        for task in ("gain", "flat1", "flat2", "flat3"):
            better = gained if task == "gain" else 0
            marks = {"x": [[1, 0]] * better + [[0, 0]] * (60 - better)}
            runs.append(load_run(make_run(f"{task}/{name}", marks, task=task)))
        plans = {task: plan for run in runs for task, plan in run.manifest.identity["tasks"].items()}
        manifest = replace(runs[0].manifest, identity={**runs[0].manifest.identity, "tasks": plans})
        return replace(
            runs[0],
            manifest=manifest,
            scores={task: scores for run in runs for task, scores in run.scores.items()},
            records={task: records for run in runs for task, records in run.records.items()},
        )

    return arm("before", 0), arm("after", 5)


def test_by_default_the_headlines_of_all_tasks_are_one_family() -> None:
    (family,) = declare("headlines", "holm", TASKS)
    assert family.members == ("a", "b")
    assert family.how == "Holm over the headline scores (2)"


def test_categories_are_a_family_per_task_beside_the_headlines() -> None:
    families = declare("categories", "bh", TASKS)
    assert [family.members for family in families] == [("a", "b"), ("a/one", "a/two"), ("b/one",)]


def test_a_family_may_be_spelt_out_and_none_may_be_declared() -> None:
    (family,) = declare("b, a/two,b", "by", TASKS)
    assert family.members == ("b", "a/two")
    assert declare("none", "holm", TASKS) == ()


@pytest.mark.parametrize(
    ("family", "correction", "said"),
    [
        ("a/tow", "holm", "did you mean a/two?"),
        ("headline", "holm", "did you mean headlines?"),
        (" , ", "holm", "--family names nothing"),
        ("none", "bonferroni", "--correction 'bonferroni' is not known; choose holm, bh, by"),
    ],
)
def test_what_is_not_compared_cannot_be_declared(family: str, correction: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        declare(family, correction, TASKS)
    assert said in str(caught.value)


def test_a_score_without_a_test_was_asked_nonetheless() -> None:
    families = declare("headlines", "holm", {"a": [], "b": [], "c": []})
    assert adjust(families, {"a": 0.02, "b": None, "c": 0.5}) == {"a": 0.06, "b": None, "c": 1.0}


def test_the_verdict_goes_by_the_adjusted_p_and_says_so(arms: tuple[Run, Run]) -> None:
    alone = compare_runs(*arms, family="none").tasks["gain"].overall
    together = compare_runs(*arms).tasks["gain"].overall
    assert alone.p is not None
    assert 0.0125 < alone.p <= 0.05, "the example must lie where four tasks make the difference"
    assert (alone.verdict, alone.p_adjusted, alone.family) == ("B is better than A", None, None)
    assert together.p == alone.p
    assert together.p_adjusted == pytest.approx(4 * alone.p)
    assert together.verdict == (
        "no evidence of a difference after correction (Holm over the headline scores (4))"
    )


def test_categories_are_not_corrected_unless_declared(arms: tuple[Run, Run]) -> None:
    plain = compare_runs(*arms).tasks["gain"].categories["x"]
    declared = compare_runs(*arms, family="gain/x,flat1/x").tasks["gain"].categories["x"]
    assert (plain.p_adjusted, plain.verdict) == (None, "B is better than A")
    assert declared.p_adjusted is not None
    assert declared.p is not None
    assert declared.p_adjusted == pytest.approx(2 * declared.p)
    assert declared.family == "the declared scores"


def test_the_families_are_part_of_the_record(arms: tuple[Run, Run]) -> None:
    content = compare_runs(*arms, correction="by").to_json()
    assert content["families"] == (
        {"name": "the headline scores", "correction": "by", "members": ("gain", "flat1", "flat2", "flat3")},
    )


def test_docstring_examples_hold() -> None:
    result = doctest.testmod(selfreward_eval.harness.comparing.families)
    assert result.attempted > 0
    assert result.failed == 0
