"""120 scenes with three questions each; the set never changes. Of each kind half of the answers are yes.

Every scene is to be described. Crowded and numerous scenes are asked for a number and by negation, assorted
ones twice for relations of three objects, hidden ones twice about the half-hidden object.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from selfreward_eval.harness.records import fingerprint
from selfreward_eval.tasks.shapes.judge.facts import facts
from selfreward_eval.tasks.shapes.language import Question, ask
from selfreward_eval.tasks.shapes.llavabench_hard.asking import HARD
from selfreward_eval.tasks.shapes.llavabench_hard.scenes import MAKERS
from selfreward_eval.tasks.shapes.scene import Scene, Thing

SCENES = 120
SEED = 20261130
"""Seed of the scenes; training does not use it."""

ASKED = {
    "crowded": ("counting", "negation"),
    "numerous": ("counting", "negation"),
    "assorted": ("relation", "relation"),
    "hidden": ("occlusion", "occlusion"),
}
"""Kind of scene -> categories of the two questions beside the description."""


@dataclass(frozen=True)
class HardQuestion:
    """One question about one scene.

    Attributes:
        number: of the scene.
        world: the scene's kind.
        scene: what the picture shows.
        category: description, counting, negation, relation or occlusion.
        question: with its right answer.
    """

    number: int
    world: str
    scene: Scene
    category: str
    question: Question


@cache
def questions() -> tuple[HardQuestion, ...]:
    """All 360, scene by scene."""
    rows: list[HardQuestion] = []
    drawn: set[frozenset[Thing]] = set()
    asked_before = dict.fromkeys(HARD, 0)
    worlds = list(MAKERS)
    for number in range(SCENES):
        rng = np.random.default_rng((SEED, number))
        world = worlds[number % len(worlds)]
        while True:
            scene = MAKERS[world](rng)
            asked = _asked(rng, scene, world, asked_before)
            if asked is not None and frozenset(scene.things) not in drawn:
                break
        drawn.add(frozenset(scene.things))
        for category, _ in asked[1:]:
            asked_before[category] += 1
        rows += [HardQuestion(number, world, scene, category, question) for category, question in asked]
    return tuple(rows)


def _asked(
    rng: np.random.Generator, scene: Scene, world: str, before: dict[str, int]
) -> list[tuple[str, Question]] | None:
    """The three questions about a scene; None if one of them cannot be asked of it."""
    description = ask(rng, scene, "caption")
    assert description is not None
    asked = [("description", description)]
    counts = dict(before)
    for category in ASKED[world]:
        make, kinds = HARD[category]
        turn, place = divmod(counts[category], len(kinds))
        question = make(rng, scene, kinds[place], ("yes", "no")[turn % 2])
        if question is None:
            return None
        counts[category] += 1
        asked.append((category, question))
    return asked


@cache
def digest() -> str:
    """Fingerprint of all questions with answers and scenes, for the record."""
    return fingerprint(
        [[row.category, row.question.text, row.question.answer, facts(row.scene)] for row in questions()]
    )
