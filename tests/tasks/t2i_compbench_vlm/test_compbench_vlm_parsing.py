"""Replies to scores: strictly, and as upstream reads them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfreward_eval.harness.errors import InputError
from selfreward_eval.tasks.t2i_compbench_vlm.parsing import _object, strict_score, upstream_score


@pytest.mark.parametrize(
    ("reply", "strict", "upstream"),
    [
        ('{"score": 85, "explanation": "ok"}', 85, 85),
        ('```json\n{\n  "score": 60,\n  "explanation": "two\nlines"\n}\n```', 60, 60),
        ('I would say {"explanation": "a "quoted" word", "score": "40"} because', 40, 40),
        ('"score": 27', 27, 27),
        ('{"score": 0}', 0, 0),
        ('{"score": 100}', 100, 100),
        ('{"score": 085}', 85, 85),
        ('{"score": 85}\n{"score": 85}', 85, 85),
        ('{"score": 85.5}', 85.5, 85),
        ('{"score": 1e2}', 100, 1),
        ('{"score" : 7}', 7, -1),
        ('{"score": 150}', None, 150),
        ('{"score": -5}', None, -1),
        ('{"score": 85, "x": "y"} {"score": 20}', None, 85),
        ('{"score": 85, "score": 20}', None, 20),
        ('{"score": "85/100"}', None, 85),
        ('{"score": 85 of 100}', None, 85),
        ('{"score": 1e99}', None, 1),
        ('{"score": null}', None, -1),
        ('{"score": 8, "score": null}', None, 8),
        ('{"Score": 85}', None, -1),
        ("85", None, -1),
        ("", None, -1),
    ],
)
def test_what_both_readings_make_of_a_reply(reply: str, strict: float | None, upstream: int) -> None:
    assert strict_score(reply).score == strict
    assert upstream_score(reply) == upstream


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ('{"score": 150}', "the judge's score 150 is outside 0 to 100"),
        ('{"score": null}', "the judge's score is no number: '\"score\": null}'"),
        ('{"score": 85} {"score": 20}', "the judge's reply holds several scores: 20, 85"),
        ("no", "the judge's reply holds no \"score\": 'no'"),
    ],
)
def test_why_there_is_no_score(reply: str, reason: str) -> None:
    assert strict_score(reply).reason == reason


def test_a_long_reply_is_not_repeated_whole() -> None:
    assert len(strict_score("word " * 1000).reason) < 150


def test_a_number_that_upstream_cannot_hold_is_an_error() -> None:
    with pytest.raises(InputError, match="upstream fails"):
        upstream_score('"score": ' + "9" * 5000)


def test_nesting_that_upstream_cannot_follow_is_an_error() -> None:
    with pytest.raises(InputError, match="upstream fails"):
        upstream_score('{"a":' * 100_000 + '"score": 1}')


@given(st.integers(0, 100), st.text(max_size=40))
def test_a_clean_reply_reads_the_same_both_ways(score: int, explanation: str) -> None:
    import json

    reply = json.dumps({"score": score, "explanation": explanation})
    assert strict_score(reply).score == upstream_score(reply) == score


@given(st.text(alphabet='{}":, \n0123456789.-scoreSCORE`', max_size=60))
def test_a_strict_score_is_in_range_or_has_a_reason(reply: str) -> None:
    reading = strict_score(reply)
    assert (reading.score is None) == bool(reading.reason)
    assert reading.score is None or 0 <= reading.score <= 100


UPSTREAM = re.compile(r'\{.*"score":\s*\d+.*?\}', re.DOTALL)
"""Upstream's own pattern; on long texts it takes time that grows with the square of their length."""

PIECES = st.sampled_from(
    ['"score":', '"score"', "{", "}", "1", "٣", " ", "\n", "\u2003", "x", ",", '"', "score", ":"]
)


@settings(max_examples=1000)
@given(st.lists(PIECES, max_size=25).map("".join))
def test_what_upstreams_pattern_finds_is_found_by_scanning(text: str) -> None:
    match = UPSTREAM.search(text)
    assert _object(text) == (match[0] if match else None)
