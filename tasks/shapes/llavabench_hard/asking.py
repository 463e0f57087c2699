"""Questions that the shapes language of training does not have, and harder cases of those that it has.

============  ====================================================================
counting      how many objects, red objects or stars there are, one to nine
negation      ``is there no ...?``, ``... that is not red?``, ``how many ... are not red?``
relation      one object's place beside two others, by two relations or by one
occlusion     texture of a half-hidden object, and what hides it
============  ====================================================================

Right answers are :func:`selfreward_eval.tasks.shapes.judge.solving.solve`'s, so that question and judge
cannot disagree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from selfreward_eval.tasks.shapes.judge.solving import solve
from selfreward_eval.tasks.shapes.language import OPPOSITE, Question, article, ask, holds
from selfreward_eval.tasks.shapes.sampling import COLOUR_NAMES, choose
from selfreward_eval.tasks.shapes.scene import Scene, Thing
from selfreward_eval.tasks.shapes.vocabulary import COUNTS, RELATIONS, SHAPES, TEXTURES, plural

TRIES = 200
"""Draws of a question with the wanted answer before its scene is given up."""


def counting(rng: np.random.Generator, scene: Scene) -> Question:
    """A number from one to nine; every number that the scene offers is equally likely."""
    sorts = {
        "objects": len(scene.things),
        **{f"{colour} objects": n for colour, n in Counter(t.colour for t in scene.things).items()},
        **{plural(form): n for form, n in Counter(t.form for t in scene.things).items()},
    }
    by_count: dict[int, list[str]] = {}
    for words, count in sorts.items():
        by_count.setdefault(count, []).append(words)
    count = sorted(by_count)[int(rng.integers(len(by_count)))]
    return Question("counting", f"how many {choose(rng, by_count[count])} are there?", COUNTS[count])


def negation(rng: np.random.Generator, scene: Scene, kind: str, wanted: str) -> Question | None:
    """A question of ``kind`` (``none``, ``other`` or ``without``), whose answer is ``wanted`` or a number."""
    things = scene.things

    def drawn() -> str:
        form = choose(rng, [thing.form for thing in things] if rng.random() < 0.7 else SHAPES)
        colour = choose(rng, [thing.colour for thing in things] if rng.random() < 0.7 else COLOUR_NAMES)
        if kind == "none":
            return f"is there no {colour} {form}?"
        if kind == "other":
            return f"is there {article(form)} that is not {colour}?"
        return f"how many {'objects' if rng.integers(2) else plural(form)} are not {colour}?"

    for _ in range(TRIES):
        text = drawn()
        answer = solve(text, scene)
        # A number of zero says little: another form has it as well.
        if answer == wanted or (kind == "without" and answer in COUNTS[1:]):
            return Question(kind, text, str(answer))
    return None


NEGATIONS = ("none", "other", "without")


def relation(rng: np.random.Generator, scene: Scene, kind: str, wanted: str) -> Question | None:
    """Whether one object stands to two others as asked; of a wrong answer one part is still right.

    Args:
        rng: generator.
        scene: with three different objects at least.
        kind: ``two_relations`` or ``shared_relation``.
        wanted: the answer, ``yes`` or ``no``.
    """
    for _ in range(TRIES):
        a, b, c = (scene.things[k] for k in rng.permutation(len(scene.things))[:3])
        first, second = _true(rng, a, b), _true(rng, a, c)
        if first is None or second is None:
            continue
        if kind == "two_relations":
            if wanted == "no" and rng.integers(2):
                first = OPPOSITE[first]
            elif wanted == "no":
                second = OPPOSITE[second]
            text = f"is {_the(a)} {first} {_the(b)} and {second} {_the(c)}?"
        else:
            text = f"is {_the(a)} {first} {_the(b)} and {_the(c)}?"
        if solve(text, scene) == wanted:
            return Question(kind, text, wanted)
    return None


RELATION_KINDS = ("two_relations", "shared_relation")


def _the(thing: Thing) -> str:
    return f"the {thing.colour} {thing.form}"


def _true(rng: np.random.Generator, a: Thing, b: Thing) -> str | None:
    """A relation in which ``a`` stands to ``b``; None if there is none."""
    true = [relation for relation in RELATIONS if holds(relation, a, b)]
    return choose(rng, true) if true else None


def occlusion(rng: np.random.Generator, scene: Scene, kind: str, wanted: str) -> Question | None:
    """A question about the hidden object, the scene's first, of ``kind`` (one of :data:`OCCLUSIONS`)."""
    thing = scene.things[0]
    if kind == "texture":
        return Question("texture", f"what texture is the {thing.form}?", thing.texture)
    if kind == "textured":
        others = [texture for texture in TEXTURES if texture != thing.texture]
        texture = thing.texture if wanted == "yes" else choose(rng, others)
        return Question("textured", f"is there {article(f'{texture} {thing.form}')}?", wanted)
    for _ in range(TRIES):
        # Only the first two objects cover each other; a third one stands apart.
        question = ask(rng, Scene(scene.things[:2]), "contact")
        if question is not None and question.answer == wanted:
            return question
    return None


OCCLUSIONS = ("texture", "textured", "contact")

Asking = Callable[[np.random.Generator, Scene, str, str], Question | None]

HARD: dict[str, tuple[Asking, Sequence[str]]] = {
    "counting": (lambda rng, scene, kind, wanted: counting(rng, scene), ("counting",)),
    "negation": (negation, NEGATIONS),
    "relation": (relation, RELATION_KINDS),
    "occlusion": (occlusion, OCCLUSIONS),
}
"""Category -> what asks, and its kinds of question.

It takes a generator, a scene, a kind, and the answer that a question of yes or no is to have; None where the
scene has no such question.
"""
