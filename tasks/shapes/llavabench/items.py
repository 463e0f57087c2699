"""24 scenes with one question of each category; the set never changes.

``conv`` asks for one property, count or existence; ``detail`` asks for a
description; ``complex`` asks about two objects: a relation, a
comparison of numbers or of colours, contact or occlusion.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from selfreward_eval.tasks.shapes.language import Question, ask
from selfreward_eval.tasks.shapes.sampling import choose, counted, occluding, plain, textured, touching
from selfreward_eval.tasks.shapes.scene import Scene

SCENES = 24
SEED = 20251123
"""Seed of the scenes; training does not use it."""

KINDS = {
    "conv": ("colour", "shape", "count", "existence", "texture", "textured"),
    "detail": ("caption",),
    "complex": ("relation", "wording", "compare", "same", "contact"),
}
"""LLaVA-Bench's category -> kinds of question."""

MAKERS = (plain, plain, counted, textured, occluding, touching)
"""Kinds of scene, used in rotation."""


@dataclass(frozen=True)
class SceneQuestion:
    """One question about one scene.

    Attributes:
        number: of the scene.
        scene: what the picture shows.
        category: conv, detail or complex.
        question: with its right answer.
    """

    number: int
    scene: Scene
    category: str
    question: Question


@cache
def questions() -> tuple[SceneQuestion, ...]:
    """All 72, scene by scene."""
    rows: list[SceneQuestion] = []
    for number in range(SCENES):
        rng = np.random.default_rng((SEED, number))
        maker = MAKERS[number % len(MAKERS)]
        by_category: dict[str, Question] = {}
        while len(by_category) < len(KINDS):
            # If a category has no question about the scene, another scene is sampled with all its questions.
            scene = maker(rng)
            by_category = {}
            for category, kinds in KINDS.items():
                for _ in range(20):
                    question = ask(rng, scene, choose(rng, kinds))
                    if question is not None:
                        by_category[category] = question
                        break
        rows += [
            SceneQuestion(number, scene, category, question) for category, question in by_category.items()
        ]
    return tuple(rows)
