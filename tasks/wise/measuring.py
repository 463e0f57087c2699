"""Measures pictures with a judge that is asked again, up to three times, while its reply cannot be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.judging import Conversation, Judge, Reply, Turn
from selfreward_eval.harness.instruments.verdicts import CUT
from selfreward_eval.harness.records import Item, Measurement, Status
from selfreward_eval.tasks.judged.evidence import JudgeSetup, unanswered
from selfreward_eval.tasks.judged.parsed import Parsed, unreadable
from selfreward_eval.tasks.judged.templates import Template, hashes, load_template
from selfreward_eval.tasks.wise.editions import ASPECTS, wiscore
from selfreward_eval.tasks.wise.protocols import Protocol

if TYPE_CHECKING:
    from PIL.Image import Image

TEMPLATES = Path(__file__).with_name("templates")

SYSTEM = Template("system", "You audit generated pictures and keep strictly to the rules that you are given.")
"""What the judge is told first."""

METRIC = "wiscore"


@dataclass(frozen=True)
class Prompts:
    """What the judge is told.

    Attributes:
        system: the first turn.
        instruction: the second, with ``$prompt`` and ``$explanation``.
    """

    system: Template
    instruction: Template

    @classmethod
    def ours(cls, name: str, own: str | Path | None = None) -> Prompts:
        """The texts that ship with the task ``name``, or a user's file in place of the instruction.

        Raises:
            InputError: the file cannot be read.
            UsageError: it leaves the prompt or the explanation out, or contains an unknown name.
        """
        needs = ("prompt", "explanation")
        return cls(SYSTEM, load_template("instruction", TEMPLATES / f"{name}.txt", own, needs=needs))

    def hashes(self) -> dict[str, str]:
        """Name -> sha256."""
        return hashes({"system": self.system, "instruction": self.instruction})

    def about(self, item: Item, image: Image) -> Conversation:
        """What is asked about a picture of ``item``.

        Raises:
            InputError: the item has no explanation.
        """
        try:
            explanation = item.metadata["explanation"]
        except (KeyError, TypeError) as error:
            raise InputError(f"item {item.id!r} holds no explanation ({error}); load it anew") from error
        text = self.instruction.fill(prompt=item.text, explanation=explanation)
        return [Turn("system", self.system.text), Turn("user", text, (image,))]


def measure_pictures(
    judge: Judge,
    items: Sequence[Item],
    images: Sequence[Image],
    prompts: Prompts,
    protocol: Protocol,
    setup: JudgeSetup,
) -> list[Measurement]:
    """One measurement per picture, with the judge's raw replies as evidence.

    Args:
        judge: must read pictures.
        items: of every picture, from :mod:`selfreward_eval.tasks.wise.items`.
        images: RGB, aligned with ``items``.
        prompts: what the judge is told.
        protocol: how a reply is read, and how often the same is asked.
        setup: recorded beside the replies.
    """
    conversations = [prompts.about(item, image) for item, image in zip(items, images, strict=True)]
    return [read_replies(replies, protocol, setup) for replies in ask(judge, conversations, protocol)]


def ask(judge: Judge, conversations: Sequence[Conversation], protocol: Protocol) -> list[dict[str, Reply]]:
    """Every conversation's replies by attempt, the last of which can be read unless none can."""
    by_picture: list[dict[str, Reply]] = [{} for _ in conversations]
    open_ones = list(range(len(conversations)))
    for attempt in range(1, protocol.attempts + 1):
        if not open_ones:
            break
        replies = judge.replies([conversations[number] for number in open_ones])
        for number, reply in zip(open_ones, replies, strict=True):
            by_picture[number][f"attempt_{attempt}"] = reply
        open_ones = [
            number
            for number, reply in zip(open_ones, replies, strict=True)
            if reading(reply, protocol).scores is None
        ]
    return by_picture


def reading(reply: Reply, protocol: Protocol) -> Parsed:
    """The scores in a reply. One that did not end by itself has none, although upstream would read it."""
    if reply.text is None:
        return unreadable(reply.reason or "the judge gave no reply and no reason")
    return unreadable(CUT) if reply.cut else protocol.read(reply.text)


def read_replies(replies: Mapping[str, Reply], protocol: Protocol, setup: JudgeSetup) -> Measurement:
    """The measurement from a picture's replies: ``wiscore`` in [0, 1] of the first that can be read.

    A picture without such a reply has no score: its status is a transport error if an attempt brought no
    text, so that a resumed run asks again, and else a parse error.
    """
    attempts = dict(list(replies.items())[: protocol.attempts])
    complaints = []
    for stage, reply in attempts.items():
        parsed = reading(reply, protocol)
        if parsed.scores is not None:
            return Measurement(
                Status.SUCCESS, _values(parsed.scores), str(reply.text), setup.evidence(attempts)
            )
        complaints.append(f"{stage}: {parsed.complaint}")
    evidence = setup.evidence(attempts)
    return unanswered(attempts, evidence) or Measurement(
        Status.JUDGE_PARSE_ERROR, reason="\n".join(complaints), evidence=evidence
    )


def _values(scores: Sequence[float]) -> dict[str, float]:
    if len(scores) == 1:
        return {METRIC: scores[0]}
    return {METRIC: wiscore(*scores), **dict(zip(ASPECTS, scores, strict=True))}
