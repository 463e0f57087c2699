"""From answers and a text judge to measurements: the reference is assistant 1, the model assistant 2.

Shared by every task of this form: only items and judge differ. The judge never sees the picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import InputError
from harness.instruments.judging import Conversation, Judge, Reply, Turn
from harness.records import Item, Measurement, Status
from tasks.judged.evidence import Asked, unanswered
from tasks.judged.templates import Template, hashes, load_template
from tasks.llava_bench.parsing import parser_named

TEMPLATES = Path(__file__).with_name("templates")
REVIEW = "review"
"""The only stage."""

NEEDS = ("context", "question", "reference", "candidate")


@dataclass(frozen=True)
class Prompts:
    """What the judge is told.

    Attributes:
        system: the first turn.
        compare: the second; context, question and both answers are filled in.
        rules: category -> instruction, for a ``compare`` that asks for ``$rule``; else empty.
    """

    system: Template
    compare: Template
    rules: Mapping[str, str]

    @classmethod
    def ours(cls, system: str | Path | None = None, compare: str | Path | None = None) -> Prompts:
        """The prompts that ship with the task, or a user's files in their place.

        Raises:
            InputError: a file cannot be read.
            UsageError: it lacks a place that must be filled, or holds other names.
        """
        return cls(
            load_template("system", TEMPLATES / "system.txt", system, needs=()),
            load_template("compare", TEMPLATES / "compare.txt", compare, needs=NEEDS, may=["rule"]),
            {},
        )

    @property
    def needs_rules(self) -> bool:
        """Whether the instruction is not in the template itself."""
        return "rule" in self.compare.names

    def hashes(self) -> dict[str, str]:
        """Name -> sha256."""
        rules = {f"rule_{name}": Template(name, text) for name, text in self.rules.items()}
        return hashes({"system": self.system, "compare": self.compare, **rules})

    def conversation(self, item: Item, candidate: str) -> Conversation:
        """What the judge is asked about one answer.

        Raises:
            InputError: the item holds no reference or context, or its category has no rule.
        """
        try:
            values = {
                "context": item.metadata["context"],
                "question": item.text,
                "reference": item.metadata["reference"],
                "candidate": candidate,
                "rule": self.rules[item.category] if self.needs_rules else "",
            }
        except KeyError as error:
            raise InputError(f"item {item.id!r} lacks {error}; load it anew") from error
        return [Turn("system", self.system.fill()), Turn("user", self.compare.fill(**values))]


def measure_answers(
    judge: Judge, items: Sequence[Item], answers: Sequence[str], prompts: Prompts, parser: str
) -> list[Measurement]:
    """One measurement per answer, with the judge's raw review as evidence.

    Args:
        judge: of text.
        items: of every answer, from :mod:`tasks.llava_bench.items`.
        answers: the model's, aligned with ``items``; an empty one is judged like any other.
        prompts: what the judge is told.
        parser: name of one in :data:`tasks.llava_bench.parsing.PARSERS`.
    """
    who = Asked.of(judge, prompts.hashes(), parser)
    asked = [prompts.conversation(item, answer) for item, answer in zip(items, answers, strict=True)]
    return [read_replies({REVIEW: reply}, who) for _, reply in zip(items, judge.replies(asked), strict=True)]


def read_replies(replies: Mapping[str, Reply], who: Asked) -> Measurement:
    """The measurement that a review makes: ``candidate`` and ``reference``, from 1 to 10.

    Raises:
        InputError: there is no review among the replies.
        UsageError: no such parser.
    """
    if REVIEW not in replies:
        raise InputError("the sample holds no review; it cannot be scored again")
    evidence = who.evidence(replies)
    if (silent := unanswered(replies, evidence)) is not None:
        return silent
    parsed = parser_named(who.parser)(str(replies[REVIEW].text))
    if parsed.scores is None:
        return Measurement(Status.JUDGE_PARSE_ERROR, reason=parsed.complaint, evidence=evidence)
    reference, candidate = parsed.scores
    values = {"candidate": candidate, "reference": reference}
    reason = f"candidate {candidate:g}, reference {reference:g}"
    return Measurement(Status.SUCCESS, values, reason, evidence)
