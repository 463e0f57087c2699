"""The chat completions protocol, without a network."""

from __future__ import annotations

import json
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.instruments.backends.openai_wire import (
    MalformedAnswer,
    error_words,
    messages,
    read_answer,
    shortened,
)
from selfreward_eval.harness.instruments.judging import Turn


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


ODD_COUNTS: list[Any] = [
    None,
    3,
    "10",
    [10],
    {"total_tokens": "many"},
    {"total_tokens": True},
    {"total_tokens": -5},
]
ODD_COUNTS += [
    {"total_tokens": 1.5},
    {"total_tokens": 10**400},
    {"total_tokens": {"prompt": 3}},
    {"total_tokens": [1]},
]


@pytest.mark.parametrize("usage", ODD_COUNTS)
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


ODD = [
    b"NaN",
    b"-Infinity",
    rb'"\ud83d"',
    b"[NaN]",
    b'{"a": NaN}',
    b"1e999",
    b"[" * 40 + b"]" * 40,
    b"9" * 400,
]


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize(
    "field", ["finish_reason", "model", "system_fingerprint", "usage", "refusal", "name"]
)
def test_whatever_a_field_holds_the_record_can_be_stored(field: str, value: bytes) -> None:
    choice = b'{"message": {"content": "8 7", "refusal": %s}, "finish_reason": %s}' % (
        value if field == "refusal" else b"null",
        value if field == "finish_reason" else b'"stop"',
    )
    rest = b"" if field in ("refusal", "finish_reason", "name") else b', "%s": %s' % (field.encode(), value)
    if field == "name":
        rest = rb', "usage": {"\ud83d": 3}'
    completion = read_answer(b'{"choices": [%s]%s}' % (choice, rest))
    record = [completion.text, completion.reason, completion.details]
    json.dumps(record, ensure_ascii=False, allow_nan=False).encode("utf-8")
    assert completion.text == "8 7" or completion.reason


def test_half_a_surrogate_pair_can_be_sent() -> None:
    sent = messages([Turn("user", "8 \ud83d 7"), Turn("user", "\ud83d", (Image.new("RGB", (1, 1)),))])
    assert "8 ? 7" in json.dumps(sent, ensure_ascii=False).encode("utf-8").decode()


def without(text: str) -> str:
    return text.replace("sk-secret-0123", "[key]")


def test_the_key_is_taken_out_of_every_text_and_name() -> None:
    answer = body(
        {"content": [{"type": "text", "text": "sk-secret"}, {"type": "text", "text": "-0123 8 7"}]},
        model="sk-secret-0123",
        system_fingerprint="sk-secret-0123",
        usage={"sk-secret-0123": 3},
    )
    completion = read_answer(answer, without)
    assert completion.text == "[key] 8 7"
    assert "sk-secret" not in repr(completion)


@pytest.mark.parametrize("start", range(280, 302))
def test_the_key_is_taken_out_before_a_text_is_cut(start: int) -> None:
    long = "x" * start + "sk-secret-0123"
    bodies = [body({"content": "", "refusal": long}), body({"content": "8 7"}, model=long)]
    shown = [repr(read_answer(content, without)) for content in bodies]
    shown += [
        repr(error_words(content, without))
        for content in (
            json.dumps({"error": {"message": long, "code": long}}).encode(),
            long.encode(),
            json.dumps({"error": [long]}).encode(),
            json.dumps({"error": {"message": {long: 1}}}).encode(),
        )
    ]
    assert not any("sk-s" in text for text in shown)
