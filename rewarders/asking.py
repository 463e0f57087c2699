"""How sure a model is of an answer, read off its likelihoods: a unified model as its own VQA instrument.

>>> Question("how many stars are there?", yes=("two",), no=("zero", "one", "three"))
Question(text='how many stars are there?', yes=('two',), no=('zero', 'one', 'three'), fills=())
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, inf, log
from typing import TYPE_CHECKING, Any, TypeAlias

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.instruments.base import VQA
from selfreward_eval.harness.models.base import Model, OptionLogProbs, require

if TYPE_CHECKING:
    from PIL.Image import Image

YES, NO = ("yes",), ("no",)

ROWS = 64
"""(picture, question) or (picture, answer) pairs that are computed together."""

Jobs: TypeAlias = Mapping[tuple[int, str], Mapping[str, None]]
"""(picture, question) -> every way to write one of its answers."""

Scored: TypeAlias = dict[tuple[int, str, str], float]
"""(picture, question, way) -> its log-likelihood."""


@dataclass(frozen=True)
class Fill:
    """A word that a question needs and only the picture can tell.

    Attributes:
        name: the question holds it in braces.
        question: what is asked to learn it.
        options: the likeliest of these is taken.
    """

    name: str
    question: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """A question with the answers that count as a yes and those that count as a no.

    Attributes:
        text: what is asked.
        yes: answers, none of them also in ``no``.
        no: answers.
        fills: asked first, to complete ``text``.
    """

    text: str
    yes: tuple[str, ...] = YES
    no: tuple[str, ...] = NO
    fills: tuple[Fill, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether any VQA instrument can be asked it."""
        return (self.yes, self.no, self.fills) == (YES, NO, ())


@dataclass(frozen=True)
class Answer:
    """What came of a question.

    Attributes:
        question: as it was asked, completed.
        probability: P(yes) / (P(yes) + P(no)) in [0, 1]; NaN where the backend computes none.
    """

    question: str
    probability: float


def answers(vqa: VQA, images: Sequence[Image], questions: Sequence[Question]) -> list[Answer]:
    """One answer per (picture, question), aligned.

    Raises:
        UsageError: ``vqa`` reads yes and no only, and a question wants another answer.
    """
    if isinstance(vqa, SelfVQA):
        return vqa.answers(images, questions)
    for question in questions:
        if not question.plain:
            raise UsageError(
                f"{vqa.identity().get('name')} answers yes or no and cannot be asked {question.text!r}; "
                "choose other questions, or vqa=self"
            )
    texts = [question.text for question in questions]
    found = vqa.yes_probabilities(images, texts) if texts else []
    return [Answer(text, float(p)) for text, p in zip(texts, found, strict=True)]


