"""The whole task on invented files, with judges that fail in every way."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.instruments.judge_openai import OpenAIJudge
from selfreward_eval.harness.instruments.judging import Conversation, Reply
from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord, Status
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.runs.scores import TaskScores, summarise
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.harness.testing.scripted_endpoint import Response, ScriptedEndpoint, last_turn_text
from selfreward_eval.harness.testing.scripted_judge import ScriptedJudge
from selfreward_eval.tasks.judged.evidence import JudgeSetup
from selfreward_eval.tasks.judged.rescoring import rescored
from selfreward_eval.tasks.t2i_reasonbench.dimensions import DIMENSIONS
from selfreward_eval.tasks.t2i_reasonbench.measuring import read_replies
from selfreward_eval.tasks.t2i_reasonbench.parsing import PARSERS
from selfreward_eval.tasks.t2i_reasonbench.task import T2IReasonBench


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


def measured(task: T2IReasonBench, items: Sequence[Item] | None = None) -> list[SampleRecord]:
    items = task.items() if items is None else items
    samples = [Sample(item.id, 0, k) for k, item in enumerate(items)]
    images = [Image.new("RGB", (8, 8), (k, 0, 0)) for k in range(len(items))]
    found = task.measure(items, samples, images)
    return [SampleRecord(k, items[k], samples[k], found[k]) for k in range(len(items))]


def summed(task: T2IReasonBench, records: Sequence[SampleRecord]) -> TaskScores:
    return summarise(task.info, task.metrics[0], task.items(), records, 1, task.extra(records))


pytestmark = pytest.mark.usefixtures("invented")


def test_a_picture_is_described_and_then_asked_block_by_block() -> None:
    script = ScriptedJudge(judge)
    task = T2IReasonBench(script)
    item = next(item for item in task.items() if item.id == "entity-0001")
    measured(task, [item])
    describe, *blocks = script.asked
    assert [turn.role for turn in describe] == ["user"]
    assert [[turn.role for turn in block] for block in blocks] == [["user", "assistant", "user"]] * 3
    assert all(block[0] == describe[0] and len(block[0].images) == 1 for block in blocks)
    assert all(block[1].text == "A picture of (0, 0, 0)." for block in blocks)
    assert "q2: Is it so (2)?\nc2: 1: yes. 0.5: half. 0: no." in blocks[0][2].text
    counts = ["there are 2 in all", "there are 3 in all", "there are 1 in all"]
    assert all(count in block[2].text for count, block in zip(counts, blocks, strict=True))


def test_values_are_the_blocks_means_weighed() -> None:
    replies = iter(["d", '{"score": [1, 0.5]}', '{"score": [1, 0, 0.5]}', '{"score": [1]}'])
    task = T2IReasonBench(ScriptedJudge(lambda _: next(replies)))
    item = next(item for item in task.items() if item.id == "scientific-0001")
    (record,) = measured(task, [item])
    assert record.measurement.values == {
        "accuracy": pytest.approx(0.7 * 0.75 + 0.3 * 0.5),
        "quality": 1.0,
    }
    assert record.measurement.reason == "scientific 1, 0.5; details 1, 0, 0.5; quality 1"
    assert record.measurement.evidence["scores"]["details"] == [1.0, 0.0, 0.5]


def test_accuracy_is_the_headline_and_the_mean_of_four_dimensions() -> None:
    task = T2IReasonBench(ScriptedJudge(judge))
    records = measured(task)
    scores = summed(task, records)
    by_dimension = {
        name: [r.measurement.values["accuracy"] for r in records if r.item.category == name]
        for name in DIMENSIONS
    }
    means = [sum(values) / len(values) for values in by_dimension.values()]
    assert scores.overall.value == pytest.approx(sum(means) / 4)
    assert list(scores.categories) == list(DIMENSIONS)
    assert scores.extra["official_accuracy_idiom"] == round(100 * means[0], 2)
    assert scores.extra["official_accuracy"] == round(sum(round(100 * one, 2) for one in means) / 4, 1)
    qualities = [r.measurement.values["quality"] for r in records]
    assert scores.extra["quality"] == pytest.approx(sum(qualities) / len(qualities))


@pytest.mark.parametrize("parser", list(PARSERS))
def test_a_block_that_was_never_asked_has_no_number(parser: str) -> None:
    task = T2IReasonBench(ScriptedJudge(judge))
    item = next(item for item in task.items() if item.id == "scientific-0001")
    replies = {"describe": Reply("d"), "scientific": Reply('{"score": [1, 1]}')}
    measurement = read_replies(item, replies, JudgeSetup.of(ScriptedJudge(judge), {}, parser))
    assert measurement.status is Status.JUDGE_TRANSPORT_ERROR
    assert "no reply to 'details'" in measurement.reason


FAILURES = {
    "too few": '{"score": []}',
    "off the scale": '{"score": [7, 7, 7]}',
    "words": "I would say it is fine.",
}


@pytest.mark.parametrize("reply", FAILURES.values(), ids=FAILURES.keys())
def test_a_reply_that_cannot_be_read_is_a_status_with_the_raw_text(reply: str) -> None:
    def fails(conversation: Conversation) -> str:
        return reply if len(conversation) > 1 else "a description"

    records = measured(T2IReasonBench(ScriptedJudge(fails)))
    assert {record.measurement.status for record in records} == {Status.JUDGE_PARSE_ERROR}
    first = records[0].measurement
    assert first.values == {}
    assert first.evidence["replies"]["reason"]["text"] == reply
    assert first.reason.startswith("reason: ")


def test_a_judge_that_thinks_keeps_its_coverage_and_its_thoughts_to_itself() -> None:
    def thinks(conversation: Conversation) -> str:
        if len(conversation) == 1:
            return f"<think>a dog?</think>{judge(conversation)}"
        assert "think" not in conversation[1].text
        return '<think>{"score": [0]} or {"score": [1]}</think>' + judge(conversation)

    def plain(records: list[SampleRecord]) -> list[Any]:
        return [record.measurement.values for record in records]

    thinking = measured(T2IReasonBench(ScriptedJudge(thinks)))
    assert plain(thinking) == plain(measured(T2IReasonBench(ScriptedJudge(judge))))
    assert thinking[0].measurement.evidence["replies"]["describe"]["text"].startswith("<think>a dog?")


def test_a_description_that_ends_within_its_thoughts_is_not_asked_about() -> None:
    script = ScriptedJudge("<think>perhaps a dog")
    records = measured(T2IReasonBench(script))
    assert len(script.asked) == len(records)
    first = records[0].measurement
    assert (first.status, first.values) == (Status.JUDGE_PARSE_ERROR, {})
    assert first.reason == "describe: the reply ends within its thoughts, before a verdict"


def test_a_reply_that_was_cut_is_scored_only_if_its_scores_were_complete() -> None:
    def cut(conversation: Conversation) -> Reply:
        return Reply(judge(conversation)[:-2], details={"finish_reason": "length"})

    records = measured(T2IReasonBench(ScriptedJudge(cut)))
    assert {record.measurement.status for record in records} == {Status.JUDGE_PARSE_ERROR}
    assert "the reply was cut" in records[0].measurement.reason


def test_a_description_that_does_not_come_costs_no_further_asking() -> None:
    script = ScriptedJudge(lambda turns: None if len(turns) == 1 else "never")
    records = measured(T2IReasonBench(script))
    assert {record.measurement.status for record in records} == {Status.JUDGE_TRANSPORT_ERROR}
    assert len(script.asked) == len(records)
    assert records[0].measurement.reason == "no reply to 'describe': nothing to say to this"


def test_with_every_call_failing_nothing_is_scored() -> None:
    task = T2IReasonBench(ScriptedJudge("x", fail_rate=1.0))
    scores = summed(task, measured(task))
    assert (scores.overall.value, scores.overall.n_scored, scores.overall.coverage) == (None, 0, 0.0)
    assert (scores.overall.bound_low, scores.overall.bound_high) == (0.0, 1.0)
    assert scores.extra == {}
    assert scores.failures == {"judge_transport_error": 12}


@pytest.mark.parametrize("seed", range(8))
def test_the_bounds_hold_the_score_of_the_full_run(seed: int) -> None:
    whole = T2IReasonBench(ScriptedJudge(judge))
    partial = T2IReasonBench(ScriptedJudge(judge, fail_rate=0.1, seed=seed))
    full, part = summed(whole, measured(whole)).overall, summed(partial, measured(partial)).overall
    assert full.value is not None
    low = full.value if part.bound_low is None else part.bound_low
    high = full.value if part.bound_high is None else part.bound_high
    assert low <= full.value <= high


FAILED = st.sampled_from([Status.JUDGE_TRANSPORT_ERROR, Status.JUDGE_PARSE_ERROR])


def record(number: int, dimension: str, accuracy: float | None, status: Status) -> SampleRecord:
    item = Item(f"{dimension}-{number:04d}", "a prompt", dimension)
    if accuracy is None:
        measurement = Measurement(status)
    else:
        scores = {block: [accuracy] for block in DIMENSIONS[dimension].blocks}
        measurement = Measurement(
            Status.SUCCESS, {"accuracy": accuracy, "quality": accuracy}, evidence={"scores": scores}
        )
    return SampleRecord(number, item, Sample(item.id, 0, 0), measurement)


RECORDS = st.lists(
    st.tuples(st.sampled_from(list(DIMENSIONS)), st.sampled_from([0.0, 0.25, 0.5, 1.0])),
    min_size=1,
    max_size=30,
)


@given(RECORDS, st.lists(st.tuples(st.sampled_from(list(DIMENSIONS)), FAILED), max_size=8))
def test_a_failed_judgement_never_changes_a_mean(
    good: list[tuple[str, float]], bad: list[tuple[str, Status]]
) -> None:
    task = T2IReasonBench(ScriptedJudge("x"))
    scored = [record(k, name, value, Status.SUCCESS) for k, (name, value) in enumerate(good)]
    failed = [record(100 + k, name, None, status) for k, (name, status) in enumerate(bad)]
    assert task.extra([*scored, *failed]) == task.extra(scored)
    before = summarise(task.info, task.metrics[0], [r.item for r in scored], scored, 1)
    items = [r.item for r in [*scored, *failed] if r.item.category in before.categories]
    after = summarise(
        task.info, task.metrics[0], items, [r for r in [*scored, *failed] if r.item in items], 1
    )
    assert after.overall.value == before.overall.value
    assert {k: v.value for k, v in after.categories.items()} == {
        k: v.value for k, v in before.categories.items()
    }


@given(RECORDS, st.randoms(use_true_random=False))
def test_the_order_of_the_samples_changes_nothing(
    good: list[tuple[str, float]], shuffle: random.Random
) -> None:
    task = T2IReasonBench(ScriptedJudge("x"))
    scored = [record(k, name, value, Status.SUCCESS) for k, (name, value) in enumerate(good)]
    other = list(scored)
    shuffle.shuffle(other)
    assert task.extra(other) == task.extra(scored)


# Scoring again


def test_scores_are_made_again_without_the_judge() -> None:
    def fenced(conversation: Conversation) -> str:
        return f"```json\n{judge(conversation)}\n```"

    task = T2IReasonBench(ScriptedJudge(fenced))
    records = [SampleRecord.from_json(json.loads(json.dumps(r.to_json()))) for r in measured(task)]
    gone = ScriptedJudge(lambda _: pytest.fail("the judge was asked"))
    assert rescored(T2IReasonBench(gone), records) == records
    strictly = rescored(T2IReasonBench(gone, parser="strict"), records)
    assert {record.measurement.status for record in strictly} == {Status.JUDGE_PARSE_ERROR}
    assert rescored(T2IReasonBench(gone), strictly) == records


def test_a_sample_without_replies_cannot_be_scored_again() -> None:
    item = T2IReasonBench().items()[0]
    broken = Measurement(Status.JUDGE_PARSE_ERROR, evidence={"replies": {}, "judge": 3})
    with pytest.raises(InputError, match="idiom-0001"):
        rescored(T2IReasonBench(), [SampleRecord(0, item, Sample(item.id, 0, 0), broken)])


# With the runner, and over HTTP


def rule(request: dict[str, Any], before: int) -> Response:
    """An endpoint that stumbles over every third thing once, and then answers as :func:`judge`."""
    text = last_turn_text(request)
    if before == 0:
        trouble = [
            Response(status=500),
            Response(status=429, headers={"Retry-After": "0"}),
            Response("x", half=True),
        ]
        kind = len(text) % 6
        if kind < 3:
            return trouble[kind]
    if len(request["messages"]) == 1:
        return Response("A picture.")
    return Response(scores_for(text))


def test_a_run_over_http_loses_no_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "OPENAI_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    with ScriptedEndpoint(rule) as endpoint:
        asking = OpenAIJudge("m", endpoint.url, backoff=0.001, timeout=5.0)
        done = run(DummyModel(), [T2IReasonBench(asking)], tmp_path / "runs", batch_size=5)
    scores = done.scores["t2i_reasonbench"]
    assert (scores.overall.n_scored, scores.overall.coverage, scores.failures) == (12, 1.0, {})
    assert "Authorization" not in (done.folder / "run.json").read_text()


def test_replies_that_are_kept_are_not_paid_for_twice(tmp_path: Path) -> None:
    first, second = ScriptedJudge(judge), ScriptedJudge(judge)
    kept = str(tmp_path / "replies.jsonl")
    records = measured(T2IReasonBench(first, replies=kept))
    again = measured(T2IReasonBench(second, replies=kept))
    assert [r.measurement for r in again] == [r.measurement for r in records]
    assert second.asked == []


# Identity


def test_prompts_and_parser_are_part_of_the_identity(tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_text("Score these: $questions")
    usual = T2IReasonBench().options()
    assert usual["parser"] == "tolerant"
    assert T2IReasonBench(parser="strict").options() != usual
    mine = T2IReasonBench(score=str(own)).options()
    assert mine["prompts"]["score"] != usual["prompts"]["score"]
    assert mine["prompts"]["describe"] == usual["prompts"]["describe"]


def test_the_judge_is_in_the_identity() -> None:
    assert T2IReasonBench(ScriptedJudge("x")).instruments()["judge"]["name"] == "judge_scripted"


def test_an_unknown_parser_is_refused_at_once() -> None:
    with pytest.raises(UsageError, match="lenient"):
        T2IReasonBench(parser="lenient")
