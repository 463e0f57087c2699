"""What is read from a judge's reply, strictly and as upstream does; golden cases are tested elsewhere."""

from __future__ import annotations

import pytest

from selfreward_eval.harness.errors import InputError
from selfreward_eval.tasks.wise.parsing import (
    FAILED,
    bagel_scores,
    faithful,
    faithful_bagel,
    faithful_verdict,
    official_scores,
    official_verdict,
    strict_scores,
    strict_verdict,
    without_thoughts,
)

PLAIN = "Consistency: 2\nRealism: 1\nAesthetic Quality: 0"


def test_a_colon_inside_the_stars_is_not_read_upstream_but_strictly() -> None:
    bold = "**Consistency:** 2\n**Realism:** 1\n**Aesthetic Quality:** 0"
    assert official_scores(bold) == {}
    assert strict_scores(bold).scores == (2.0, 1.0, 0.0)


def test_a_digit_above_two_is_read_upstream_and_never_a_score() -> None:
    nine = "Consistency: 9\nRealism: 1\nAesthetic Quality: 0"
    assert official_scores(nine)["consistency"] == 9
    assert faithful(nine).scores is None
    assert "above 2" in faithful(nine).complaint
    assert strict_scores(nine).scores is None


def test_bagels_mark_of_a_failure_is_never_a_score() -> None:
    assert bagel_scores("nothing")["realism"] == FAILED
    assert faithful_bagel("nothing").complaint == (
        "the reply holds no score for consistency, realism, aesthetic_quality"
    )
    assert faithful_bagel(PLAIN.replace(":", "：")).scores == (2.0, 1.0, 0.0)


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        "- Consistency: 2\n- Realism: 1/2\n- Aesthetic Quality: 0 (dull)",
        "1. **Consistency**: 2\n2. __Realism__: 1\n3. **Aesthetic Quality**： 0",
        "| Consistency | 2 |\n| Realism | 1 |\n| Aesthetic Quality | 0 |",
        f"<think>Consistency: 0\nRealism: 0\nAesthetic Quality: 0</think>{PLAIN}",
        f"{PLAIN}\nConsistency: 2",
    ],
)
def test_a_strict_reading_accepts_marks_around_the_value(text: str) -> None:
    assert strict_scores(text).scores == (2.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (PLAIN.replace("2", "10"), "is none of 0, 1, 2"),
        (PLAIN.replace("2", "1.5"), "is none of 0, 1, 2"),
        (PLAIN.replace("2", "9.9"), "is none of 0, 1, 2"),
        (PLAIN.replace("2", "two"), "is none of 0, 1, 2"),
        (PLAIN.replace("2", "-1"), "is none of 0, 1, 2"),
        (PLAIN.replace("2", "2 Realism: 0"), "is none of 0, 1, 2"),
        (f"{PLAIN}\nConsistency: 1", "two different values for consistency"),
        ("The inconsistency: 1\nRealism: 1", "no score for consistency, aesthetic_quality"),
        ("2\n1\n0", "no score for consistency"),
        ("<think>Consistency: 2", "ends within its thoughts"),
        ("", "no score for"),
    ],
)
def test_a_strict_reading_refuses_what_is_no_score(text: str, complaint: str) -> None:
    assert strict_scores(text).scores is None
    assert complaint in strict_scores(text).complaint


@pytest.mark.parametrize(("text", "score"), [("Score: 1", 1.0), ("**Score:** 0", 0.0), ("score： 1.", 1.0)])
def test_a_strict_verdict(text: str, score: float) -> None:
    assert strict_verdict(text).scores == (score,)


@pytest.mark.parametrize("text", ["Score: 2", "Score: 10", "1", "Score: 0\nScore: 1", "The Score is 1"])
def test_a_strict_verdict_refuses_the_rest(text: str) -> None:
    assert strict_verdict(text).scores is None


def test_an_open_thought_is_read_upstream() -> None:
    assert faithful_verdict("<think>Score: 0").scores == (0.0,)
    assert faithful_verdict("I cannot tell").complaint == "the reply holds no Score of 0 or 1"


def test_a_reply_that_is_no_text_is_refused() -> None:
    for parser in (official_scores, bagel_scores, official_verdict, without_thoughts, strict_scores):
        with pytest.raises(InputError, match="None is no text"):
            parser(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", [" " * 200_000, "*" * 200_000, "<think>" * 30_000, "Consistency" * 20_000])
def test_long_replies_take_linear_time(text: str) -> None:
    # A quadratic reading of these would take minutes; the suite has a limit for that, not this test.
    assert official_scores(text) == {}
    assert faithful_verdict(text).scores is None
    assert strict_scores(text[:150_000]).scores is None