class SelfVQA:
    """The :class:`~selfreward_eval.harness.instruments.base.VQA` that a model is to itself.

    Args:
        model: an adapter with ``text_logprobs``; one that also has ``option_logprobs`` is asked by it,
            which gives the same values faster.
        spellings: further ways to write an answer, such as ``{"yes": ("Yes",), "no": ("No",)}``;
            their probabilities are added. A model with a small vocabulary knows one way only.
        snapshot: which weights these are, if they are no longer those of the model's identity.
    """

    def __init__(
        self,
        model: Model,
        spellings: Mapping[str, Sequence[str]] | None = None,
        snapshot: str | None = None,
    ) -> None:
        self.model = require(model, "text_logprobs", "the model as its own VQA instrument")
        self.spellings = {answer: tuple(ways) for answer, ways in (spellings or {}).items()}
        self.snapshot = snapshot

    def identity(self) -> dict[str, Any]:
        return {
            "name": "self_vqa",
            "model": self.model.identity(),
            "snapshot": self.snapshot,
            "spellings": {answer: list(ways) for answer, ways in self.spellings.items()},
        }

    def yes_probabilities(self, images: Sequence[Image], questions: Sequence[str]) -> list[float]:
        """P(yes) / (P(yes) + P(no)) in [0, 1] for every (picture, question), aligned."""
        return [answer.probability for answer in self.answers(images, [Question(text) for text in questions])]

    def answers(self, images: Sequence[Image], questions: Sequence[Question]) -> list[Answer]:
        """One answer per (picture, question), aligned; any answers may count as a yes."""
        # Held in a list: a sequence that opens its pictures on access would have ids used twice.
        images = list(images)
        texts = self._completed(images, questions)
        asked = [(text, q.yes, q.no) for text, q in zip(texts, questions, strict=True)]
        likely = self._likelihoods(images, [(text, (*yes, *no)) for text, yes, no in asked])
        return [
            Answer(text, _share(row[: len(yes)], row[len(yes) :]))
            for (text, yes, _), row in zip(asked, likely, strict=True)
        ]

    def _completed(self, images: Sequence[Image], questions: Sequence[Question]) -> list[str]:
        """The questions' texts with their words from the pictures filled in."""
        wanted = [(k, fill) for k, question in enumerate(questions) for fill in question.fills]
        likely = self._likelihoods(
            [images[k] for k, _ in wanted], [(fill.question, fill.options) for _, fill in wanted]
        )
        texts = [question.text for question in questions]
        for (k, fill), row in zip(wanted, likely, strict=True):
            best = fill.options[max(range(len(row)), key=row.__getitem__)]
            texts[k] = texts[k].replace("{" + fill.name + "}", best)
        return texts

    def _likelihoods(
        self, images: Sequence[Image], asked: Sequence[tuple[str, tuple[str, ...]]]
    ) -> list[list[float]]:
        """log P of every answer, all its spellings together, for every (picture, (question, answers)).

        Equal pairs of picture and question are computed once, with all answers that any of them needs.
        """
        jobs: dict[tuple[int, str], dict[str, None]] = {}
        pictures = {id(image): image for image in images}
        for image, (text, options) in zip(images, asked, strict=True):
            ways = jobs.setdefault((id(image), text), {})
            ways.update((way, None) for option in options for way in self._ways(option))
        if isinstance(self.model, OptionLogProbs):
            # It reads a question once for all its answers; the values are the same.
            scored = self._at_once(self.model, jobs, pictures)
        else:
            scored = self._one_question(jobs, pictures)
        return [
            [log_sum(scored[id(image), text, way] for way in self._ways(option)) for option in options]
            for image, (text, options) in zip(images, asked, strict=True)
        ]

    def _at_once(self, model: OptionLogProbs, jobs: Jobs, pictures: Mapping[int, Image]) -> Scored:
        """By ``option_logprobs``, which takes any questions together."""
        scored: Scored = {}
        rows = list(jobs)
        for start in range(0, len(rows), ROWS):
            part = rows[start : start + ROWS]
            found = model.option_logprobs(
                [pictures[picture] for picture, _ in part],
                [text for _, text in part],
                [list(jobs[row]) for row in part],
            )
            for row, options in zip(part, found, strict=True):
                for way, tokens in zip(jobs[row], options, strict=True):
                    scored[(*row, way)] = float(tokens.double().sum())
        return scored

    def _one_question(self, jobs: Jobs, pictures: Mapping[int, Image]) -> Scored:
        """By ``text_logprobs``, which takes one question a call."""
        scored: Scored = {}
        pairs: dict[str, list[tuple[int, str]]] = {}
        for (picture, text), ways in jobs.items():
            pairs.setdefault(text, []).extend((picture, way) for way in ways)
        for text, rows in pairs.items():
            for start in range(0, len(rows), ROWS):
                part = rows[start : start + ROWS]
                found = self.model.text_logprobs(
                    [pictures[picture] for picture, _ in part], [way for _, way in part], question=text
                )
                for (picture, way), tokens in zip(part, found, strict=True):
                    scored[picture, text, way] = float(tokens.double().sum())
        return scored

    def _ways(self, answer: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys((answer, *self.spellings.get(answer, ()))))


def log_sum(values: Any) -> float:
    """log of the sum of exponentials; NaN if one is NaN."""
    terms = list(values)
    if any(term != term for term in terms):
        return float("nan")
    top = max(terms, default=-inf)
    return top if top == -inf else top + log(sum(exp(term - top) for term in terms))


def _share(yes: Sequence[float], no: Sequence[float]) -> float:
    """The part of ``yes`` in both, from log-probabilities; NaN where there is no probability at all."""
    whole = log_sum((*yes, *no))
    return exp(log_sum(yes) - whole) if whole > -inf else float("nan")
