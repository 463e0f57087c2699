"""Words for pictures: prompts, captions, questions and their true answers.

The grammar is small and regular on purpose, so that an answer is right or
wrong by string comparison and no judge is needed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from tasks.shapes.sampling import COLOUR_NAMES, choose
from tasks.shapes.scene import Scene, Thing
from tasks.shapes.vocabulary import NUMBERS, RELATIONS, SHAPES, plural

DESCRIBE = "describe the picture."
"""The captioning request; its answer is :func:`caption`."""

WHICH_PROMPT = "which prompt fits the picture?"
"""The request whose likelihood of a prompt is a self-reward."""

OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}


@dataclass(frozen=True)
class Question:
    """A question about one picture and its only right answer.

    Attributes:
        kind: what it asks about: colour, shape, texture, count, existence, relation or caption.
        text: the question.
        answer: the answer, lower-case words.
    """

    kind: str
    text: str
    answer: str


def article(phrase: str) -> str:
    """``"a"`` or ``"an"`` with the phrase."""
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def adjectives(thing: Thing, *, colour: bool = True) -> str:
    """Size, texture and colour words in that order; the usual values go unsaid."""
    words = [thing.size] if thing.size != "large" else []
    words += [thing.texture] if thing.texture != "solid" else []
    words += [thing.colour] if colour else []
    return " ".join(words)


def name(thing: Thing, *, colour: bool = True) -> str:
    """``"small striped red star"``."""
    return f"{adjectives(thing, colour=colour)} {thing.form}".strip()


def holds(relation: str, a: Thing, b: Thing) -> bool:
    """Whether ``a`` is ``relation`` ``b`` by GenEval's cone: the direction's component exceeds one half."""
    dx, dy = float(a.x - b.x), float(a.y - b.y)
    length = float(np.hypot(dx, dy))
    if length == 0:
        return False
    part = {"left of": -dx, "right of": dx, "above": -dy, "below": dy}[relation]
    return part / length > 0.5


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def caption(scene: Scene) -> str:
    """The canonical description: objects in reading order, equal ones counted together.

    Two different objects are told with their relation: ``"a red star left of a blue ring"``.
    """
    things = scene.in_reading_order()
    groups = Counter(name(thing) for thing in things)
    firsts = {name(thing): thing for thing in reversed(things)}
    if len(things) == 2 and len(groups) == 2:
        a, b = things
        relation = a.relation_to(b)
        if relation is not None:
            return f"{article(name(a))} {relation} {article(name(b))}"
    parts = []
    for phrase, count in groups.items():
        if count == 1:
            parts.append(article(phrase))
        else:
            words = f"{adjectives(firsts[phrase])} {plural(firsts[phrase].form)}"
            parts.append(f"{NUMBERS[count]} {words}")
    return _joined(parts)


def _unique(things: tuple[Thing, ...], key: str) -> list[Thing]:
    """The objects whose ``key`` nobody else has."""
    counts = Counter(getattr(thing, key) for thing in things)
    return [thing for thing in things if counts[getattr(thing, key)] == 1]


def _colour_question(rng: np.random.Generator, scene: Scene) -> Question | None:
    options = _unique(scene.things, "form")
    if not options:
        return None
    thing = options[int(rng.integers(len(options)))]
    return Question("colour", f"what colour is the {thing.form}?", thing.colour)


def _shape_question(rng: np.random.Generator, scene: Scene) -> Question | None:
    options = _unique(scene.things, "colour")
    if not options:
        return None
    thing = options[int(rng.integers(len(options)))]
    return Question("shape", f"what shape is the {thing.colour} object?", thing.form.lower())


def _texture_question(rng: np.random.Generator, scene: Scene) -> Question | None:
    options = [thing for thing in _unique(scene.things, "form") if thing.size == "large"]
    if not options:
        return None
    thing = options[int(rng.integers(len(options)))]
    return Question("texture", f"what texture is the {thing.form}?", thing.texture)


def _count_question(rng: np.random.Generator, scene: Scene) -> Question:
    things = scene.things
    draw = rng.random()
    if draw < 0.25:
        return Question("count", "how many objects are there?", NUMBERS[len(things)])
    if draw < 0.45:
        colour = choose(rng, [t.colour for t in things] if rng.random() < 0.75 else COLOUR_NAMES)
        count = sum(t.colour == colour for t in things)
        return Question("count", f"how many {colour} objects are there?", NUMBERS[count])
    form = choose(rng, [t.form for t in things] if rng.random() < 0.8 else SHAPES)
    count = sum(t.form == form for t in things)
    return Question("count", f"how many {plural(form)} are there?", NUMBERS[count])


def _existence_question(rng: np.random.Generator, scene: Scene) -> Question:
    thing = scene.things[int(rng.integers(len(scene.things)))]
    colour, form = thing.colour, thing.form
    if rng.random() < 0.5:
        # A near miss: one of the two words is still true of something in the picture.
        if rng.random() < 0.5:
            colour = choose(rng, COLOUR_NAMES)
        else:
            form = choose(rng, SHAPES)
    there = any(t.colour == colour and t.form == form for t in scene.things)
    return Question("existence", f"is there {article(f'{colour} {form}')}?", "yes" if there else "no")


def _relation_question(rng: np.random.Generator, scene: Scene) -> Question | None:
    counts = Counter((thing.colour, thing.form) for thing in scene.things)
    single = [thing for thing in scene.things if counts[(thing.colour, thing.form)] == 1]
    if len(single) < 2:
        return None
    first, second = rng.permutation(len(single))[:2]
    a, b = single[first], single[second]
    true = [relation for relation in RELATIONS if holds(relation, a, b)]
    false = [relation for relation in RELATIONS if relation not in true]
    if not true:
        return None
    yes = rng.random() < 0.5
    # The opposite is the hardest wrong answer and the one that matters for drawing.
    wrong = OPPOSITE[true[0]] if rng.random() < 0.5 else choose(rng, false)
    relation = choose(rng, true) if yes else wrong
    text = f"is the {a.colour} {a.form} {relation} the {b.colour} {b.form}?"
    return Question("relation", text, "yes" if yes else "no")


_MAKERS = {
    "colour": _colour_question,
    "shape": _shape_question,
    "texture": _texture_question,
    "count": _count_question,
    "existence": _existence_question,
    "relation": _relation_question,
}


def ask(rng: np.random.Generator, scene: Scene, kind: str) -> Question | None:
    """A question of ``kind`` about ``scene``, or None where it has no single answer."""
    if kind == "caption":
        return Question("caption", DESCRIBE, caption(scene).lower())
    return _MAKERS[kind](rng, scene)


QUESTION_KINDS = ("caption", *_MAKERS)
