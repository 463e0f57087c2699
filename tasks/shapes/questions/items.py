"""264 scenes of every kind with up to six questions each; the set never changes.

Questions and right answers are those of the shapes language, of all kinds except
captions. Each scene gets the six possible kinds that were used least before. So the
kinds are equally frequent, except ``contact``, which fewer than half of the scenes
allow.
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
"""Seed of the scenes; training does not use it."""

PER_SCENE = 6
"""Maximum number of questions about one scene."""

ASKED = tuple(kind for kind in QUESTION_KINDS if kind != "caption")
"""Kinds of question, without captions, which have many right wordings and cannot be compared as strings."""

CARD_SEED = 77
"""Seed of the scenes for the numbers on the tiny model's card."""


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
    """Every question, scene by scene; within a scene, the least used kind comes first."""
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
    """Key that is equal for scenes with the same objects, regardless of their order."""
    return frozenset(scene.things)


def elsewhere() -> Iterator[Scene]:
    """Scenes that are used elsewhere for measuring: those of ``shapes_llava_bench`` and of the model card.

    The card's scenes are sampled as in ``trainers/pretrain/measuring.py`` and
    ``tasks/shapes/oracle/accuracy.py``; the kind at each position depends on their arguments, so all kinds
    are included.
    """
    for asked in llava_bench_questions():
        yield asked.scene
    for number in range(200):
        for make in KINDS.values():
            yield make(np.random.default_rng((CARD_SEED, number)))
    for number, make in enumerate(list(KINDS.values()) * 250):
        yield make(np.random.default_rng((CARD_SEED, number)))
