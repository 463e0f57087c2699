"""A panel: one speaks, everybody's words are kept, and their scores are compared."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.instruments.judge_panel import PanelJudge, panel_replies
from selfreward_eval.harness.instruments.judging import Judge, Turn
from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord, Status
from selfreward_eval.harness.testing.scripted_judge import ScriptedJudge
from selfreward_eval.tasks.judged.agreement import panel_agreement
from selfreward_eval.tasks.judged.evidence import JudgeSetup, recorded_replies
from selfreward_eval.tasks.judged.rescoring import rescored

ASKED = [[Turn("user", "two answers")]]


class Number:
    """A task whose score is what the reply to its only question says."""

    def remeasure(self, record: SampleRecord) -> Measurement:
        text = recorded_replies(record.measurement.evidence)["review"].text
        if text is None or not text.isdecimal():
            return Measurement(Status.JUDGE_PARSE_ERROR, reason="no number")
        return Measurement(Status.SUCCESS, {"score": float(text)})


def record(name: str, judge: Judge) -> SampleRecord:
    (reply,) = judge.replies([[Turn("user", name)]])
    evidence = json.loads(json.dumps(JudgeSetup.of(judge, {}, "plain").evidence({"review": reply})))
    sample = SampleRecord(0, Item(name, name, "c"), Sample(name, 0, 1), Measurement(Status.JUDGE_PARSE_ERROR))
    return replace(sample, measurement=Measurement(Status.JUDGE_PARSE_ERROR, evidence=evidence))


def says(**replies: str) -> ScriptedJudge:
    return ScriptedJudge(lambda turns: replies.get(turns[0].text))


def test_the_first_member_speaks_and_every_word_is_kept() -> None:
    panel = PanelJudge({"a": ScriptedJudge("8 7"), "b": ScriptedJudge("2 1")})
    assert isinstance(panel, Judge)
    (reply,) = panel.replies(ASKED)
    assert reply.text == "8 7"
    assert [one.text for one in panel_replies(reply)] == ["8 7", "2 1"]


def test_nobody_speaks_in_place_of_the_first() -> None:
    (reply,) = PanelJudge({"a": ScriptedJudge("x", fail="two"), "b": ScriptedJudge("2 1")}).replies(ASKED)
    assert (reply.text, reply.status) == (None, Status.JUDGE_TRANSPORT_ERROR)
    assert [one.text for one in panel_replies(reply)] == [None, "2 1"]


def test_repeats_ask_one_judge_again() -> None:
    judge = ScriptedJudge("8 7")
    (reply,) = PanelJudge({"a": judge}, repeats=3).replies(ASKED)
    assert (len(judge.asked), len(panel_replies(reply))) == (3, 3)


def test_members_can_be_named_as_on_the_command_line() -> None:
    members: dict[str, Any] = {"a": {"judge": "judge_shapes"}, "b": {"judge": "judge_scripted", "reply": "x"}}
    identity = PanelJudge(members).identity()
    assert [one["name"] for one in identity["members"]] == ["judge_shapes", "judge_scripted"]
    assert identity != PanelJudge(members, repeats=2).identity()


@pytest.mark.parametrize(
    ("members", "repeats", "fault"),
    [
        ({}, 1, "needs members"),
        ({"a": {"judge": "judge_shapes"}}, 1, "asked once"),
        ({"a": {"judge": "judge_shapes"}}, 0, "repeats"),
        ({"a": {"model": "x"}}, 2, "'a' lacks its judge"),
        ({"a": {"judge": "shapes_oracle"}}, 2, "'a' is no judge"),
    ],
)
def test_a_panel_that_is_none_is_refused(members: dict[str, Any], repeats: int, fault: str) -> None:
    with pytest.raises(UsageError, match=fault):
        PanelJudge(members, repeats)


def test_agreement_is_worked_out_from_recorded_replies() -> None:
    """Scores 1 1, 0 0, 1 0: alpha is 4/9 by hand."""
    panel = PanelJudge({"a": says(x="1", y="0", z="1"), "b": says(x="1", y="0", z="0")})
    found = panel_agreement(Number(), [record(name, panel) for name in "xyz"], "score")
    assert found is not None
    assert found.alpha == pytest.approx(4 / 9)
    assert (found.samples, found.failed) == (3, (0, 0))


def test_a_member_that_fails_is_counted_and_not_compared() -> None:
    panel = PanelJudge({"a": says(x="1", y="0", z="1"), "b": says(x="1", y="0", z="eleven")})
    found = panel_agreement(Number(), [record(name, panel) for name in "xyz"], "score")
    assert found is not None
    assert (found.alpha, found.samples, found.failed) == (1.0, 2, (0, 1))


def test_a_single_judge_has_no_agreement() -> None:
    assert panel_agreement(Number(), [record("x", says(x="1"))], "score") is None


def test_the_score_is_the_first_member_s() -> None:
    (one,) = rescored(Number(), [record("x", PanelJudge({"a": says(x="1"), "b": says(x="0")}))])
    assert one.measurement.values == {"score": 1.0}


def test_damaged_words_of_a_member_name_the_sample() -> None:
    damaged = record("x", PanelJudge({"a": says(x="1"), "b": says(x="0")}))
    damaged.measurement.evidence["replies"]["review"]["details"]["panel"][1] = {"text": "0"}
    with pytest.raises(InputError, match=r"item 'x'.*damaged"):
        panel_agreement(Number(), [damaged], "score")
