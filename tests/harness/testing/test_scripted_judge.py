"""The judge without a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.instruments.judging import Conversation, Judge, Reply, Turn
from selfreward_eval.harness.records import Status
from selfreward_eval.harness.testing.scripted_judge import ScriptedJudge


def said(*words: str) -> list[Conversation]:
    return [[Turn("user", text)] for text in words]


def script(folder: Path, *lines: str) -> Path:
    path = folder / "script.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_one_reply_for_everything() -> None:
    judge = ScriptedJudge(reply="8 7")
    assert isinstance(judge, Judge)
    assert [reply.text for reply in judge.replies(said("a", "b"))] == ["8 7", "8 7"]


def test_a_function_sees_the_whole_conversation() -> None:
    talk = [
        Turn("user", "look", (Image.new("RGB", (5, 4)),)),
        Turn("assistant", "I see"),
        Turn("user", "score"),
    ]
    judge = ScriptedJudge(lambda turns: f"{len(turns)} turns, {turns[0].images[0].width} wide")
    assert judge.replies([talk])[0].text == "3 turns, 5 wide"
    assert judge.asked == [talk]


def test_a_function_may_fail_or_say_nothing() -> None:
    own = Reply(None, Status.JUDGE_TRANSPORT_ERROR, "tired")
    judge = ScriptedJudge(lambda turns: own if turns[0].text == "a" else None)
    first, second = judge.replies(said("a", "b"))
    assert first is own
    assert (second.status, second.reason) == (Status.JUDGE_TRANSPORT_ERROR, "nothing to say to this")


def test_a_script_answers_with_its_first_line_that_fits(tmp_path: Path) -> None:
    path = script(
        tmp_path,
        '{"contains": ["red", "circle"], "reply": "a red circle"}',
        '{"contains": "red", "reply": "something red"}',
        "",
        '{"contains": "green", "error": "colour blind"}',
        '{"reply": "whatever"}',
    )
    replies = ScriptedJudge(script=path).replies(said("a circle, red", "red star", "green", "blue"))
    assert [reply.text for reply in replies] == ["a red circle", "something red", None, "whatever"]
    assert replies[2].reason == "colour blind"


def test_it_fails_where_it_is_told_to() -> None:
    judge = ScriptedJudge("8 7", fail=["unicorn", ""])
    assert [reply.text for reply in judge.replies(said("a horse", "a unicorn"))] == ["8 7", None]


def test_it_fails_in_a_share_of_conversations_that_their_content_decides() -> None:
    words = [str(k) for k in range(400)]

    def failures(order: list[str], seed: int = 0) -> set[str]:
        replies = ScriptedJudge("8 7", fail_rate=0.1, seed=seed).replies(said(*order))
        return {word for word, reply in zip(order, replies, strict=True) if reply.text is None}

    assert 20 <= len(failures(words)) <= 60
    assert failures(words) == failures(words[::-1]) != failures(words, seed=1)


def test_identity_is_what_is_said(tmp_path: Path) -> None:
    one = ScriptedJudge(script=script(tmp_path, '{"reply": "a"}')).identity()
    assert ScriptedJudge(script=script(tmp_path, '{"reply": "a"}', "")).identity() == one
    assert ScriptedJudge(script=script(tmp_path, '{"reply": "b"}')).identity() != one
    assert ScriptedJudge("a").identity() != ScriptedJudge("a", fail_rate=0.5).identity()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2 is not JSON"),
        ("[]", "either 'reply' or 'error'"),
        ("{}", "either 'reply' or 'error'"),
        ('{"reply": "a", "error": "b"}', "either 'reply' or 'error'"),
        ('{"reply": 8}', "is a text"),
        ('{"contains": 8, "reply": "a"}', "'contains'"),
        ('{"contains": [8], "reply": "a"}', "'contains'"),
    ],
)
def test_a_damaged_script_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        ScriptedJudge(script=script(tmp_path, '{"reply": "a"}', line))
    assert "script.jsonl, line 2" in str(caught.value)


def test_a_missing_script_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.jsonl"):
        ScriptedJudge(script=tmp_path / "absent.jsonl")


@pytest.mark.parametrize("settings", [{}, {"reply": "a", "script": "b"}, {"reply": "a", "fail_rate": 1.5}])
def test_impossible_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="judge_scripted"):
        ScriptedJudge(**settings)
