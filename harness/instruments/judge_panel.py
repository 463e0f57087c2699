"""Several judges, or repeats of one, behind the contract of a judge.

>>> from selfreward_eval.harness.testing.scripted_judge import ScriptedJudge
>>> from selfreward_eval.harness.instruments.judging import Turn
>>> panel = PanelJudge({"kind": ScriptedJudge("9 9"), "strict": ScriptedJudge("9 4")})
>>> (reply,) = panel.replies([[Turn("user", "two answers")]])
>>> reply.text, [one.text for one in panel_replies(reply)]
('9 9', ['9 9', '9 4'])

The panel's reply is that of the first member, or its failure, so that a score has one author. The replies
of all members are in its details, and so in a sample's evidence; agreement of their scores is computed
from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.instruments.build import build
from selfreward_eval.harness.instruments.judging import Conversation, Judge, Reply
from selfreward_eval.harness.records import Status

__all__ = ["PanelJudge", "panel_replies"]

KEY = "panel"
"""Of a reply's details."""


class PanelJudge:
    """Asks every member the same.

    Args:
        members: name -> a judge, or its registry name under ``judge`` with the arguments of its
            constructor beside it: ``members.a.judge=judge_openai,members.a.model=...``. The panel's reply
            is the first one's.
        repeats: how often each member is asked, at least 1.

    Raises:
        UsageError: no members, one that is no judge, or fewer than two replies to a conversation.
    """

    def __init__(self, members: Mapping[str, Judge | Mapping[str, Any]], repeats: int = 1) -> None:
        if not isinstance(members, Mapping) or not members:
            raise UsageError("judge_panel needs members; write members.NAME.judge=JUDGE for each")
        if isinstance(repeats, bool) or not isinstance(repeats, int) or repeats < 1:
            raise UsageError(f"judge_panel: repeats is a whole number from 1, got {repeats!r}")
        if len(members) * repeats < 2:
            raise UsageError("judge_panel has one member that is asked once; name another, or set repeats=2")
        self.members = {str(name): _member(str(name), given) for name, given in members.items()}
        self.repeats = repeats

    def identity(self) -> dict[str, Any]:
        """Those of its members, in order, and how often each is asked."""
        members = [{"member": name, **judge.identity()} for name, judge in self.members.items()]
        return {"name": "judge_panel", "members": members, "repeats": self.repeats}

    def replies(self, conversations: Sequence[Conversation]) -> list[Reply]:
        """One reply per conversation: the first member's first one, with all members' in its details."""
        by_member = [
            (name, judge.replies(conversations))
            for name, judge in self.members.items()
            for _ in range(self.repeats)
        ]
        return [
            Reply(
                first.text,
                first.status,
                first.reason,
                {**first.details, KEY: [_json(name, replies[k]) for name, replies in by_member]},
            )
            for k, first in enumerate(by_member[0][1])
        ]


def panel_replies(reply: Reply) -> list[Reply]:
    """The replies of a panel's members, in order; empty for a reply of a single judge.

    Raises:
        ValueError: the recorded replies are damaged.
    """
    records = reply.details.get(KEY, [])
    try:
        return [
            Reply(record["text"], Status(record["status"]), str(record["reason"]), dict(record["details"]))
            for record in records
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the panel's replies are damaged ({error})") from error


def _member(name: str, given: Judge | Mapping[str, Any]) -> Judge:
    if not isinstance(given, Mapping):
        judge: Any = given
    elif not isinstance(given.get("judge"), str):
        raise UsageError(f"judge_panel: member {name!r} lacks its judge; write members.{name}.judge=JUDGE")
    else:
        judge = build(given["judge"], {key: value for key, value in given.items() if key != "judge"})
    if not isinstance(judge, Judge):
        raise UsageError(f"judge_panel: member {name!r} is no judge: it gives no replies; name another")
    return judge


def _json(name: str, reply: Reply) -> dict[str, Any]:
    return {
        "member": name,
        "text": reply.text,
        "status": str(reply.status),
        "reason": reply.reason,
        "details": dict(reply.details),
    }
