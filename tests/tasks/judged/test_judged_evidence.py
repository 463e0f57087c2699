"""Evidence: a judge's words survive the sample's line, and a score can be made of them again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.judging import Reply
from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord, Status
from selfreward_eval.harness.task import Remeasures
from selfreward_eval.harness.testing.scripted_judge import ScriptedJudge
from selfreward_eval.tasks.judged.evidence import JudgeSetup, recorded_replies, unanswered
from selfreward_eval.tasks.judged.rescoring import rescored

SILENCE = Reply(None, Status.JUDGE_TRANSPORT_ERROR, "HTTP 500", {"attempts": 6})
REPLIES = {"describe": Reply("a circle", details={"model": "m"}), "reason": SILENCE}


def asked() -> JudgeSetup:
    return JudgeSetup.of(ScriptedJudge("8 7", name="fair"), {"score": "ab12"}, "tolerant")


def test_replies_come_back_as_they_were() -> None:
    line = json.loads(json.dumps(asked().evidence(REPLIES, scores={"reason": [1.0]})))
    assert recorded_replies(line) == REPLIES
    assert line["scores"] == {"reason": [1.0]}


def test_evidence_names_judge_prompts_and_parser() -> None:
    evidence = asked().evidence(REPLIES)
    assert (evidence["judge"]["name"], evidence["judge"]["model"]) == ("judge_scripted", "fair")
    assert (evidence["prompts"], evidence["parser"]) == ({"score": "ab12"}, "tolerant")
    assert JudgeSetup.read(evidence, "strict") == JudgeSetup(evidence["judge"], {"score": "ab12"}, "strict")


def test_the_first_silence_is_the_samples_reason() -> None:
    measurement = unanswered(REPLIES, {})
    assert measurement is not None
    assert (measurement.status, measurement.values) == (Status.JUDGE_TRANSPORT_ERROR, {})
    assert measurement.reason == "no reply to 'reason': HTTP 500"
    assert unanswered({"describe": Reply("a circle")}, {}) is None


@pytest.mark.parametrize(
    "evidence",
    [
        {},
        {"replies": 3},
        {"replies": {"a": {}}},
        {"replies": {"a": {"text": None, "status": "success"}}},
        {"replies": {"a": {"text": "x", "status": "judge_transport_error"}}},
        {"replies": {"a": {"text": "x", "status": "splendid"}}},
    ],
)
def test_damaged_evidence_is_refused(evidence: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="cannot be scored again"):
        recorded_replies(evidence)


class Counts:
    """A task whose score is the length of the description."""

    def remeasure(self, record: SampleRecord) -> Measurement:
        text = recorded_replies(record.measurement.evidence)["describe"].text
        return Measurement(Status.SUCCESS, {"length": float(len(str(text)))})


def record(evidence: dict[str, Any], status: Status = Status.JUDGE_PARSE_ERROR) -> SampleRecord:
    item = Item("i", "a prompt", "c")
    return SampleRecord(0, item, Sample("i", 0, 1), Measurement(status, evidence=evidence))


def test_scores_are_made_anew_of_the_replies_alone() -> None:
    assert isinstance(Counts(), Remeasures)
    (again,) = rescored(Counts(), [record(asked().evidence(REPLIES))])
    assert again.measurement.values == {"length": 8.0}


def test_what_never_reached_a_judge_stays_as_it_is() -> None:
    missing = record({}, Status.MISSING_IMAGE)
    assert rescored(Counts(), [missing]) == [missing]


def test_a_damaged_sample_is_named() -> None:
    with pytest.raises(InputError, match="sample 0 of item 'i'"):
        rescored(Counts(), [record({"replies": 3})])
