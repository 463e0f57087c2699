"""264 scenes of every kind with up to six questions each, fixed for ever.

The questions are the shapes language's own, all kinds but the caption, and so are
the right answers. A scene is asked the six kinds, of those that it allows, that had
been asked least before: the kinds come out equally frequent, but for ``contact``,
which not half of the scenes allow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from selfreward_eval.tasks.shapes.language import QUESTION_KINDS, Question, ask
from selfreward_eval.tasks.shapes.llavabench.items import questions as llava_bench_questions
from selfreward_eval.tasks.shapes.sampling import KINDS
from selfreward_eval.tasks.shapes.scene import Scene, Thing

SCENES = 264
SEED = 20260117
"""Of the scenes; no training step draws from it."""

PER_SCENE = 6
"""At most so many questions about one scene."""

ASKED = tuple(kind for kind in QUESTION_KINDS if kind != "caption")
"""Kinds of question. A caption has many good wordings, so a string does not tell right from wrong."""

CARD_SEED = 77
"""Of the scenes behind the numbers on the tiny model's card."""


@dataclass(frozen=True)
class SceneQuestion:
    """One question about one scene.

    Attributes:
        number: of the scene.
        world: the scene's kind, a key of :data:`selfreward_eval.tasks.shapes.sampling.KINDS`.
        scene: what the picture shows.
        question: with its right answer.
    """

    number: int
    world: str
    scene: Scene
    question: Question


@cache
def questions() -> tuple[SceneQuestion, ...]:
    """Every question, scene by scene; within a scene, what was asked least before comes first."""
    rows: list[SceneQuestion] = []
    before: Counter[str] = Counter()
    drawn = {key(scene) for scene in elsewhere()}
    for number in range(SCENES):
        rng = np.random.default_rng((SEED, number))
        world = list(KINDS)[number % len(KINDS)]
        scene = KINDS[world](rng)
        while key(scene) in drawn:
            scene = KINDS[world](rng)
        drawn.add(key(scene))
        possible = {kind: question for kind in ASKED if (question := ask(rng, scene, kind)) is not None}
        chosen = sorted(possible, key=lambda kind: before[kind])[:PER_SCENE]
        before.update(chosen)
        rows += [SceneQuestion(number, world, scene, possible[kind]) for kind in chosen]
    return tuple(rows)


def key(scene: Scene) -> frozenset[Thing]:
    """The same for scenes of the same objects, whatever lies in front."""
    return frozenset(scene.things)


def elsewhere() -> Iterator[Scene]:
    """Scenes that something else is measured on: ``shapes_llava_bench``'s and the model card's.

    The card's are drawn as ``trainers/pretrain/measuring.py`` and ``tasks/shapes/oracle/accuracy.py``
    draw them; which of its kinds came when depends on their arguments, so all are given.
    """
    for asked in llava_bench_questions():
        yield asked.scene
    for number in range(200):
        for make in KINDS.values():
            yield make(np.random.default_rng((CARD_SEED, number)))
    for number, make in enumerate(list(KINDS.values()) * 250):
        yield make(np.random.default_rng((CARD_SEED, number)))
