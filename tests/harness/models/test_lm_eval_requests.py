"""lm-eval's requests in our adapters' words: placeholders, pictures, stops and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.models.lm_eval_requests import (
    Decoding,
    Query,
    begins_with,
    cut,
    parse_decoding,
    parse_query,
)

PICTURE = Image.new("RGB", (2, 2))


def test_the_placeholder_goes_because_adapters_put_the_picture_first() -> None:
    assert parse_query("<image>\nIs it red?\n", {"visual": [PICTURE]}, "t") == Query("Is it red?", PICTURE)


def test_a_picture_may_come_without_a_list_and_without_a_placeholder() -> None:
    assert parse_query("Is it red?", {"visual": PICTURE}, "t") == Query("Is it red?", PICTURE)


def test_a_text_without_pictures_stays_as_it_is() -> None:
    assert parse_query(" two\n\nthree ", None, "t") == Query(" two\n\nthree ", None)


@pytest.mark.parametrize(
    ("context", "extras", "says"),
    [
        ("<image> <image> which?", {"visual": ["p", "q"]}, "2 pictures at once"),
        ("<image>? yes\n\n<image>?", {"visual": ["p"]}, "need num_fewshot=0"),
        ("which?", {"visual": []}, "0 pictures at once"),
        ("<image>", {"visual": ["p"]}, "without a question"),
        ("what is heard?", {"audio": ["a"]}, "plays sound"),
    ],
)
def test_what_no_adapter_can_serve_is_refused_by_task(context: str, extras: Any, says: str) -> None:
    with pytest.raises(UsageError, match=f"^the task .*{says}"):
        parse_query(context, extras, "the task")


@pytest.mark.parametrize(
    ("kwargs", "found"),
    [
        ({}, Decoding((), None)),
        ({"until": "\n", "max_gen_toks": 8}, Decoding(("\n",), 8)),
        ({"until": ["a", "b"], "temperature": 0.0, "max_new_tokens": 9}, Decoding(("a", "b"), 9)),
        ({"do_sample": False, "temperature": 0.7}, Decoding((), None)),
        ({"max_gen_toks": 5, "max_tokens": 7}, Decoding((), 5)),
    ],
)
def test_how_an_answer_ends(kwargs: dict[str, Any], found: Decoding) -> None:
    assert parse_decoding(kwargs, "t") == found


@pytest.mark.parametrize("kwargs", [{"do_sample": True}, {"temperature": 0.5}, {"num_beams": 4}])
def test_sampled_answers_are_refused(kwargs: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="answer greedily"):
        parse_decoding(kwargs, "t")


@pytest.mark.parametrize(
    ("until", "left"), [(["\n"], "one. two"), (["\n", ". "], "one"), ([""], "one. two\nthree"), (["x"], None)]
)
def test_an_answer_ends_before_the_first_stop(until: list[str], left: str | None) -> None:
    answer = "one. two\nthree"
    assert cut(answer, until) == (answer if left is None else left)


@pytest.mark.parametrize(
    ("answer", "text", "verdict"),
    [
        ("yes", "yes", True),
        ("yes, there is", "yes", True),
        ("yesterday", "yes", False),
        ("no", "yes", False),
        ("2.5", "2", True),
        ("25", "2", False),
        ("(a) red", "(a)", True),
        ("", "yes", False),
    ],
)
def test_greedy_is_told_by_whole_words(answer: str, text: str, verdict: bool) -> None:
    assert begins_with(answer, text) is verdict
