"""Measures pictures with a judge, which describes every picture and then answers block by block.

Shared by all tasks with such questions; they differ in items and judge only. The conversations of a
picture's blocks contain the same description and no answers of other blocks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.instruments.judging import Conversation, Judge, Reply, Turn
from selfreward_eval.harness.records import Item, Measurement, Status
from selfreward_eval.tasks.judged.evidence import JudgeSetup, unanswered
from selfreward_eval.tasks.judged.templates import Template, hashes, load_template
from selfreward_eval.tasks.t2i_reasonbench.dimensions import QUALITY, block_mean, dimension_of
from selfreward_eval.tasks.t2i_reasonbench.items import questions_of
from selfreward_eval.tasks.t2i_reasonbench.parsing import parser_named
from selfreward_eval.tasks.t2i_reasonbench.questions import JudgeQuestion, format_questions

if TYPE_CHECKING:
    from PIL.Image import Image

TEMPLATES = Path(__file__).with_name("templates")
DESCRIBE = "describe"
"""The stage before the blocks."""

Blocks = Mapping[str, Sequence[JudgeQuestion]]
"""Block -> what is asked in it, in the order of asking."""


@dataclass(frozen=True)
class Prompts:
    """The prompts for the judge.

    Attributes:
        describe: the first turn.
        score: the turn of a block, with the ``$questions`` and their number ``$count``.
    """

    describe: Template
    score: Template

    @classmethod
    def ours(cls, describe: str | Path | None = None, score: str | Path | None = None) -> Prompts:
        """The prompts that ship with the task, or a user's files in their place.

        Raises:
            InputError: a file cannot be read.
            UsageError: ``$questions`` is missing in it, or it contains an unknown name.
        """
        return cls(
            load_template(DESCRIBE, TEMPLATES / "describe.txt", describe, needs=()),
            load_template("score", TEMPLATES / "score.txt", score, needs=["questions"], may=["count"]),
        )

    def hashes(self) -> dict[str, str]:
        """Name -> sha256."""
        return hashes({DESCRIBE: self.describe, "score": self.score})


def ask(
    judge: Judge, images: Sequence[Image], blocks: Sequence[Blocks], prompts: Prompts
) -> list[dict[str, Reply]]:
    """Every picture's replies by stage: the description, then one per block.

    All descriptions are requested in one batch, then all blocks of all pictures. For a picture without
    a description no block is requested.
    """
    openings = [[Turn("user", prompts.describe.fill(), (image,))] for image in images]
    by_picture = [{DESCRIBE: reply} for reply in judge.replies(openings)]
    asked: list[tuple[int, str]] = []
    conversations: list[Conversation] = []
    for number, (opening, replies) in enumerate(zip(openings, by_picture, strict=True)):
        description = replies[DESCRIBE].text
        if description is None:
            continue
        for block, questions in blocks[number].items():
            listing = prompts.score.fill(questions=format_questions(tuple(questions)), count=len(questions))
            asked.append((number, block))
            conversations.append([*opening, Turn("assistant", description), Turn("user", listing)])
    for (number, block), reply in zip(asked, judge.replies(conversations), strict=True):
        by_picture[number][block] = reply
    return by_picture


def measure_pictures(
    judge: Judge, items: Sequence[Item], images: Sequence[Image], prompts: Prompts, parser: str
) -> list[Measurement]:
    """One measurement per picture, with the judge's raw replies as evidence.

    Args:
        judge: must read pictures.
        items: of every picture, from :mod:`selfreward_eval.tasks.t2i_reasonbench.items`; their category is a
            dimension.
        images: RGB, aligned with ``items``.
        prompts: the prompts for the judge.
        parser: name of one in :data:`selfreward_eval.tasks.t2i_reasonbench.parsing.PARSERS`.
    """
    setup = JudgeSetup.of(judge, prompts.hashes(), parser)
    blocks = [questions_of(item) for item in items]
    answers = ask(judge, images, blocks, prompts)
    return [read_replies(item, replies, setup) for item, replies in zip(items, answers, strict=True)]


def read_replies(item: Item, replies: Mapping[str, Reply], setup: JudgeSetup) -> Measurement:
    """The measurement from a picture's replies: ``accuracy`` and ``quality`` in [0, 1].

    If one block has no reply, or one that cannot be parsed, the picture has no values. The scores of its
    other blocks stay in the evidence and enter no number.

    Raises:
        InputError: the item holds no questions.
        UsageError: no such parser or dimension.
    """
    dimension, parser = dimension_of(item.category), parser_named(setup.parser)
    scores: dict[str, list[float]] = {}
    complaints: list[str] = []
    for block, questions in questions_of(item).items():
        reply = replies.get(block)
        if reply is None or reply.text is None:
            continue
        parsed = parser(reply.text, len(questions))
        if parsed.scores is None:
            complaints.append(f"{block}: {parsed.complaint}")
        else:
            scores[block] = list(parsed.scores)
    evidence: dict[str, Any] = setup.evidence(replies, scores=scores)
    if (no_reply := unanswered(replies, evidence)) is not None:
        return no_reply
    if lacking := [block for block in dimension.blocks if block not in replies]:
        reason = f"no reply to {lacking[0]!r}: the block was not asked"
        return Measurement(Status.JUDGE_TRANSPORT_ERROR, reason=reason, evidence=evidence)
    if complaints:
        return Measurement(Status.JUDGE_PARSE_ERROR, reason="\n".join(complaints), evidence=evidence)
    means = {block: block_mean(values) for block, values in scores.items()}
    values = {"accuracy": dimension.accuracy(means), QUALITY: means[QUALITY]}
    reason = "; ".join(
        f"{block} {', '.join(f'{score:g}' for score in block_scores)}"
        for block, block_scores in scores.items()
    )
    return Measurement(Status.SUCCESS, values, reason, evidence)
