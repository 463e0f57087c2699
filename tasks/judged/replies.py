"""A cache of a judge's replies on disk: no reply is paid for twice, and replies outlive the judge.

One JSON line per request: the judge's name, model, revision and identity hash, the conversation's
hash, and the raw reply or the reason why there is none. Only successful replies are reused. A failure
is recorded, and the request is sent again next time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.files import JsonLinesWriter, read_json_lines
from selfreward_eval.harness.folders import lock_file
from selfreward_eval.harness.instruments.backends.conversations import conversation_sha256
from selfreward_eval.harness.instruments.judging import Conversation, Judge, Reply
from selfreward_eval.harness.records import Status, fingerprint

AT_ONCE = 64
"""Conversations per batch; their replies are written before the next batch is sent."""


class CachingJudge:
    """A judge with a cache of replies. Its identity is that of the wrapped judge.

    Args:
        judge: asked for conversations that are not in the cache.
        path: the JSON-lines file; created if missing. It may hold replies of several judges.
    """

    def __init__(self, judge: Judge, path: Path) -> None:
        self.judge, self.path = judge, path
        self._known: dict[str, Reply] | None = None

    def identity(self) -> dict[str, Any]:
        """The judge's own."""
        return self.judge.identity()

    def replies(self, conversations: Sequence[Conversation]) -> list[Reply]:
        """One reply per conversation, aligned; equal conversations are sent once.

        Raises:
            InputError: the file is damaged, or cannot be written.
        """
        identity = self.judge.identity()
        known = self._cached(fingerprint(identity))
        keys = [conversation_sha256(conversation) for conversation in conversations]
        missing = {
            key: conversation
            for key, conversation in zip(keys, conversations, strict=True)
            if key not in known
        }
        new: dict[str, Reply] = {}
        missing_keys = list(missing)
        for start in range(0, len(missing_keys), AT_ONCE):
            part = missing_keys[start : start + AT_ONCE]
            answered = dict(zip(part, self.judge.replies([missing[key] for key in part]), strict=True))
            self._write(identity, answered)
            new |= answered
        known.update({key: reply for key, reply in new.items() if reply.status is Status.SUCCESS})
        return [known.get(key) or new[key] for key in keys]

    def _cached(self, judge: str) -> dict[str, Reply]:
        """Conversation hash -> reply of this judge; read once."""
        if self._known is None:
            try:
                lines = read_json_lines(self.path).records if self.path.exists() else ()
                self._known = {
                    line["conversation_sha256"]: Reply(_stored_text(line["text"]), details=line["details"])
                    for line in lines
                    if line["judge_sha256"] == judge and line["status"] == Status.SUCCESS
                }
            except (KeyError, TypeError, OSError) as error:
                raise InputError(
                    f"{self.path} is no file of a judge's replies ({error}); give another one as replies"
                ) from error
        return self._known

    def _write(self, identity: Mapping[str, Any], answered: Mapping[str, Reply]) -> None:
        """Appends replies; they are handed to the operating system when this returns."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Runs of several models may share the file; each waits for the others.
            lock = lock_file(self.path.with_name(f".{self.path.name}.lock"))
            with lock, JsonLinesWriter(self.path) as writer:
                for key, reply in answered.items():
                    writer.append(_line(identity, key, reply))
        except OSError as error:
            reason = f"{self.path} cannot be written ({error}); give another file as replies"
            raise InputError(reason) from error


def _stored_text(text: Any) -> str:
    if not isinstance(text, str):
        raise TypeError(f"a reply that succeeded has the text {text!r}")
    return text


def _line(identity: Mapping[str, Any], key: str, reply: Reply) -> dict[str, Any]:
    return {
        "judge": identity.get("name"),
        "model": identity.get("model"),
        "revision": identity.get("revision"),
        "judge_sha256": fingerprint(dict(identity)),
        "conversation_sha256": key,
        "status": str(reply.status),
        "text": reply.text,
        "reason": reply.reason,
        "details": dict(reply.details),
    }
