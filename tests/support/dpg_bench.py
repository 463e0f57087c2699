"""Invented prompts and questions of DPG-Bench, and instruments with set answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PIL import Image

HEADER = (
    "item_id,text,keywords,proposition_id,dependency,category_broad,category_detailed,tuple,"
    "question_natural_language\n"
)

PROMPT_TEXTS = {
    "partiprompts97": "A fox in a red hat sits on a box.",
    "12": "Two owls that read. ",
    "posescript3": "A dancer on one leg.",
}

ROWS = (
    ("partiprompts97", 1, "0", "entity - whole (fox)", "Is there a fox?"),
    ("partiprompts97", 2, "1", "attribute - color (hat, red)", "Is the fox's hat red?"),
    ("12", 1, "0", "entity - whole (owls)", "Are there owls?"),
    ("12", 2, "1", "other - count (owls, ==2)", "Are there two owls?"),
    ("12", 3, "1,2", "entity - state (owls, read)", "Do the owls read?"),
    ("posescript3", 1, "0", "entity - whole (dancer)", "Is there a dancer?"),
    ("posescript3", 2, "0", "global - (painting)", "Is this a painting?"),
)
"""Id, number, parents, tuple and question. Upstream skips the first one, and with it the fox's image."""

Says = Callable[[str], Any]


class Answers:
    """Writes what it is told to, and remembers what it was asked."""

    def __init__(self, says: Says) -> None:
        self.says = says
        self.asked: list[str] = []

    def identity(self) -> dict[str, Any]:
        return {"name": "answers"}

    def answers(self, images: Sequence[Image.Image], questions: Sequence[str]) -> list[Any]:
        assert len(images) == len(questions)
        self.asked += questions
        return [self.says(question) for question in questions]


class Probabilities:
    """Gives the probability of a yes that it is told to."""

    def __init__(self, says: Callable[[str], float]) -> None:
        self.says = says

    def identity(self) -> dict[str, Any]:
        return {"name": "probabilities"}

    def yes_probabilities(self, images: Sequence[Image.Image], questions: Sequence[str]) -> list[float]:
        return [self.says(question) for question in questions]


def table(rows: Sequence[tuple[Any, ...]] = ROWS) -> str:
    lines = [
        f'{item},"a text",fox,{number},"{parents}",entity,whole,"{labelled}",{question}\n'
        for item, number, parents, labelled, question in rows
    ]
    return HEADER + "".join(lines)
