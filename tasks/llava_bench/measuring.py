"""Measures answers with a text judge: the reference is assistant 1, the model assistant 2.

Shared by all tasks of this form; they differ in items and judge only. The judge never sees the picture.
With ``swap`` the judge is asked a second time with the answers exchanged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.judging import Conversation, Judge, Reply, Turn
from selfreward_eval.harness.records import Item, Measurement, Status
from selfreward_eval.tasks.judged.evidence import JudgeSetup, unanswered
from selfreward_eval.tasks.judged.templates import Template, hashes, load_template
from selfreward_eval.tasks.llava_bench.orders import both_orders
from selfreward_eval.tasks.llava_bench.parsing import parser_named

TEMPLATES = Path(__file__).with_name("templates")
REVIEW = "review"
"""Stage of the protocol: the reference is assistant 1."""

SWAPPED = "review_swapped"
"""Additional stage with ``swap``: the candidate is assistant 1."""

NEEDS = ("context", "question", "reference", "candidate")


@dataclass(frozen=True)
class Prompts:
    """The prompts for the judge.

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
            UsageError: a required name is missing in it, or it contains an unknown name.
        """
        return cls(
            load_template("system", TEMPLATES / "system.txt", system, needs=()),
            load_template("compare", TEMPLATES / "compare.txt", compare, needs=NEEDS, may=["rule"]),
            {},
        )

    @property
    def needs_rules(self) -> bool:
        """Whether the template asks for upstream's instruction per category."""
        return "rule" in self.compare.names

    def hashes(self) -> dict[str, str]:
        """Name -> sha256."""
        rules = {f"rule_{name}": Template(name, text) for name, text in self.rules.items()}
        return hashes({"system": self.system, "compare": self.compare, **rules})

    def conversation(self, item: Item, candidate: str, stage: str = REVIEW) -> Conversation:
        """The conversation about one answer.

        In the stage :data:`SWAPPED` the answers are exchanged: ``$reference`` is always filled with the
        answer of Assistant 1, and ``$candidate`` with that of Assistant 2.

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
        if stage == SWAPPED:
            values |= {"reference": values["candidate"], "candidate": values["reference"]}
        return [Turn("system", self.system.fill()), Turn("user", self.compare.fill(**values))]


def measure_answers(
    judge: Judge,
    items: Sequence[Item],
    answers: Sequence[str],
    prompts: Prompts,
    parser: str,
    swap: bool = False,
) -> list[Measurement]:
    """One measurement per answer, with the judge's raw review as evidence, or both with ``swap``.

    Args:
        judge: of text.
        items: of every answer, from :mod:`selfreward_eval.tasks.llava_bench.items`.
        answers: the model's, aligned with ``items``; an empty one is judged like any other.
        prompts: the prompts for the judge.
        parser: name of one in :data:`selfreward_eval.tasks.llava_bench.parsing.PARSERS`.
        swap: ask in both orders.
    """
    setup = JudgeSetup.of(judge, prompts.hashes(), parser)
    stages = _stages(swap)
    conversations = [
        prompts.conversation(item, answer, stage)
        for item, answer in zip(items, answers, strict=True)
        for stage in stages
    ]
    replies = iter(judge.replies(conversations))
    return [read_replies({stage: next(replies) for stage in stages}, setup, swap) for _ in items]


def read_replies(replies: Mapping[str, Reply], setup: JudgeSetup, swap: bool = False) -> Measurement:
    """The measurement from a review: ``candidate`` and ``reference``, from 1 to 10.

    With ``swap`` both reviews must be present and readable; :mod:`selfreward_eval.tasks.llava_bench.orders`
    combines them. All replies stay in the evidence, including those that are not parsed.

    Raises:
        InputError: a review is not among the replies.
        UsageError: no such parser.
    """
    for stage, description in zip(_stages(swap), ("review", "review of the exchanged answers"), strict=False):
        if stage not in replies:
            raise InputError(f"the sample holds no {description}; it cannot be scored again")
    evidence = setup.evidence(replies)
    scored_replies = {stage: replies[stage] for stage in _stages(swap)}
    if (no_reply := unanswered(scored_replies, evidence)) is not None:
        return no_reply
    parse = parser_named(setup.parser)
    pairs = []
    for stage, reply in scored_replies.items():
        parsed = parse(str(reply.text), reply.cut)
        if parsed.scores is None:
            reason = f"{stage}: {parsed.complaint}" if swap else parsed.complaint
            return Measurement(Status.JUDGE_PARSE_ERROR, reason=reason, evidence=evidence)
        first, second = parsed.scores
        pairs.append((second, first) if stage == SWAPPED else (first, second))
    reference, candidate = pairs[0]
    values = both_orders(*pairs) if swap else {"candidate": candidate, "reference": reference}
    reason = f"candidate {candidate:g}, reference {reference:g}"
    if swap:
        reason += f"; exchanged: candidate {pairs[1][1]:g}, reference {pairs[1][0]:g}"
    return Measurement(Status.SUCCESS, values, reason, evidence)


def _stages(swap: bool) -> tuple[str, ...]:
    return (REVIEW, SWAPPED) if swap else (REVIEW,)
