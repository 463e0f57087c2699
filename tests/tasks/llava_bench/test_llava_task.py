"""The whole task on invented files, with judges that fail."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.instruments.judging import Conversation
from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord, Status
from selfreward_eval.harness.runs.scores import TaskScores, summarise
from selfreward_eval.harness.testing.scripted_judge import ScriptedJudge
from selfreward_eval.tasks.judged.rescoring import rescored
from selfreward_eval.tasks.llava_bench.summary import relative_scores
from selfreward_eval.tasks.llava_bench.task import LlavaBenchCoco, LlavaBenchWild


def judge(conversation: Conversation) -> str:
    """The reference gets 8; the candidate more, the longer it is."""
    candidate = conversation[1].text.split("[Assistant 2]\n")[1].split("\n\n[End of Assistant 2]")[0]
    return f"8, {min(10, 1 + len(candidate))}\nIt is longer."


def answer(item: Item) -> str:
    return "x" * (int(item.id) % 7)


def measured(task: LlavaBenchWild, items: Sequence[Item] | None = None) -> list[SampleRecord]:
    items = task.items() if items is None else items
    samples = [Sample(item.id, 0, k, text=answer(item)) for k, item in enumerate(items)]
    found = task.measure(items, samples, [])
    return [SampleRecord(k, items[k], samples[k], found[k]) for k in range(len(items))]


def summed(task: LlavaBenchWild, records: Sequence[SampleRecord]) -> TaskScores:
    return summarise(task.info, task.metrics[0], task.items(), records, 1, task.extra(records))


@pytest.fixture
def task(wild: Path) -> LlavaBenchWild:
    return LlavaBenchWild(folder=str(wild), judge=ScriptedJudge(judge), faithful=True)


def test_a_judge_of_text_sees_context_question_reference_and_answer(wild: Path) -> None:
    script = ScriptedJudge("8 7")
    task = LlavaBenchWild(folder=str(wild), judge=script)
    measured(task, task.items()[5:6])
    ((system, user),) = script.asked
    assert (system.role, user.role, user.images) == ("system", "user", ())
    marks = ["[Context]\nPicture 1 shows a hat.\n", "[Question]\nWhat of picture 1, complex?\n"]
    marks += ["[Assistant 1]\nReference 5.\n", "[Assistant 2]\nxxxxx\n"]
    places = [user.text.index(mark) for mark in marks]
    assert places == sorted(places)


def test_an_answer_has_its_own_score_and_the_references(task: LlavaBenchWild) -> None:
    record = measured(task)[3]
    assert record.measurement.values == {"candidate": 4.0, "reference": 8.0}
    assert record.measurement.evidence["replies"]["review"]["text"] == "8, 4\nIt is longer."


def test_the_relative_score_is_given_per_category_and_over_all(task: LlavaBenchWild) -> None:
    records = measured(task)
    scores = summed(task, records)
    candidates = [record.measurement.values["candidate"] for record in records]
    assert scores.overall.value == pytest.approx(sum(candidates) / 12)
    assert scores.extra["relative"] == pytest.approx(100 * sum(candidates) / (12 * 8))
    assert scores.extra["relative_low"] < scores.extra["relative"] < scores.extra["relative_high"]
    assert {"relative_conv", "relative_detail", "relative_complex"} <= scores.extra.keys()
    assert "relative_bound_low" not in scores.extra
    assert relative_scores(records)["all"].images == 4


def test_images_are_the_clusters_of_the_headline(task: LlavaBenchWild) -> None:
    assert summed(task, measured(task)).overall.df == 3


@pytest.mark.parametrize("review", ["", "No comment.", "8", "8 11", "0 5"])
def test_a_review_that_cannot_be_read_is_a_status_with_the_raw_text(wild: Path, review: str) -> None:
    (record, *_) = measured(LlavaBenchWild(folder=str(wild), judge=ScriptedJudge(lambda _: review)))
    assert (record.measurement.status, record.measurement.values) == (Status.JUDGE_PARSE_ERROR, {})
    assert record.measurement.evidence["replies"]["review"]["text"] == review


def test_with_every_call_failing_nothing_is_scored(wild: Path) -> None:
    task = LlavaBenchWild(folder=str(wild), judge=ScriptedJudge("8 7", fail_rate=1.0), faithful=True)
    scores = summed(task, measured(task))
    assert (scores.overall.value, scores.overall.n_scored) == (None, 0)
    assert scores.failures == {"judge_transport_error": 12}
    assert scores.extra == {
        f"relative{category}_bound_{end}": value
        for category in ("", "_conv", "_detail", "_complex")
        for end, value in (("low", 10.0), ("high", 1000.0))
    }


@pytest.mark.parametrize("seed", range(6))
def test_the_bounds_hold_the_score_of_the_full_run(wild: Path, seed: int) -> None:
    whole = LlavaBenchWild(folder=str(wild), judge=ScriptedJudge(judge))
    failing = ScriptedJudge(judge, fail_rate=0.2, seed=seed)
    full = summed(whole, measured(whole))
    part = summed(whole, measured(LlavaBenchWild(folder=str(wild), judge=failing)))
    value = full.overall.value
    assert value is not None
    for low, high, of_full in (
        (part.overall.bound_low, part.overall.bound_high, value),
        (
            part.extra.get("relative_bound_low"),
            part.extra.get("relative_bound_high"),
            full.extra["relative"],
        ),
    ):
        assert (of_full if low is None else low) <= of_full <= (of_full if high is None else high)


def test_a_sample_without_an_answer_is_no_score(task: LlavaBenchWild) -> None:
    items = task.items()[:2]
    samples = [Sample(items[0].id, 0, 0), Sample(items[1].id, 0, 0, text="yes")]
    first, second = task.measure(items, samples, [])
    assert (first.status, second.status) == (Status.MEASUREMENT_ERROR, Status.SUCCESS)


# Upstream's arithmetic


def test_faithful_numbers_average_what_upstream_cannot_read(wild: Path) -> None:
    """Every review says ``8, 7``: read here, -1 upstream."""
    task = LlavaBenchWild(folder=str(wild), judge=ScriptedJudge("8, 7"), faithful=True)
    extra = task.extra(measured(task))
    assert extra["relative"] == pytest.approx(87.5)
    assert (extra["faithful_relative"], extra["faithful_candidate_x10_conv"]) == (100.0, -10.0)


def test_faithful_numbers_come_only_if_asked_for(wild: Path) -> None:
    task = LlavaBenchWild(folder=str(wild), judge=ScriptedJudge("8 7"))
    assert not any(name.startswith("faithful") for name in task.extra(measured(task)))


def test_upstream_has_no_number_where_a_review_never_came(task: LlavaBenchWild) -> None:
    records = measured(task)
    lost = SampleRecord(99, records[0].item, records[0].sample, Measurement(Status.MISSING_IMAGE))
    assert "faithful_relative" in task.extra(records)
    assert "faithful_relative" not in task.extra([*records, lost])


# Scoring again


def test_scores_are_made_again_without_the_judge(task: LlavaBenchWild, wild: Path) -> None:
    records = [SampleRecord.from_json(json.loads(json.dumps(r.to_json()))) for r in measured(task)]
    gone = ScriptedJudge(lambda _: pytest.fail("the judge was asked"))
    assert rescored(LlavaBenchWild(folder=str(wild), judge=gone), records) == records
    strictly = rescored(LlavaBenchWild(folder=str(wild), judge=gone, parser="strict"), records)
    assert {record.measurement.status for record in strictly} == {Status.JUDGE_PARSE_ERROR}


def test_a_sample_without_a_review_cannot_be_scored_again(task: LlavaBenchWild) -> None:
    record = measured(task)[0]
    evidence = {**record.measurement.evidence, "replies": {}}
    broken = SampleRecord(
        0, record.item, record.sample, Measurement(Status.JUDGE_PARSE_ERROR, evidence=evidence)
    )
    with pytest.raises(InputError, match="holds no review"):
        rescored(task, [broken])


# Prompts


def test_a_users_prompts_are_used_and_hashed(wild: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_text("$context|$question|$reference|$candidate")
    script = ScriptedJudge("8 7")
    task = LlavaBenchWild(folder=str(wild), judge=script, compare=str(own))
    measured(task, task.items()[:1])
    assert script.asked[0][1].text == "Picture 0 shows a hat.|What of picture 0, conv?|Reference 0.|"
    assert task.options()["prompts"] != LlavaBenchWild(folder=str(wild)).options()["prompts"]


def test_upstreams_rules_come_from_its_own_file(official: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_text("$context $question $reference $candidate\n[System]\n$rule")
    script = ScriptedJudge("8 7")
    task = LlavaBenchCoco(judge=script, compare=str(own))
    items = task.items()[:1]
    task.measure(items, [Sample(items[0].id, 0, 0, text="black")], [])
    rules = json.loads((official / "llava" / "eval" / "table" / "rule.json").read_text())
    assert script.asked[0][1].text.endswith(rules["conv"]["prompt"])
    assert task.options()["prompts"].keys() == {
        "system",
        "compare",
        "rule_conv",
        "rule_detail",
        "rule_complex",
    }


def test_a_prompt_that_hides_the_answer_is_refused(wild: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_text("$context $question $reference")
    with pytest.raises(UsageError, match=r"lacks \$candidate"):
        LlavaBenchWild(folder=str(wild), judge=ScriptedJudge("8 7"), compare=str(own)).options()


def test_a_judge_must_be_named_whole(wild: Path) -> None:
    with pytest.raises(UsageError, match="judge_openai"):
        LlavaBenchWild(folder=str(wild)).instruments()


def test_an_unknown_parser_is_refused_at_once() -> None:
    with pytest.raises(UsageError, match="lenient"):
        LlavaBenchWild(parser="lenient")
