"""Labelled cases: pictures with questions whose right scores are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from selfreward_eval.tasks.t2i_reasonbench.questions import JudgeQuestion

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class Labelled:
    """A question with its right score.

    Attributes:
        question: the question, with the criterion for 1, 0.5 and 0.
        truth: the right score: 0, 0.5 or 1.
        category: kind of question.
    """

    question: JudgeQuestion
    truth: float
    category: str


@dataclass(frozen=True)
class Case:
    """One picture with its questions, which are asked together.

    Attributes:
        id: unique among the cases.
        questions: at least one.
        picture: opens the picture, RGB; raises ``OSError`` or ``ValueError`` if it cannot be read.
        groups: further groups for the summary: grouping -> group.
    """

    id: str
    questions: tuple[Labelled, ...]
    picture: Callable[[], Image]
    groups: Mapping[str, str]
