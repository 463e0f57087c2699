"""Which part of a reply is its verdict, and what a reply holds that no file could."""

from __future__ import annotations

import json
from math import inf, nan
from typing import Any

import pytest

from selfreward_eval.harness.instruments.judging import Reply
from selfreward_eval.harness.instruments.verdicts import (
    LONGEST_REPLY,
    opening_mark,
    verdict_of,
    was_cut,
)


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("8 7", "8 7"),
        ("<think>3 4</think>8 7", "8 7"),
        ("the template opened it: 3 4</think>8 7", "8 7"),
        ("<think>3 4</think>5 5<think>6 6</think>8 7", "8 7"),
        ("<THINK>3 4</ think >8 7", "8 7"),
        ("<thinking>3 4</thinking>8 7", "8 7"),
        ("<seed:think>3 4</seed:think>8 7", "8 7"),
        ("[THINK]3 4[/THINK]8 7", "8 7"),
        ("◁think▷3 4◁/think▷8 7", "8 7"),
        ("<|channel|>analysis<|message|>3 4<|end|><|channel|>final<|message|>8 7", "8 7"),
        ("a < b > c thinks so", "a < b > c thinks so"),
    ],
)
def test_a_verdict_stands_behind_the_last_thought(reply: str, verdict: str) -> None:
    assert verdict_of(reply).text == verdict
    assert not verdict_of(reply).cut


def test_a_thought_that_does_not_end_cuts_the_reply() -> None:
    verdict = verdict_of("8 7\n<think>or rather 3 4")
    assert (verdict.text, verdict.cut) == ("8 7\n", True)


@pytest.mark.parametrize("reply", ["<think>3 4", "<think>3 4</think>", "<think>3 4</think> <think>5"])
def test_thoughts_alone_are_no_verdict(reply: str) -> None:
    assert "thoughts" in verdict_of(reply).complaint


def test_a_reply_without_end_is_not_read() -> None:
    assert "1000001 characters" in verdict_of("8" * (LONGEST_REPLY + 1)).complaint
    assert not verdict_of("8" * LONGEST_REPLY).complaint


@pytest.mark.parametrize("reason", ["length", "max_tokens", "MAX_TOKENS", "abort", "error", "model_length"])
def test_what_ends_for_another_reason_than_its_own_is_cut(reason: str) -> None:
    assert was_cut({"finish_reason": reason})
    assert Reply("8 7", details={"finish_reason": reason}).cut


@pytest.mark.parametrize("reason", ["stop", "STOP", "eos", "end_turn", None, "", 3])
def test_what_ended_by_itself_or_does_not_say_is_whole(reason: Any) -> None:
    assert not was_cut({"finish_reason": reason})


@pytest.mark.parametrize(
    ("prompt", "mark"),
    [
        ("<|im_start|>assistant\n<think>\n", "<think>"),
        ("<|im_start|>assistant\n", ""),
        ("<think>\n\n</think>\n\n", ""),
        ("what is <think>?<|im_start|>assistant\n", ""),
    ],
)
def test_a_template_that_opens_a_thought_is_noticed(prompt: str, mark: str) -> None:
    assert opening_mark(prompt) == mark


ODD = {
    "half a pair": "\ud83d",
    "nan": nan,
    "infinity": inf,
    "nan under half a pair": {"\ud83d": nan},
    "nested": [nan, {"a": inf}],
    "a number as name": {1: 2},
    "an object": object(),
    "bytes": b"x",
    "5,000 digits": 10**5000,
    "a set": {"a": {2.5}},
}


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_whatever_a_judge_reports_can_be_stored(value: Any) -> None:
    reply = Reply("8 \ud83d 7", details={"odd": value})
    json.dumps([reply.text, reply.details], ensure_ascii=False, allow_nan=False).encode("utf-8")
    assert reply.text == "8 ? 7"


def test_details_nested_without_end_can_be_stored() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert json.dumps(dict(Reply("8 7", details={"a": endless}).details))


def test_sound_details_stay_as_they_are() -> None:
    details = {"finish_reason": "stop", "usage": {"total_tokens": 10}, "attempts": 1, "x": [1.5, None, True]}
    assert Reply("8 7", details=details).details == details
