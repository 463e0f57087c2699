"""From a review to two scores: what each parser accepts, and that a failure is no score."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.tasks.llava_bench.parsing import (
    FAILED,
    PARSERS,
    official,
    official_pair,
    parser_named,
    strict,
    tolerant,
)


@pytest.mark.parametrize("name", PARSERS)
def test_the_review_that_was_asked_for(name: str) -> None:
    assert PARSERS[name]("8 7\nBoth are fine, 9 out of 10.").scores == (8.0, 7.0)
    assert PARSERS[name]("10 8.5").scores == (10.0, 8.5)


@pytest.mark.parametrize(
    "review",
    [
        "8, 7",
        "8,7",
        "8;7",
        "8  7",
        "8 7 ",
        "\n8 7\nwhy",
        "[8, 7]",
        "(8 7)",
        "8 7.",
        "**8 7**",
        "8\t7",
        "8/10 7/10",
        "Scores: 8 7",
        "score: 8, 7",
        "Assistant 1: 8 Assistant 2: 7",
        "Assistant 1: 8, Assistant 2: 7.",
        "8 7\r\nwhy",
    ],
)
def test_tolerant_takes_what_can_mean_one_thing_only(review: str) -> None:
    assert tolerant(review).scores == (8.0, 7.0)


@pytest.mark.parametrize(
    "review",
    [
        "",
        "\n",
        "8",
        "8 7 6",
        "8 - 7",
        "8/7",
        "8\n7",
        "eight seven",
        "I give 8 to the first and 7 to the second.",
        "Assistant 2: 7 Assistant 1: 8",
        "0 7",
        "8 11",
        "-8 7",
        "nan 7",
        "inf 7",
        "1e1 7",
        "٨ ٧",
        "8 7 because of 3",
    ],
)
def test_tolerant_takes_nothing_that_could_be_something_else(review: str) -> None:
    assert tolerant(review).scores is None
    assert tolerant(review).complaint


@pytest.mark.parametrize(
    "review", ["8, 7", "8 7 ", " 8 7", "8  7", "\n8 7", "08 07 x", "8 7.", "٨ ٧", "1e1 7"]
)
def test_strict_takes_the_exact_form_only(review: str) -> None:
    assert strict(review).scores is None


@pytest.mark.parametrize(
    ("review", "pair"),
    [
        ("8 7", (8.0, 7.0)),
        ("8,7", (8.0, 7.0)),
        ("8, 7", FAILED),
        ("8 7 ", FAILED),
        ("7\n8", FAILED),
        ("0 0", (0.0, 0.0)),
        ("1_0 2", (10.0, 2.0)),
        ("", FAILED),
    ],
)
def test_upstreams_own_reading(review: str, pair: tuple[float, float]) -> None:
    assert official_pair(review) == pair


@pytest.mark.parametrize("review", ["8, 7", "0 0", "inf 5", "nan 5", "-1 -1", "8 70"])
def test_what_upstream_averages_without_being_on_the_scale_is_a_complaint(review: str) -> None:
    assert official(review).scores is None


@given(st.text(alphabet="0123456789 ,;.\n-/[]naife", max_size=20))
def test_no_parser_ever_fails_or_leaves_the_scale(review: str) -> None:
    for parser in PARSERS.values():
        parsed = parser(review)
        if parsed.scores is None:
            assert parsed.complaint
        else:
            assert len(parsed.scores) == 2
            assert all(1 <= score <= 10 for score in parsed.scores)


@given(st.text(alphabet="0123456789 ,.\n", max_size=12))
def test_what_a_stricter_parser_reads_a_more_tolerant_one_reads_the_same(review: str) -> None:
    if (strictly := strict(review).scores) is not None:
        assert tolerant(review).scores == official(review).scores == strictly


def test_an_unknown_parser_is_named_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="'lenient'; choose one of tolerant, strict, official"):
        parser_named("lenient")
