"""How a judge's scores stand to labels; what failed is in no number."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from selfreward_eval.harness.records import Status
from selfreward_eval.harness.testing.scripted_judge import ScriptedJudge
from selfreward_eval.tasks.judge_check.cases import Case, Labelled
from selfreward_eval.tasks.judge_check.checking import (
    QuestionResult,
    ask_cases,
    calibration,
    failures,
    groupings,
    summary,
)
from selfreward_eval.tasks.t2i_reasonbench.questions import JudgeQuestion


def square() -> Image.Image:
    return Image.new("RGB", (4, 4), "red")


def case(name: str, *truths: float, picture: Callable[[], Image.Image] = square) -> Case:
    asked = tuple(
        Labelled(JudgeQuestion(f"{name}, question {k}?", "1: yes; 0: no."), truth, "kind")
        for k, truth in enumerate(truths)
    )
    return Case(name, asked, picture, {"source": "test"})


def says(*scores: float) -> str:
    return json.dumps({"reason": [], "score": list(scores)})


def answered(*pairs: tuple[float, float | None]) -> list[QuestionResult]:
    """One picture per (truth, score)."""
    return [
        QuestionResult(
            str(k),
            {"question": "kind"},
            "?",
            truth,
            Status.SUCCESS if score is not None else Status.JUDGE_PARSE_ERROR,
            score,
        )
        for k, (truth, score) in enumerate(pairs)
    ]


def test_bias_and_accuracy_by_hand() -> None:
    found = summary(answered((1, 1), (0, 1), (0, 0.5), (1, 1)))
    assert (found.asked, found.scored, found.accuracy) == (4, 4, 0.5)
    assert found.bias is not None
    assert found.bias.value == pytest.approx(1.5 / 4)
    # Errors 0, 1, 0.5, 0: variance 0.6875 / 3.
    assert found.bias.se == pytest.approx((0.6875 / 3 / 4) ** 0.5)


def test_a_judge_that_is_always_right_is_not_surely_so() -> None:
    found = summary(answered(*[(1, 1)] * 10))
    assert found.accuracy == 1.0
    assert found.accuracy_low is not None
    assert found.accuracy_low < 0.75


def test_failures_are_in_no_number() -> None:
    scored = answered((1, 1), (0, 1))
    both = [*scored, *answered((0, None), (1, None), (1, None))]
    assert failures(both) == {"judge_parse_error": 3}
    found, without = summary(both), summary(scored)
    assert (found.asked, found.scored) == (5, 2)
    assert (found.accuracy, found.bias) == (without.accuracy, without.bias)


def test_nothing_scored_has_no_numbers() -> None:
    found = summary(answered((1, None)))
    assert (found.accuracy, found.bias) == (None, None)
    assert calibration(answered((1, None))) == []


def test_questions_of_one_picture_are_one_unit() -> None:
    answers = [QuestionResult("one", {}, "?", 0.0, Status.SUCCESS, 1.0) for _ in range(50)]
    found = summary(answers)
    assert (found.accuracy, found.accuracy_low) == (0.0, None)
    assert found.bias is not None
    assert (found.bias.value, found.bias.se, found.bias.n) == (1.0, None, 1)


def test_a_calibration_has_a_bin_for_every_score() -> None:
    bins = calibration(answered((1, 1), (0, 1), (0.5, 0.5), (0, 0)))
    assert [(one.score, one.truth.value, one.truth.n) for one in bins] == [
        (0, 0, 1),
        (0.5, 0.5, 1),
        (1, 0.5, 2),
    ]


def test_many_scores_are_joined_in_bins_of_equal_width() -> None:
    bins = calibration(answered(*[(k / 40, k / 40) for k in range(41)]), bins=4)
    assert [one.truth.n for one in bins] == [10, 10, 10, 11]
    assert all(one.score == pytest.approx(one.truth.value) for one in bins)


def test_replies_become_scores_beside_labels() -> None:
    judge = ScriptedJudge(lambda turns: says(1, 0.5) if len(turns) > 1 else "a red square")
    found = ask_cases(judge, [case("a", 1, 0)])
    assert [(one.truth, one.score, one.status) for one in found.answers] == [
        (1, 1.0, Status.SUCCESS),
        (0, 0.5, Status.SUCCESS),
    ]
    assert found.evidence["a"]["replies"]["questions"]["text"] == says(1, 0.5)
    assert list(groupings(found.answers)) == ["question", "source"]


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (None, Status.JUDGE_TRANSPORT_ERROR),
        ("no idea", Status.JUDGE_PARSE_ERROR),
        (says(1), Status.JUDGE_PARSE_ERROR),
        (says(1, 7), Status.JUDGE_PARSE_ERROR),
    ],
)
@pytest.mark.parametrize("parser", ["tolerant", "official"])
def test_a_failed_call_is_a_status(reply: str | None, status: Status, parser: str) -> None:
    judge = ScriptedJudge(lambda turns: reply if len(turns) > 1 else "a red square")
    found = ask_cases(judge, [case("a", 1, 0)], parser)
    assert [(one.status, one.score) for one in found.answers] == [(status, None)] * 2
    assert all(one.reason for one in found.answers)


def test_one_failure_costs_its_own_picture_only() -> None:
    judge = ScriptedJudge(lambda turns: says(1) if len(turns) > 1 else "seen", fail="b, question")
    found = ask_cases(judge, [case("a", 1), case("b", 1), case("c", 1)])
    assert [one.score for one in found.answers] == [1.0, None, 1.0]


def test_a_missing_or_damaged_picture_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "damaged.png").write_bytes(b"no picture")
    judge = ScriptedJudge("seen")
    cases = [
        case("gone", 1, picture=lambda: Image.open(tmp_path / "gone.png")),
        case("damaged", 1, picture=lambda: Image.open(tmp_path / "damaged.png")),
    ]
    found = ask_cases(judge, cases)
    assert [one.status for one in found.answers] == [Status.MISSING_IMAGE, Status.UNREADABLE_IMAGE]
    assert "gone.png" in found.answers[0].reason
    assert judge.asked == []
