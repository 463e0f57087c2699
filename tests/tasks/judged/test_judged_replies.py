"""Replies on disk: asked once, given again, whatever happened in between."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.errors import InputError, UnknownName, UsageError
from selfreward_eval.harness.instruments.judging import Conversation, Judge, Reply, Turn
from selfreward_eval.harness.records import Status
from selfreward_eval.harness.testing.scripted_judge import ScriptedJudge
from selfreward_eval.tasks.judged.judges import choose_judge
from selfreward_eval.tasks.judged.replies import AT_ONCE, CachingJudge


def said(*words: str) -> list[Conversation]:
    return [[Turn("user", text)] for text in words]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "judge" / "replies.jsonl"


def test_it_is_the_judge_with_a_memory(path: Path) -> None:
    judge = ScriptedJudge("8 7")
    assert isinstance(CachingJudge(judge, path), Judge)
    assert CachingJudge(judge, path).identity() == judge.identity()


def test_a_reply_is_asked_for_once(path: Path) -> None:
    judge = ScriptedJudge(lambda turns: f"re {turns[0].text}")
    first = CachingJudge(judge, path).replies(said("a", "b", "a"))
    second = CachingJudge(judge, path).replies(said("b", "c"))
    assert [reply.text for reply in (*first, *second)] == ["re a", "re b", "re a", "re b", "re c"]
    assert [turns[0].text for turns in judge.asked] == ["a", "b", "c"]


def test_a_line_says_who_said_what(path: Path) -> None:
    judge = ScriptedJudge("8 7", name="fair", revision="3")
    CachingJudge(judge, path).replies(said("a"))
    (line,) = lines(path)
    assert (line["judge"], line["model"], line["revision"]) == ("judge_scripted", "fair", "3")
    assert (line["text"], line["status"], len(line["conversation_sha256"])) == ("8 7", "success", 64)


def test_a_failure_is_kept_to_look_at_and_asked_again(path: Path) -> None:
    broken = ScriptedJudge(lambda _: None, name="same")
    broken.identity = lambda: {"name": "judge"}  # type: ignore[method-assign]
    mended = ScriptedJudge("8 7", name="same")
    mended.identity = broken.identity  # type: ignore[method-assign]
    assert CachingJudge(broken, path).replies(said("a"))[0].status is Status.JUDGE_TRANSPORT_ERROR
    assert CachingJudge(mended, path).replies(said("a"))[0].text == "8 7"
    assert [line["status"] for line in lines(path)] == ["judge_transport_error", "success"]


def test_another_judge_is_asked_itself(path: Path) -> None:
    assert CachingJudge(ScriptedJudge("8 7"), path).replies(said("a"))[0].text == "8 7"
    assert CachingJudge(ScriptedJudge("9 9"), path).replies(said("a"))[0].text == "9 9"


def test_another_picture_is_another_conversation(path: Path) -> None:
    judge = ScriptedJudge(lambda turns: str(turns[0].images[0].getpixel((0, 0))))
    pictures = [Image.new("RGB", (2, 2), colour) for colour in ("red", "blue", "red")]
    replies = CachingJudge(judge, path).replies([[Turn("user", "look", (one,))] for one in pictures])
    assert len({reply.text for reply in replies}) == 2
    assert len(judge.asked) == 2


class Dies:
    """Answers so many conversations, then the power is gone."""

    def __init__(self, after: int) -> None:
        self.left = after

    def identity(self) -> dict[str, Any]:
        return {"name": "mortal"}

    def replies(self, conversations: Sequence[Conversation]) -> list[Reply]:
        self.left -= len(conversations)
        if self.left < 0:
            raise KeyboardInterrupt
        return [Reply("8 7") for _ in conversations]


def test_what_was_said_before_a_kill_is_not_asked_again(path: Path) -> None:
    conversations = said(*(str(k) for k in range(3 * AT_ONCE)))
    with pytest.raises(KeyboardInterrupt):
        CachingJudge(Dies(2 * AT_ONCE), path).replies(conversations)
    again = Dies(AT_ONCE)
    assert len(CachingJudge(again, path).replies(conversations)) == 3 * AT_ONCE
    assert again.left == 0


def test_a_torn_last_line_is_asked_again(path: Path) -> None:
    judge = ScriptedJudge("8 7")
    CachingJudge(judge, path).replies(said("a", "b"))
    path.write_bytes(path.read_bytes()[:-9])
    assert [reply.text for reply in CachingJudge(judge, path).replies(said("a", "b"))] == ["8 7", "8 7"]
    assert [turns[0].text for turns in judge.asked] == ["a", "b", "b"]


@pytest.mark.parametrize("content", ['{"a": 1}\n{"b": 2}\n', "rubbish\nrubbish\n"])
def test_a_file_of_something_else_is_refused(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(InputError, match=r"replies\.jsonl"):
        CachingJudge(ScriptedJudge("8 7"), path).replies(said("a"))


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        CachingJudge(ScriptedJudge("8 7"), tmp_path / "file" / "replies.jsonl").replies(said("a"))


def test_a_judge_is_chosen_by_name_or_given(path: Path) -> None:
    judge = ScriptedJudge("8 7")
    assert choose_judge(judge) is judge
    assert isinstance(choose_judge(judge, replies=path), CachingJudge)
    with pytest.raises(UnknownName):
        choose_judge("judge_openia")


def test_an_instrument_that_gives_no_replies_is_no_judge() -> None:
    with pytest.raises(UsageError, match="'shapes_oracle' is no judge"):
        choose_judge("shapes_oracle")


def test_a_success_without_text_is_no_reply(path: Path) -> None:
    judge = ScriptedJudge("8 7")
    CachingJudge(judge, path).replies(said("a"))
    path.write_text(path.read_text().replace('"text":"8 7"', '"text":null'))
    with pytest.raises(InputError, match="give another one as replies"):
        CachingJudge(judge, path).replies(said("a"))


def test_whatever_a_judge_of_ones_own_reports_is_kept(path: Path) -> None:
    odd = Reply("8 \ud83d 7", details={"\ud83d": float("nan"), "usage": {"cost": float("inf")}})
    judge = ScriptedJudge(lambda _: odd)
    first = CachingJudge(judge, path).replies(said("a"))
    assert CachingJudge(judge, path).replies(said("a")) == first
    assert len(judge.asked) == 1


def test_a_cut_reply_is_known_as_cut_from_the_file_too(path: Path) -> None:
    judge = ScriptedJudge(lambda _: Reply("8 7", details={"finish_reason": "length"}))
    assert CachingJudge(judge, path).replies(said("a"))[0].cut
    assert CachingJudge(judge, path).replies(said("a"))[0].cut
