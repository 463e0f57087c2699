"""Stores a judge's raw replies in a sample's evidence, and reads them back, so that they can be rescored.

::

    {"judge": {"name": ..., "model": ..., "revision": ..., "sha256": ...},
     "prompts": {"describe": <sha256>, ...}, "parser": "tolerant",
     "replies": {"describe": {"text": ..., "status": ..., "reason": ..., "details": {...}}, ...}}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.judging import Judge, Reply
from selfreward_eval.harness.records import Measurement, Status, fingerprint


@dataclass(frozen=True)
class JudgeSetup:
    """The judge, prompts and parser behind a score.

    Attributes:
        judge: name, model, revision, and the hash of its whole identity.
        prompts: template name -> hash.
        parser: name of the parser of the replies.
    """

    judge: Mapping[str, Any]
    prompts: Mapping[str, str]
    parser: str

    @classmethod
    def of(cls, judge: Judge, prompts: Mapping[str, str], parser: str) -> JudgeSetup:
        """The setup for a judge that is about to be asked."""
        identity = judge.identity()
        named = {key: identity.get(key) for key in ("name", "model", "revision")}
        return cls({**named, "sha256": fingerprint(identity)}, prompts, parser)

    @classmethod
    def read(cls, evidence: Mapping[str, Any], parser: str) -> JudgeSetup:
        """The setup of a recorded sample, with ``parser`` in place of the recorded one.

        Raises:
            InputError: the sample holds no setup.
        """
        try:
            return cls(dict(evidence["judge"]), dict(evidence["prompts"]), parser)
        except (KeyError, TypeError, ValueError) as error:
            raise _lacking(error) from error

    def evidence(self, replies: Mapping[str, Reply], **further: Any) -> dict[str, Any]:
        """JSON values: the setup, the replies by stage, and ``further`` entries."""
        return {
            "judge": dict(self.judge),
            "prompts": dict(self.prompts),
            "parser": self.parser,
            "replies": {stage: _reply_json(reply) for stage, reply in replies.items()},
            **further,
        }


def recorded_replies(evidence: Mapping[str, Any]) -> dict[str, Reply]:
    """The replies of a recorded sample, by stage.

    Raises:
        InputError: it holds none.
    """
    try:
        return {stage: _reply(row) for stage, row in evidence["replies"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _lacking(error) from error


def unanswered(replies: Mapping[str, Reply], evidence: dict[str, Any]) -> Measurement | None:
    """The failed measurement of a sample with a missing reply; None if all replies are there."""
    silent = {stage: reply for stage, reply in replies.items() if reply.text is None}
    if not silent:
        return None
    stage, reply = next(iter(silent.items()))
    return Measurement(
        Status.JUDGE_TRANSPORT_ERROR,
        reason=f"no reply to {stage!r}: {reply.reason or 'the judge gave no reason'}",
        evidence=evidence,
    )


def _lacking(error: Exception) -> InputError:
    return InputError(f"the sample holds no judge's replies ({error}); it cannot be scored again")


def _reply_json(reply: Reply) -> dict[str, Any]:
    return {
        "text": reply.text,
        "status": str(reply.status),
        "reason": reply.reason,
        "details": dict(reply.details),
    }


def _reply(row: Mapping[str, Any]) -> Reply:
    text, status = row["text"], Status(row["status"])
    if (status is Status.SUCCESS) != isinstance(text, str):
        raise ValueError(f"a reply with status {status} and the text {text!r}")
    return Reply(text, status, str(row.get("reason", "")), dict(row.get("details", {})))
