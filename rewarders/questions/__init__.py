"""Questions about the pictures of a prompt: pluggable, because models differ in what they understand.

========== ==================================================================
template   one question that quotes the prompt, for any text
geneval    objects, numbers, colours and relations of GenEval's metadata
chunks     the prompt's noun phrases, as T2I-CompBench asks about them
shapes     the shapes world's own questions, which the tiny model understands
auto       ``geneval`` or ``chunks`` where the item has such metadata, else ``template``
========== ==================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.rewarders.self_vqa import Question

__all__ = ["PromptQuestions", "QuestionMaker", "question_maker"]


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


def question_maker(name: str) -> QuestionMaker:
    """The question question_maker of that name.

    Raises:
        UsageError: there is none.
    """
    from selfreward_eval.rewarders.questions.english import by_metadata, chunks, geneval, template
    from selfreward_eval.rewarders.questions.shapes import shapes

    makers: dict[str, QuestionMaker] = {
        "auto": by_metadata,
        "chunks": chunks,
        "geneval": geneval,
        "shapes": shapes,
        "template": template,
    }
    if name not in makers:
        raise UsageError(f"there are no questions called {name!r}; known: {', '.join(makers)}")
    return makers[name]
