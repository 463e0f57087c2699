"""The whole task on invented files, with judges that think and judges that are cut."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.instruments.judging import Conversation, Reply
from selfreward_eval.harness.records import Measurement, Sample, Status
from selfreward_eval.harness.testing.scripted_judge import ScriptedJudge
from selfreward_eval.tasks.t2i_reasonbench.task import T2IReasonBench

pytestmark = pytest.mark.usefixtures("invented")


def scores_for(text: str) -> str:
    """A judge's reply to a scoring turn: one of 0, 0.5 and 1 per question, decided by the turn's words."""
    count = sum(line.startswith("q") and line.partition(":")[0][1:].isdigit() for line in text.splitlines())
    draw = random.Random(text)
    return json.dumps({"reason": ["..."] * count, "score": [draw.choice([0, 0.5, 1]) for _ in range(count)]})


def judge(conversation: Conversation) -> str:
    """Describes by the picture's first pixel, scores by the description."""
    if len(conversation) == 1:
        return f"A picture of {conversation[0].images[0].getpixel((0, 0))}."
    return scores_for(conversation[1].text + "\n" + conversation[2].text)


def measured(task: T2IReasonBench) -> list[Measurement]:
    items = task.items()
    samples = [Sample(item.id, 0, k) for k, item in enumerate(items)]
    return task.measure(items, samples, [Image.new("RGB", (8, 8), (k, 0, 0)) for k in range(len(items))])


def test_a_judge_that_thinks_keeps_its_coverage_and_its_thoughts_to_itself() -> None:
    def thinks(conversation: Conversation) -> str:
        if len(conversation) == 1:
            return f"<think>a dog?</think>{judge(conversation)}"
        assert "think" not in conversation[1].text
        return '<think>{"score": [0]} or {"score": [1]}</think>' + judge(conversation)

    def plain(records: list[Measurement]) -> list[Any]:
        return [record.values for record in records]

    thinking = measured(T2IReasonBench(ScriptedJudge(thinks)))
    assert plain(thinking) == plain(measured(T2IReasonBench(ScriptedJudge(judge))))
    assert thinking[0].evidence["replies"]["describe"]["text"].startswith("<think>a dog?")


def test_a_description_that_ends_within_its_thoughts_is_not_asked_about() -> None:
    script = ScriptedJudge("<think>perhaps a dog")
    records = measured(T2IReasonBench(script))
    assert len(script.asked) == len(records)
    first = records[0]
    assert (first.status, first.values) == (Status.JUDGE_PARSE_ERROR, {})
    assert first.reason == "describe: the reply ends within its thoughts, before a verdict"


def test_a_reply_that_was_cut_is_scored_only_if_its_scores_were_complete() -> None:
    def cut(conversation: Conversation) -> Reply:
        return Reply(judge(conversation)[:-2], details={"finish_reason": "length"})

    records = measured(T2IReasonBench(ScriptedJudge(cut)))
    assert {record.status for record in records} == {Status.JUDGE_PARSE_ERROR}
    assert "the reply was cut" in records[0].reason
