"""A unified model as its own VQA instrument: the probability of an answer from its likelihoods.

>>> Question("how many stars are there?", yes=("two",), no=("zero", "one", "three"))
Question(text='how many stars are there?', yes=('two',), no=('zero', 'one', 'three'), fills=())
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, inf, log
from typing import TYPE_CHECKING, Any, TypeAlias

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.instruments.base import VQA
from selfreward_eval.harness.models.base import OptionLogProbs, require

if TYPE_CHECKING:
    from PIL.Image import Image

    from selfreward_eval.harness.models.base import Model
    from selfreward_eval.rewarders.models import TextScoringModel

YES, NO = ("yes",), ("no",)

ROWS = 64
"""(picture, question) or (picture, answer) pairs that are computed together."""

Spellings: TypeAlias = Mapping[tuple[int, str], Mapping[str, None]]
"""(picture, question) -> every spelling of its answers; the picture by its ``id``."""

LogLikelihoods: TypeAlias = dict[tuple[int, str, str], float]
"""(picture, question, spelling) -> log-likelihood of the spelling."""


@dataclass(frozen=True)
class Fill:
    """A word of a question that is read off the picture first.

    Attributes:
        name: of its placeholder; the question holds it in braces.
        question: what is asked to learn it.
        options: words; the likeliest one is filled in.
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
    """A question that was asked, and the probability of a yes.

    Attributes:
        question: as it was asked, with its words filled in.
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
                f"{vqa.identity().get('name')} answers yes or no only and cannot be asked "
                f"{question.text!r}; choose other questions, or vqa=self"
            )
    texts = [question.text for question in questions]
    probabilities = vqa.yes_probabilities(images, texts) if texts else []
    return [Answer(text, float(p)) for text, p in zip(texts, probabilities, strict=True)]


class SelfVQA:
    """A model as the :class:`~selfreward_eval.harness.instruments.base.VQA` instrument of its own pictures.

    Args:
        model: an adapter with ``text_logprobs``; ``option_logprobs``, where it is offered, gives the same
            values faster.
        spellings: further spellings of an answer, such as ``{"yes": ("Yes",), "no": ("No",)}``;
            their probabilities are added. A model with a small vocabulary knows one spelling only.
        snapshot: which weights these are, if they are no longer those of the model's identity.
    """

    def __init__(
        self,
        model: Model,
        spellings: Mapping[str, Sequence[str]] | None = None,
        snapshot: str | None = None,
    ) -> None:
        self.model: TextScoringModel = require(model, "text_logprobs", "the model as its own VQA instrument")
        self.spellings = {answer: tuple(others) for answer, others in (spellings or {}).items()}
        self.snapshot = snapshot

    def identity(self) -> dict[str, Any]:
        return {
            "name": "self_vqa",
            "model": self.model.identity(),
            "snapshot": self.snapshot,
            "spellings": {answer: list(others) for answer, others in self.spellings.items()},
        }

    def yes_probabilities(self, images: Sequence[Image], questions: Sequence[str]) -> list[float]:
        """P(yes) / (P(yes) + P(no)) in [0, 1] for every (picture, question), aligned."""
        return [answer.probability for answer in self.answers(images, [Question(text) for text in questions])]

    def answers(self, images: Sequence[Image], questions: Sequence[Question]) -> list[Answer]:
        """One answer per (picture, question), aligned; any answers may count as a yes."""
        # Pictures are told apart by id: a sequence that opens them on access could reuse an id.
        images = list(images)
        texts = self._completed(images, questions)
        options = [(text, (*q.yes, *q.no)) for text, q in zip(texts, questions, strict=True)]
        likelihoods = self._likelihoods(images, options)
        return [
            Answer(text, _share(row[: len(question.yes)], row[len(question.yes) :]))
            for text, question, row in zip(texts, questions, likelihoods, strict=True)
        ]

    def _completed(self, images: Sequence[Image], questions: Sequence[Question]) -> list[str]:
        """The questions' texts with their words from the pictures filled in."""
        to_fill = [(k, fill) for k, question in enumerate(questions) for fill in question.fills]
        likelihoods = self._likelihoods(
            [images[k] for k, _ in to_fill], [(fill.question, fill.options) for _, fill in to_fill]
        )
        texts = [question.text for question in questions]
        for (k, fill), row in zip(to_fill, likelihoods, strict=True):
            best = fill.options[max(range(len(row)), key=row.__getitem__)]
            texts[k] = texts[k].replace("{" + fill.name + "}", best)
        return texts

    def _likelihoods(
        self, images: Sequence[Image], questions: Sequence[tuple[str, tuple[str, ...]]]
    ) -> list[list[float]]:
        """log P of every answer, all its spellings together, for every (picture, (question, answers)).

        Equal pairs of picture and question are computed once, with all answers that any of them needs.
        """
        spellings: dict[tuple[int, str], dict[str, None]] = {}
        pictures = {id(image): image for image in images}
        for image, (text, options) in zip(images, questions, strict=True):
            of_question = spellings.setdefault((id(image), text), {})
            of_question.update((spelling, None) for option in options for spelling in self._spellings(option))
        if isinstance(self.model, OptionLogProbs):
            scored = self._by_options(self.model, spellings, pictures)
        else:
            scored = self._by_text(spellings, pictures)
        return [
            [
                log_sum(scored[id(image), text, spelling] for spelling in self._spellings(option))
                for option in options
            ]
            for image, (text, options) in zip(images, questions, strict=True)
        ]

    def _by_options(
        self, model: OptionLogProbs, spellings: Spellings, pictures: Mapping[int, Image]
    ) -> LogLikelihoods:
        """By ``option_logprobs``, which takes different questions in one call."""
        scored: LogLikelihoods = {}
        rows = list(spellings)
        for start in range(0, len(rows), ROWS):
            part = rows[start : start + ROWS]
            logprobs = model.option_logprobs(
                [pictures[picture] for picture, _ in part],
                [text for _, text in part],
                [list(spellings[row]) for row in part],
            )
            for row, options in zip(part, logprobs, strict=True):
                for spelling, tokens in zip(spellings[row], options, strict=True):
                    scored[(*row, spelling)] = float(tokens.double().sum())
        return scored

    def _by_text(self, spellings: Spellings, pictures: Mapping[int, Image]) -> LogLikelihoods:
        """By ``text_logprobs``, which takes one question a call."""
        scored: LogLikelihoods = {}
        pairs: dict[str, list[tuple[int, str]]] = {}
        for (picture, text), of_question in spellings.items():
            pairs.setdefault(text, []).extend((picture, spelling) for spelling in of_question)
        for text, rows in pairs.items():
            for start in range(0, len(rows), ROWS):
                part = rows[start : start + ROWS]
                logprobs = self.model.text_logprobs(
                    [pictures[picture] for picture, _ in part],
                    [spelling for _, spelling in part],
                    question=text,
                )
                for (picture, spelling), tokens in zip(part, logprobs, strict=True):
                    scored[picture, text, spelling] = float(tokens.double().sum())
        return scored

    def _spellings(self, answer: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys((answer, *self.spellings.get(answer, ()))))


def log_sum(values: Iterable[float]) -> float:
    """log of the sum of exponentials; NaN if one is NaN."""
    terms = list(values)
    if any(term != term for term in terms):
        return float("nan")
    top = max(terms, default=-inf)
    return top if top == -inf else top + log(sum(exp(term - top) for term in terms))


def _share(yes: Sequence[float], no: Sequence[float]) -> float:
    """P(yes) / (P(yes) + P(no)) from log-probabilities; NaN where both are 0."""
    total = log_sum((*yes, *no))
    return exp(log_sum(yes) - total) if total > -inf else float("nan")
