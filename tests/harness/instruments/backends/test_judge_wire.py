"""The chat completions protocol, without a network."""

from __future__ import annotations

import json
from typing import Any

import pytest

from selfreward_eval.harness.instruments.backends.openai_wire import (
    MalformedAnswer,
    error_words,
    read_answer,
    shortened,
)


def body(message: dict[str, Any], **fields: Any) -> bytes:
    return json.dumps({"choices": [{"message": message, "finish_reason": "stop"}], **fields}).encode()


def test_a_reply_in_parts() -> None:
    parts = [{"type": "text", "text": "8 "}, {"type": "image_url"}, {"type": "text", "text": "7"}]
    assert read_answer(body({"content": parts})).text == "8 7"


def test_words_are_not_touched() -> None:
    assert read_answer(body({"content": " \n8 7\t\n"})).text == " \n8 7\t\n"


def test_half_a_surrogate_pair_can_be_stored() -> None:
    assert read_answer(rb'{"choices": [{"message": {"content": "8 \ud83d 7"}}]}').text == "8 ? 7"


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"choices": []}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": null}]}',
        b'{"choices": [{"message": {"content": 8}}]}',
        b'{"choices": [{"message": {"content": ["8"]}}]}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_what_is_no_chat_completion(damaged: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        read_answer(damaged)


@pytest.mark.parametrize("usage", [None, 3, {"total_tokens": "many"}, {"total_tokens": True}])
def test_odd_counts_are_no_counts(usage: Any) -> None:
    assert read_answer(body({"content": "8 7"}, usage=usage)).tokens is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"error": {"message": "slow down", "code": "rate_limit"}}', ("rate_limit", "slow down")),
        (b'{"error": {"message": "slow down", "type": "requests"}}', ("requests", "slow down")),
        (b'{"error": "slow down"}', ("", "slow down")),
        (b"<p>slow\ndown</p>", ("", "<p>slow down</p>")),
        (b'["slow down"]', ("", '["slow down"]')),
    ],
)
def test_the_words_of_an_error(content: bytes, words: tuple[str, str]) -> None:
    assert error_words(content) == words


def test_long_errors_are_cut_to_one_short_line() -> None:
    assert len(shortened("word\n" * 1000)) == 303
