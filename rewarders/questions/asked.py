"""What a question maker returns, and what a question maker is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from selfreward_eval.rewarders.self_vqa import Question

__all__ = ["PromptQuestions", "QuestionMaker"]


@dataclass(frozen=True)
class PromptQuestions:
    """Questions about the pictures of one prompt.

    Attributes:
        objects: for each object that the prompt names, the questions about a picture that may show only
            this object; the object is present if every answer is yes.
        layout: about the whole picture: what is in it, how many, and how they stand.
        whole: the questions into which the prompt is decomposed for a whole picture.
    """

    objects: tuple[tuple[Question, ...], ...]
    layout: tuple[Question, ...]
    whole: tuple[Question, ...]


QuestionMaker: TypeAlias = Callable[[str, Mapping[str, Any]], PromptQuestions]
"""(prompt, the item's metadata) -> questions. Raises InputError for a prompt that it cannot decompose."""
