"""Replies: what the released parser makes of them, and what a robust one does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.rewarders.srum.parsing import (
    released_layout,
    released_regions,
    robust_layout,
    robust_regions,
)

CLEAN = """Region ID: 1
Identified Object: A running dog.
Score: 0.95

Region ID: 2
Identified Object: A tree
Score: -0.2"""

COLLAPSED = """**Region ID: 1**
Identified Object: A running dog.
Score: 0.95
---
**Region ID: 2**
Identified Object: A tree
Score: -0.2
---
**Region ID: 3**
Identified Object: A red shape
Score: -0.8"""


def scores(found: dict) -> dict[int, float | None]:
    return {number: reading.score for number, reading in found.items()}


@pytest.mark.parametrize("parse", [released_regions, robust_regions])
def test_a_clean_reply_is_read_alike(parse: object) -> None:
    found = parse(CLEAN)  # type: ignore[operator]
    assert scores(found) == {1: 0.95, 2: -0.2}
    assert [one.identified for one in found.values()] == ["A running dog.", "A tree"]


def test_regions_in_one_paragraph_collapse_to_the_first_as_released() -> None:
    """The layout of the released instruction's own example."""
    assert scores(released_regions(COLLAPSED)) == {1: 0.95}


def test_regions_in_one_paragraph_are_all_read_robustly() -> None:
    assert scores(robust_regions(COLLAPSED)) == {1: 0.95, 2: -0.2, 3: -0.8}


@pytest.mark.parametrize(
    ("reply", "released", "robust"),
    [
        ("Score: 0.9", 0.9, 0.9),
        ("score: -1", -1.0, -1.0),
        ("Score: 1.", 1.0, 1.0),
        ("Score:\n0.5", 0.5, 0.5),
        ("Score: +0.9", None, 0.9),
        ("**Score:** 0.9", None, 0.9),
        ("**Score**: **0.9**", None, 0.9),
        ("Score: .5", None, 0.5),
        ("Score: \u22120.8", None, -0.8),
        ("Score = 0.3", None, 0.3),
        ("Score: 0.8/1.0", 0.8, 0.8),
        ("Score: [-1.0 to 1.0]\nScore: 0.3", 0.3, 0.3),
        ("Score: 1.7", 1.7, None),
        ("Score: -3", -3.0, None),
        ("Score: 8/10", 8.0, None),
        ("Score: 0.9 out of 10", 0.9, None),
        ("Score: 0.9 / 5", 0.9, None),
        ("Score: 80%", 80.0, None),
        ("Score: 1e-1", 1.0, None),
        ("Score: 0,9", 0.0, None),
        ("Score: 0.9 ... Score: 0.8", 0.9, None),
        ("Score: 0.9 ... final score: 0.9", 0.9, 0.9),
        ("Score: high", None, None),
        ("underscore: 0.4", 0.4, None),
        ("", None, None),
    ],
)
def test_scores(reply: str, released: float | None, robust: float | None) -> None:
    assert released_layout(reply).score == released
    assert robust_layout(reply).score == robust


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("It is good.", "no score in 'It is good.'"),
        ("Score: 1.7", "the score 1.7 is outside -1 to 1"),
        ("Score: 0.9, Score: 0.8", "several scores: 0.8, 0.9"),
        ("Score: 80%", "'80%' is no score from -1 to 1"),
    ],
)
def test_no_score_has_a_reason(reply: str, reason: str) -> None:
    assert robust_layout(reply).reason == reason


@pytest.mark.parametrize("parse", [released_layout, robust_layout])
def test_thoughts_are_not_part_of_the_reply(parse: object) -> None:
    assert parse("<think>Score: -1 ... </think>\nScore: 0.4").score == 0.4  # type: ignore[operator]


def test_as_released_a_region_told_again_replaces_the_first() -> None:
    reply = "Region ID: 1\nScore: 0.5\n\nRegion ID: 1\nScore: -0.5"
    assert scores(released_regions(reply)) == {1: -0.5}


def test_a_region_told_twice_differently_has_no_robust_score() -> None:
    reply = "Region ID: 1\nScore: 0.5\n\nRegion ID: 1\nScore: -0.5"
    assert robust_regions(reply)[1].reason == "region 1 is scored twice, differently"
    assert scores(robust_regions(reply.replace("-0.5", "0.5"))) == {1: 0.5}


@pytest.mark.parametrize(
    "reply",
    [
        "1. Region 2: a tree\n   Score: 0.5",
        "### Region #2\nScore: 0.5",
        "- **Region ID:** 2\n- Score: 0.5",
        "Region ID 2\nIdentified Object: a tree\nScore: 0.5",
    ],
)
def test_a_regions_number_is_read_however_it_is_decorated(reply: str) -> None:
    assert scores(robust_regions(reply)) == {2: 0.5}


def test_a_region_that_prose_mentions_is_not_a_new_one() -> None:
    reply = "Region ID: 1\nIdentified Object: a dog beside region 2\nScore: 0.5"
    assert scores(robust_regions(reply)) == {1: 0.5}


def test_whether_a_region_was_identified_is_known() -> None:
    reply = "Region ID: 1\nScore: 0.5"
    assert released_regions(reply)[1].identified is None
    assert robust_regions(reply)[1].identified is None


def test_a_reply_without_regions_has_none() -> None:
    assert robust_regions("I cannot see any region.") == released_regions("") == {}


PIECES = st.sampled_from(
    [
        "Region ID: ",
        "Identified Object: ",
        "Score: ",
        "**",
        "\n",
        "\n\n",
        "-",
        "+",
        ".",
        "1",
        "0.5",
        "9",
        "/",
        "a dog ",
    ]
)


@given(st.lists(PIECES, max_size=25).map("".join))
def test_no_reply_breaks_a_parser_and_robust_scores_are_in_range(reply: str) -> None:
    released_regions(reply)
    released_layout(reply)
    for reading in [*robust_regions(reply).values(), robust_layout(reply)]:
        assert (reading.score is None) == bool(reading.reason)
        assert reading.score is None or -1.0 <= reading.score <= 1.0


@pytest.mark.parametrize("parse", [released_regions, robust_regions])
def test_a_region_with_an_endless_number_is_passed_over(parse: object) -> None:
    reply = f"Region ID: {'1' * 5000}\nScore: 0.1\n\nRegion ID: 2\nScore: 0.5"
    assert scores(parse(reply)) == {2: 0.5}  # type: ignore[operator]
