"""A judge without a model: for tests, for dry runs, and for the effect of failures on a score.

>>> from selfreward_eval.harness.instruments.judging import Turn
>>> judge = ScriptedJudge(reply="8 7", fail="unicorn")
>>> [reply.text for reply in judge.replies([[Turn("user", "a horse")], [Turn("user", "a unicorn")]])]
['8 7', None]

A script is a JSONL file; the first line whose ``contains`` are all in the
conversation answers it, a line without ``contains`` answers everything::

    {"contains": ["Describe"], "reply": "A red circle."}
    {"contains": ["unicorn"], "error": "no such animal"}
    {"reply": "{\\"reason\\": [], \\"score\\": [1, 0.5]}"}
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.instruments.backends.conversations import conversation_sha256, conversation_text
from selfreward_eval.harness.instruments.judging import Conversation, Reply
from selfreward_eval.harness.records import Status, fingerprint
from selfreward_eval.harness.user_files.text_files import parse_json, read_lines

ReplyRule: TypeAlias = Callable[[Conversation], "str | Reply | None"]
"""Conversation -> the reply's text, or a whole reply; None for a reply that fails."""


class ScriptedJudge:
    """Replies by rule.

    Args:
        reply: the text of every reply, or a function of the conversation.
        script: a JSONL file instead; see the module.
        fail: a text, or several; a conversation that contains one gets no reply.
        fail_rate: this share of all conversations gets no reply, chosen by their content and ``seed``.
        seed: of that choice.
        name: how the judge is called.
        revision: whatever tells two functions apart; a function's own name cannot.
        seconds: how long one reply takes.

    Attributes:
        asked: every conversation, in order.
    """

    def __init__(
        self,
        reply: str | ReplyRule | None = None,
        script: str | Path | None = None,
        fail: str | Sequence[str] = (),
        fail_rate: float = 0.0,
        seed: int = 0,
        name: str = "scripted",
        revision: str = "1",
        seconds: float = 0.0,
    ) -> None:
        if (reply is None) == (script is None):
            raise UsageError("judge_scripted needs either a reply or a script")
        if not 0 <= fail_rate <= 1:
            raise UsageError(f"judge_scripted: fail_rate is a share between 0 and 1, got {fail_rate!r}")
        self.fail = tuple(fail) if isinstance(fail, list | tuple) else (str(fail),)
        self.fail_rate, self.seed = float(fail_rate), int(seed)
        self.name, self.revision, self.seconds = str(name), str(revision), float(seconds)
        self.asked: list[Conversation] = []
        self._reply = reply
        self._lines = [] if script is None else _script(Path(script))

    def identity(self) -> dict[str, Any]:
        """Name, what is said, and what fails: a script by its lines, a function by its name."""
        reply = self._reply
        if callable(reply):
            rule: Any = getattr(reply, "__qualname__", type(reply).__name__)
        else:
            rule = reply if reply is not None else fingerprint(self._lines)
        return {
            "name": "judge_scripted",
            "model": self.name,
            "revision": self.revision,
            "says": rule,
            "fail": [text for text in self.fail if text],
            "fail_rate": self.fail_rate,
            "seed": self.seed,
        }

    def replies(self, conversations: Sequence[Conversation]) -> list[Reply]:
        """One reply per conversation, aligned."""
        return [self._one(conversation) for conversation in conversations]

    def _one(self, conversation: Conversation) -> Reply:
        self.asked.append(conversation)
        time.sleep(self.seconds)
        text = conversation_text(conversation)
        if any(part in text for part in self.fail if part):
            return _none("asked to fail")
        if self.fail_rate and self._draw(conversation) < self.fail_rate:
            return _none(f"asked to fail in {self.fail_rate:g} of all conversations")
        answer = self._answer(conversation, text)
        if isinstance(answer, Reply):
            return answer
        return _none("nothing to say to this") if answer is None else Reply(answer)

    def _draw(self, conversation: Conversation) -> float:
        """A number in [0, 1) that the conversation's content and the seed decide."""
        return random.Random(f"{self.seed}:{conversation_sha256(conversation)}").random()

    def _answer(self, conversation: Conversation, text: str) -> str | Reply | None:
        if callable(self._reply):
            return self._reply(conversation)
        if self._reply is not None:
            return str(self._reply)
        for line in self._lines:
            if all(part in text for part in line["contains"]):
                return _none(line["error"]) if "error" in line else str(line["reply"])
        return None


def _none(reason: str) -> Reply:
    return Reply(None, Status.JUDGE_TRANSPORT_ERROR, reason)


def _script(path: Path) -> list[dict[str, Any]]:
    """The lines of a script, every one with its ``contains`` as a list.

    Raises:
        InputError: it is not there, or a line is not of the form.
    """
    lines = []
    for number, line in enumerate(read_lines(path, "name a judge's script in UTF-8"), 1):
        if line.strip():
            lines.append(_line(line, f"{path}, line {number}"))
    return lines


def _line(line: str, where: str) -> dict[str, Any]:
    try:
        row = parse_json(line)
    except ValueError as error:
        raise InputError(f"{where} is not JSON ({error}); correct the script") from error
    if not isinstance(row, Mapping) or ("reply" in row) == ("error" in row):
        raise InputError(f"{where} needs either 'reply' or 'error'; correct the script")
    contains = row.get("contains", [])
    contains = [contains] if isinstance(contains, str) else contains
    if not isinstance(contains, list) or not all(isinstance(text, str) for text in contains):
        raise InputError(f"{where}: 'contains' is a text or a list of texts; correct the script")
    if not all(isinstance(row[key], str) for key in ("reply", "error") if key in row):
        raise InputError(f"{where}: what is said is a text; correct the script")
    return {**row, "contains": contains}
