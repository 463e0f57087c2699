"""A cut, a draft, or a number written otherwise never becomes a score; sound verdicts still do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from selfreward_eval.harness.instruments.judging import Reply
from selfreward_eval.harness.records import Status
from selfreward_eval.rewarders.srum.parsing import robust_layout, robust_regions
from selfreward_eval.tasks.llava_bench.parsing import strict as llava_strict
from selfreward_eval.tasks.llava_bench.parsing import tolerant as llava
from selfreward_eval.tasks.t2i_compbench_vlm.parsing import strict_score
from selfreward_eval.tasks.t2i_compbench_vlm.task import measurement_of
from selfreward_eval.tasks.t2i_reasonbench.parsing import strict as reasonbench_strict
from selfreward_eval.tasks.t2i_reasonbench.parsing import tolerant as reasonbench

Scored = Callable[[str, bool], object]


SOUND: dict[str, tuple[Scored, str]] = {
    "llava": (lambda text, cut: llava(text, cut).scores, "8.5 7\nBoth are fine, 9 out of 10.\n8 7"),
    "llava with names": (lambda text, cut: llava(text, cut).scores, "**Assistant 1: 8, Assistant 2: 7.**\nx"),
    "llava strict": (lambda text, cut: llava_strict(text, cut).scores, "10 8.25\nfine"),
    "compbench": (lambda text, cut: strict_score(text, cut).score, '{"score": 85.25, "explanation": "ok"} x'),
    "compbench, quoted": (lambda text, cut: strict_score(text, cut).score, '```\n{"score" : "85"\n}\n```'),
    "reasonbench": (
        lambda text, cut: reasonbench(text, 2, cut).scores,
        'So: {"reason": ["a", "b"], "score": [1, 0.5]} and {bye}',
    ),
    "reasonbench, twice": (
        lambda text, cut: reasonbench(text, 2, cut).scores,
        '{"draft": {"score": [1, 0.5]}, "final": {"score": [1, 0.5]}}',
    ),
    "reasonbench strict": (lambda text, cut: reasonbench_strict(text, 1, cut).scores, '{"score": [0.5]}'),
    "srum layout": (lambda text, cut: robust_layout(text, cut).score, "**Score:** -0.75/1.0\nas it is"),
    "srum bare": (lambda text, cut: robust_layout(text, cut).score, "Score: -0.7\n"),
}


@pytest.mark.parametrize(("scored", "reply"), SOUND.values(), ids=SOUND)
def test_wherever_a_reply_is_cut_it_gives_its_own_score_or_none(scored: Scored, reply: str) -> None:
    whole = scored(reply, False)
    assert whole is not None
    assert {str(scored(reply[:end], True)) for end in range(len(reply) + 1)} <= {str(whole), "None"}
    assert scored(reply + "\n", True) == whole


@pytest.mark.parametrize(("scored", "reply"), SOUND.values(), ids=SOUND)
def test_an_unfinished_thought_holds_no_verdict(scored: Scored, reply: str) -> None:
    for end in range(len(reply)):
        thought = "<think>\n" + reply[:end]
        assert scored(thought, True) is None
        assert scored(thought, False) is None


THINKING = {name: case for name, case in SOUND.items() if "strict" not in name}


@pytest.mark.parametrize(("scored", "reply"), THINKING.values(), ids=THINKING)
@pytest.mark.parametrize(
    "thoughts",
    [
        '<think>\n1 2\n{"score": 20} {"score": [0, 0]}\nScore: 0.1\n</think>\n\n',
        '1 2\n{"score": 20} {"score": [0, 0]}\nScore: 0.1\n</think>\n',
        '[THINK]{"score": 20}[/THINK]',
    ],
)
def test_drafts_in_thoughts_are_no_part_of_a_verdict(scored: Scored, reply: str, thoughts: str) -> None:
    assert scored(thoughts + reply, False) == scored(reply, False)


def test_thinking_is_not_of_the_exact_form() -> None:
    assert llava_strict("8 7\nor not\n</think>\n3 4").scores is None
    assert reasonbench_strict('<think></think>{"score": [1]}', 1).scores is None


@pytest.mark.parametrize(
    "reply", ['{"score": 8', '{"score": 8,', '{"score": "85"', '{"score": 8.', '"score": 8\n']
)
def test_the_beginning_of_a_number_is_none(reply: str) -> None:
    details = {"finish_reason": "length"}
    measured = measurement_of(Reply(reply, details=details))
    assert (measured.status, measured.values) == (Status.JUDGE_PARSE_ERROR, {})


def test_a_verdict_that_was_complete_before_the_cut_counts() -> None:
    reply = Reply('{"score": 85, "explanation": "the cup is', details={"finish_reason": "length"})
    assert measurement_of(reply).values == {"judgement": 85.0}


@pytest.mark.parametrize(
    "number",
    [
        *("85,5", "1,000", "8,5", "85, 5", '"85,5"', '"1,000"', "1 000"),
        *("85/100", '"17/20"', "½", '"eighty"', "eighty"),
    ],
)
def test_compbench_takes_no_comma_fraction_or_word(number: str) -> None:
    assert strict_score(f'{{"score": {number}, "explanation": "ok"}}').score is None


@pytest.mark.parametrize(
    "review",
    [
        *("8,5 7,5", "8,5 7", "8, 7, 5", "8,05", "1,001", "1,000", "1.000,5 7", "10,000", "8,75"),
        *("eight seven", "eight 7", "4/5 3/5", "8/100 7/100", "8½ 7", "8 of 10 7 of 10", "80% 70%"),
    ],
)
def test_llava_takes_no_decimal_comma_fraction_or_word(review: str) -> None:
    assert llava(review).scores is None


def test_llava_takes_a_comma_as_upstream_does() -> None:
    assert llava("8,7").scores == llava("8, 7").scores == llava("8 / 10, 7 / 10").scores == (8.0, 7.0)


@pytest.mark.parametrize("score", ['"0,5"', "0,5", '"1/2"', '"half"', '"one"', '"yes"', "-0.5", '"50%"'])
def test_reasonbench_takes_no_comma_fraction_or_word(score: str) -> None:
    assert reasonbench(f'{{"score": [{score}]}}', 1).scores is None


@pytest.mark.parametrize(
    "score",
    [
        *("-0", "\u22120", "-0.", "- 0.7", "-0 .7", "0,9", "1,000", "1/2", "1 1/2", "high", "one", "0.9 %"),
        *("0.5 to 0.8", "0.5 - 0.8", "0.5 or 0.8", "0.9 percent", "1e-1", "0.9 out of 10", "1" * 400),
    ],
)
def test_srum_takes_no_beginning_range_fraction_or_word(score: str) -> None:
    assert robust_layout(f"Score: {score}").score is None


@pytest.mark.parametrize(("text", "score"), [("0.9 / 1", 0.9), ("0.9/1.0", 0.9), ("-0.0", 0.0), ("0", 0.0)])
def test_srum_takes_its_own_scale(text: str, score: float) -> None:
    assert robust_layout(f"Score: {text}").score == score


def test_of_a_cut_reply_the_last_region_may_be_incomplete() -> None:
    reply = "Region ID: 1\nScore: 0.5\n\nRegion ID: 2\nScore: -0"
    assert {k: parsed.score for k, parsed in robust_regions(reply + ".7").items()} == {1: 0.5, 2: -0.7}
    assert {k: parsed.score for k, parsed in robust_regions(reply + ".7", True).items()} == {1: 0.5, 2: None}
    assert {k: parsed.score for k, parsed in robust_regions(reply).items()} == {1: 0.5, 2: None}


def test_an_object_with_scores_and_the_same_key_twice_is_ambiguous() -> None:
    parsed = reasonbench('{"score": [1], "a": 1, "a": 2} {"score": [0]}', 1)
    assert (parsed.scores, parsed.complaint) == (None, "an object with 'score' has the same key twice")


def test_after_too_many_braces_a_reply_is_not_read_on() -> None:
    assert "braces" in reasonbench('{"a' * 300 + '{"score": [1]}', 1).complaint
    assert reasonbench('{"a' * 100 + '{"score": [1]}', 1).scores == (1.0,)
