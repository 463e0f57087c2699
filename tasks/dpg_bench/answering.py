"""Answers to yes-or-no questions by three kinds of instruments.

An instrument that writes answers (as upstream's mPLUG does), one that gives the probability of a yes, and a
judge. Each is another evaluator, and part of the task's version.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.instruments.base import VQA, Instrument
from selfreward_eval.harness.instruments.judging import Judge, Reply, Turn
from selfreward_eval.harness.instruments.verdicts import CUT, verdict_of
from selfreward_eval.harness.records import Status
from selfreward_eval.tasks.dpg_bench.scoring import YES

if TYPE_CHECKING:
    from PIL.Image import Image

NO = "no"

JUDGE_PROMPT = "{question} Answer with one word, yes or no."
"""What a judge is asked."""


@runtime_checkable
class AnswersQuestions(Instrument, Protocol):
    """Writes answers to questions about pictures."""

    def answers(self, images: Sequence[Image], questions: Sequence[str]) -> list[str]:
        """The text of the answer to every (picture, question), aligned, as the model gives it."""
        ...


Answerer: TypeAlias = VQA | AnswersQuestions | Judge


@dataclass(frozen=True)
class Answer:
    """What an instrument says to one question.

    Attributes:
        text: None if there is no answer.
        probability: of a yes, from an instrument that gives one.
        status: ``SUCCESS``, or why there is no answer.
        reason: the same in words.
    """

    text: str | None
    probability: float | None = None
    status: Status = Status.SUCCESS
    reason: str = ""


def require_answerer(instrument: object, name: str, task: str) -> Answerer:
    """``instrument`` itself, if it can answer.

    Raises:
        UsageError: it can not.
    """
    if isinstance(instrument, AnswersQuestions | VQA | Judge):
        return instrument
    raise UsageError(
        f"task {task!r}: the instrument {name!r} answers no questions; name another as vqa: one that gives "
        "yes_probabilities, answers or replies"
    )


def answer(instrument: Answerer, images: Sequence[Image], questions: Sequence[str]) -> list[Answer]:
    """One answer per (picture, question), aligned.

    A probability above one half is a yes. A judge's reply is a yes or a no if that is all it says, in any
    case and with a full stop or without; another one, and one that was cut, is no answer.
    """
    if not questions:
        return []
    if isinstance(instrument, AnswersQuestions):
        return [Answer(text) for text in instrument.answers(images, questions)]
    if isinstance(instrument, VQA):
        probabilities = instrument.yes_probabilities(images, questions)
        return [Answer(YES if value > 0.5 else NO, float(value)) for value in probabilities]
    conversations = [
        [Turn("user", JUDGE_PROMPT.replace("{question}", question), (image,))]
        for image, question in zip(images, questions, strict=True)
    ]
    return [_read(reply) for reply in instrument.replies(conversations)]


def _read(reply: Reply) -> Answer:
    if reply.text is None:
        reason = reply.reason or "the judge gave no reply and no reason"
        return Answer(None, status=Status.JUDGE_TRANSPORT_ERROR, reason=reason)
    verdict = verdict_of(reply.text, reply.cut)
    said = verdict.text.strip().strip(".!*\"'").lower()
    if verdict.cut:
        return Answer(None, status=Status.JUDGE_PARSE_ERROR, reason=CUT)
    if said not in (YES, NO):
        reason = verdict.complaint or f"the judge said neither yes nor no: {verdict.text.strip()[:80]!r}"
        return Answer(None, status=Status.JUDGE_PARSE_ERROR, reason=reason)
    return Answer(said)
