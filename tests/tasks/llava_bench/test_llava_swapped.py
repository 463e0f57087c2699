"""Asked in both orders: what a liking for a place cannot do any more, and that it is told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.instruments.judging import Conversation, Reply
from selfreward_eval.harness.records import Item, Sample, SampleRecord, Status
from selfreward_eval.harness.testing.scripted_judge import ScriptedJudge
from selfreward_eval.tasks.judged.rescoring import rescored
from selfreward_eval.tasks.llava_bench.orders import both_orders
from selfreward_eval.tasks.llava_bench.task import LlavaBench, LlavaBenchCoco, LlavaBenchWild

Says = Callable[[Conversation], str | Reply]
PLACES = re.compile(r"\[Assistant 1\]\n(.*?)\n\n\[End.*\[Assistant 2\]\n(.*?)\n\n\[End", re.DOTALL)
SCORE = st.integers(2, 20).map(lambda half: half / 2)


def places(conversation: Conversation) -> tuple[str, str]:
    """Both answers, first place first."""
    found = PLACES.search(conversation[1].text)
    assert found is not None
    return found[1], found[2]


def liking_the_first(conversation: Conversation) -> str:
    """A reference is worth 6 and anything else 5; the first place is worth two points more."""
    first, second = (6 if answer.startswith("Reference") else 5 for answer in places(conversation))
    return f"{first + 2} {second}"


def answered(task: LlavaBench, items: Sequence[Item], text: str = "mine") -> list[SampleRecord]:
    samples = [Sample(item.id, 0, 0, text=text) for item in items]
    found = task.measure(items, samples, [])
    return [SampleRecord(k, items[k], samples[k], found[k]) for k in range(len(items))]


def swapped(wild: Path, says: Says | str, **options: object) -> LlavaBenchWild:
    judge = ScriptedJudge(says)
    return LlavaBenchWild(folder=str(wild), judge=judge, swap=True, **options)  # type: ignore[arg-type]


def test_the_judge_is_asked_about_every_answer_in_both_orders(wild: Path) -> None:
    script = ScriptedJudge("8 7")
    task = LlavaBenchWild(folder=str(wild), judge=script, swap=True)
    answered(task, task.items()[:2])
    assert [places(said) for said in script.asked] == [
        ("Reference 0.", "mine"),
        ("mine", "Reference 0."),
        ("Reference 1.", "mine"),
        ("mine", "Reference 1."),
    ]


def test_both_scores_are_averaged_and_a_liking_for_a_place_cancels_out(wild: Path) -> None:
    task = swapped(wild, liking_the_first)
    (record,) = answered(task, task.items()[:1])
    assert record.measurement.values == {
        "candidate": 6.0,
        "reference": 7.0,
        "flipped": 1.0,
        "reversed": 1.0,
        "first_place": 2.0,
    }


def test_the_evidence_keeps_both_raw_replies(wild: Path) -> None:
    task = swapped(wild, liking_the_first)
    (record,) = answered(task, task.items()[:1])
    replies = record.measurement.evidence["replies"]
    assert {stage: reply["text"] for stage, reply in replies.items()} == {
        "review": "8 5",
        "review_swapped": "7 6",
    }


def test_what_the_order_did_is_told_beside_the_scores(wild: Path) -> None:
    task = swapped(wild, liking_the_first)
    extra = task.extra(answered(task, task.items()))
    assert extra["relative"] == pytest.approx(100 * 6 / 7)
    assert (extra["swap_flipped"], extra["swap_reversed"], extra["swap_first_place"]) == (1.0, 1.0, 2.0)


def test_a_judge_without_a_liking_never_flips(wild: Path) -> None:
    def fair(conversation: Conversation) -> str:
        first, second = (6 if answer.startswith("Reference") else 5 for answer in places(conversation))
        return f"{first} {second}"

    task = swapped(wild, fair)
    extra = task.extra(answered(task, task.items()))
    assert (extra["swap_flipped"], extra["swap_reversed"], extra["swap_first_place"]) == (0.0, 0.0, 0.0)


def test_one_order_says_nothing_about_the_order(wild: Path) -> None:
    task = LlavaBenchWild(folder=str(wild), judge=ScriptedJudge(liking_the_first))
    assert not any(name.startswith("swap") for name in task.extra(answered(task, task.items())))


@pytest.mark.parametrize("lost", [0, 1])
def test_without_a_reply_to_one_order_there_is_no_score(wild: Path, lost: int) -> None:
    def half(conversation: Conversation) -> Reply:
        gone = places(conversation)[lost] == "mine"
        return Reply(None, Status.JUDGE_TRANSPORT_ERROR, "cut") if gone else Reply("8 7")

    task = swapped(wild, half)
    (record,) = answered(task, task.items()[:1])
    assert (record.measurement.status, record.measurement.values) == (Status.JUDGE_TRANSPORT_ERROR, {})
    texts = [reply["text"] for reply in record.measurement.evidence["replies"].values()]
    assert sorted(texts, key=str) == ["8 7", None]


@pytest.mark.parametrize(("lost", "stage"), [(0, "review_swapped"), (1, "review")])
def test_where_one_order_cannot_be_read_there_is_no_score(wild: Path, lost: int, stage: str) -> None:
    task = swapped(wild, lambda said: "well" if places(said)[lost] == "mine" else "8 7")
    records = answered(task, task.items()[:1])
    found = records[0].measurement
    assert (found.status, found.values) == (Status.JUDGE_PARSE_ERROR, {})
    assert found.reason.startswith(f"{stage}: ")
    assert "swap_flipped" not in task.extra(records)


# What it may be compared with


@pytest.mark.parametrize("task", [LlavaBenchCoco, LlavaBenchWild])
def test_it_is_another_version_and_the_plain_one_stays_what_it_was(task: type[LlavaBench]) -> None:
    assert task(swap=True).info.version == f"{task.info.version}-swapped"
    assert task().info.version == task.info.version == "1"


def test_only_a_swapped_run_has_the_option_in_its_identity(wild: Path) -> None:
    plain = LlavaBenchWild(folder=str(wild), judge=ScriptedJudge("8 7"))
    assert "swap" not in plain.options()
    assert swapped(wild, "8 7").options() == {**plain.options(), "swap": True}


def test_swap_is_true_or_false() -> None:
    with pytest.raises(UsageError, match="swap is 2; give true or false"):
        LlavaBenchWild(swap=2)  # type: ignore[arg-type]


# Scoring again


def test_both_orders_are_read_again_without_the_judge(wild: Path) -> None:
    task = swapped(wild, liking_the_first)
    records = [
        SampleRecord.from_json(json.loads(json.dumps(record.to_json())))
        for record in answered(task, task.items()[:2])
    ]
    gone = swapped(wild, lambda _: pytest.fail("the judge was asked"))
    assert rescored(gone, records) == records


def test_its_first_reviews_are_those_of_the_plain_protocol(wild: Path) -> None:
    plain = LlavaBenchWild(folder=str(wild), judge=ScriptedJudge(liking_the_first))
    task = swapped(wild, liking_the_first)
    once = rescored(plain, answered(task, task.items()))
    assert [one.measurement.values for one in once] == [
        one.measurement.values for one in answered(plain, plain.items())
    ]


def test_one_order_cannot_be_read_as_both(wild: Path) -> None:
    plain = LlavaBenchWild(folder=str(wild), judge=ScriptedJudge("8 7"))
    with pytest.raises(InputError, match="no review of the exchanged answers"):
        rescored(swapped(wild, "8 7"), answered(plain, plain.items()[:1]))


def test_upstreams_arithmetic_reads_the_reviews_in_its_own_order(wild: Path) -> None:
    task = swapped(wild, liking_the_first, faithful=True)
    assert task.extra(answered(task, task.items()))["faithful_relative"] == round(100 * 5 / 8, 1)


# The arithmetic


def test_a_verdict_that_becomes_a_tie_is_flipped_and_not_reversed() -> None:
    found = both_orders((8.0, 8.0), (8.0, 7.0))
    assert (found["flipped"], found["reversed"]) == (1.0, 0.0)


@given(SCORE, SCORE, st.sampled_from([0.5, 1.0, 2.0]))
def test_points_for_the_first_place_are_measured_whatever_the_answers_are_worth(
    reference: float, candidate: float, liking: float
) -> None:
    found = both_orders((reference + liking, candidate), (reference, candidate + liking))
    assert found["first_place"] == liking
    assert found["candidate"] - found["reference"] == candidate - reference
    assert found["reversed"] == float(abs(candidate - reference) < liking)
