"""From replies to scores: what each parser accepts, and that none of them makes a score of a failure."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.tasks.t2i_reasonbench.parsing import (
    PARSERS,
    official,
    official_json,
    parser_named,
    strict,
    tolerant,
)

GOOD = '{"reason": ["a", "b"], "score": [1, 0.5]}'


@pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS.keys())
def test_the_reply_that_was_asked_for(parser: object) -> None:
    assert callable(parser)
    assert parser(GOOD, 2).scores == (1.0, 0.5)


AROUND = {
    "a sentence": f"Sure! {GOOD} I hope this helps.",
    "a fence": f"```json\n{GOOD}\n```",
    "a line break in a reason": '{"reason": ["a\nb", "c"], "score": [1, 0.5]}',
    "an object around it": f'{{"answer": {GOOD}}}',
    "numbers in quotes": '{"reason": ["a", "b"], "score": ["1", " 0.5 "]}',
    "said twice": f"{GOOD}\nOnce more: {GOOD}",
    "a brace before it": f"Scores {{as asked}}: {GOOD}",
}


@pytest.mark.parametrize("text", AROUND.values(), ids=AROUND.keys())
def test_tolerant_takes_what_can_mean_one_thing_only(text: str) -> None:
    assert tolerant(text, 2).scores == (1.0, 0.5)


def test_braces_in_a_reason_confuse_upstream_only() -> None:
    text = '{"reason": ["a {b} c", "}"], "score": [1, 0.5]}'
    assert tolerant(text, 2).scores == strict(text, 2).scores == (1.0, 0.5)
    assert official(text, 2).scores is None


@pytest.mark.parametrize("text", AROUND.values(), ids=AROUND.keys())
def test_strict_takes_nothing_around(text: str) -> None:
    assert strict(text, 2).scores is None


NEITHER = {
    "nothing": ("", "object"),
    "no JSON": ("The scores are 1 and 0.5.", "object"),
    "cut off": (GOOD[:-1], "object"),
    "single quotes": ("{'score': [1, 0.5]}", "object"),
    "no score": ('{"scores": [1, 0.5]}', "score"),
    "no list": ('{"score": 1}', "no list but 1"),
    "an object": ('{"score": {"q1": 1, "q2": 0.5}}', "no list"),
    "too few": ('{"score": [1]}', "1 scores for 2 questions"),
    "too many": ('{"score": [1, 1, 1]}', "3 scores for 2 questions"),
    "none": ('{"score": []}', "0 scores for 2 questions"),
    "off the scale": ('{"score": [1, 2]}', "2 is none of"),
    "between": ('{"score": [1, 0.75]}', "0.75 is none of"),
    "negative": ('{"score": [1, -1]}', "-1 is none of"),
    "a word": ('{"score": [1, "n/a"]}', "'n/a' is none of"),
    "null": ('{"score": [1, null]}', "None is none of"),
    "true": ('{"score": [true, 0.5]}', "True is none of"),
    "nan": ('{"score": [NaN, 0.5]}', "nan is none of"),
    "infinite": ('{"score": [Infinity, 0.5]}', "inf is none of"),
    "a list in it": ('{"score": [[1], 0.5]}', "is none of"),
    "the same key twice": ('{"score": [1, 1], "score": [0, 0]}', ""),
    "deep": ('{"score": ' + "[" * 100_000, ""),
}


@pytest.mark.parametrize(("text", "complaint"), NEITHER.values(), ids=NEITHER.keys())
def test_what_neither_of_ours_takes(text: str, complaint: str) -> None:
    for parser in (strict, tolerant):
        parsed = parser(text, 2)
        assert parsed.scores is None
        assert parsed.complaint
    assert complaint in tolerant(text, 2).complaint


def test_two_different_answers_are_none() -> None:
    parsed = tolerant('{"score": [1, 1]} or rather {"score": [0, 1]}', 2)
    assert (parsed.scores, parsed.complaint) == (None, "the reply holds 2 different lists of scores")


@given(
    st.lists(st.sampled_from([0, 0.5, 1]), min_size=1, max_size=7),
    st.text(max_size=20),
    st.text(alphabet="abc \n`", max_size=20),
)
def test_whatever_a_reason_says_the_scores_are_read(scores: list[float], reason: str, before: str) -> None:
    text = before + json.dumps({"reason": [reason], "score": scores}) + "\n```"
    assert tolerant(text, len(scores)).scores == tuple(scores)


@given(st.text(alphabet='{}[]":,01. \nscore', max_size=60), st.integers(1, 4))
def test_no_parser_ever_fails_or_makes_up_a_score(text: str, questions: int) -> None:
    for name, parser in PARSERS.items():
        parsed = parser(text, questions)
        if parsed.scores is None:
            assert parsed.complaint
        elif name == "official":
            assert 0 <= sum(parsed.scores) / len(parsed.scores) <= 1
        else:
            assert len(parsed.scores) == questions
            assert set(parsed.scores) <= {0.0, 0.5, 1.0}


# Upstream


def test_official_ends_an_object_at_its_first_closing_brace() -> None:
    assert official_json('x {"score": [1]} {"score": [0]}') == {"score": [1]}
    for text in ("no", "{", '{"a": {"score": [1]}}', '{"reason": ["}"], "score": [1]}', "} {"):
        with pytest.raises(InputError):
            official_json(text)


def test_official_takes_any_number_of_scores_and_numbers_in_quotes() -> None:
    assert official('{"score": ["1", 0, 0.75]}', 2).scores == (1.0, 0.0, 0.75)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"score": [1, 2, 5]}', "no mean in"),
        ('{"score": [NaN]}', "no mean in"),
        ('{"score": []}', "empty"),
        ('{"score": 1}', "no list of numbers"),
        ('{"score": ["n/a"]}', "no list of numbers"),
        ("{}", "no 'score'"),
        ("none", "no {...}"),
    ],
)
def test_where_upstream_crashes_or_leaves_the_scale_is_a_complaint(text: str, complaint: str) -> None:
    parsed = official(text, 1)
    assert parsed.scores is None
    assert complaint in parsed.complaint


def test_an_unknown_parser_is_named_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="'lenient'; choose one of tolerant, strict, official"):
        parser_named("lenient")
