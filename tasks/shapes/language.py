"""Words for pictures: prompts, captions, questions and their true answers.

The grammar is small and regular on purpose, so that an answer is right or
wrong by string comparison and no judge is needed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from selfreward_eval.tasks.shapes.contact import CONTACTS, contact_holds
from selfreward_eval.tasks.shapes.sampling import COLOUR_NAMES, choose
from selfreward_eval.tasks.shapes.scene import Scene, Thing
from selfreward_eval.tasks.shapes.vocabulary import COUNTS, NUMBERS, RELATIONS, SHAPES, TEXTURES, plural

DESCRIBE = "describe the picture."
"""The captioning request; its answer is :func:`caption`."""

WHICH_PROMPT = "which prompt fits the picture?"
"""The request whose likelihood of a prompt is a self-reward."""

WORDINGS = {
    "left of": "on the left of",
    "right of": "on the right of",
    "above": "on the top of",
    "below": "on the bottom of",
}
"""The same directions in T2I-CompBench's words."""

OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}


@dataclass(frozen=True)
class Question:
    """A question about one picture and its only right answer.

    Attributes:
        kind: what it asks about; one of QUESTION_KINDS.
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
            parts.append(f"{COUNTS[count]} {words}")
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


def _texture_existence_question(rng: np.random.Generator, scene: Scene) -> Question | None:
    """``is there a striped circle?``, half of the time about a texture or a form that it has not."""
    large = [thing for thing in scene.things if thing.size == "large"]
    if not large:
        return None
    thing = large[int(rng.integers(len(large)))]
    texture, form = thing.texture, thing.form
    if rng.random() < 0.5:
        if rng.random() < 0.5:
            texture = choose(rng, TEXTURES)
        else:
            form = choose(rng, SHAPES)
    there = any(t.texture == texture and t.form == form for t in scene.things)
    return Question("textured", f"is there {article(f'{texture} {form}')}?", "yes" if there else "no")


def _pair_of_singles(rng: np.random.Generator, scene: Scene) -> tuple[int, int] | None:
    """Indices of two objects that colour and form tell from all others."""
    counts = Counter((thing.colour, thing.form) for thing in scene.things)
    single = [k for k, thing in enumerate(scene.things) if counts[(thing.colour, thing.form)] == 1]
    if len(single) < 2:
        return None
    first, second = rng.permutation(len(single))[:2]
    return single[first], single[second]


def _asked(scene: Scene, first: int, relation: str, second: int) -> str:
    a, b = scene.things[first], scene.things[second]
    return f"is the {a.colour} {a.form} {relation} the {b.colour} {b.form}?"


def _wording_question(rng: np.random.Generator, scene: Scene) -> Question | None:
    """A question about a direction in T2I-CompBench's words."""
    pair = _pair_of_singles(rng, scene)
    if pair is None:
        return None
    a, b = (scene.things[k] for k in pair)
    true = [relation for relation in RELATIONS if holds(relation, a, b)]
    if not true:
        return None
    yes = rng.random() < 0.5
    relation = WORDINGS[choose(rng, true) if yes else OPPOSITE[true[0]]]
    return Question("wording", _asked(scene, pair[0], relation, pair[1]), "yes" if yes else "no")


def _contact_question(rng: np.random.Generator, scene: Scene) -> Question | None:
    """A question about touching, hiding or holding, in scenes where something does."""
    pair = _pair_of_singles(rng, scene)
    if pair is None:
        return None
    true = [relation for relation in CONTACTS if contact_holds(relation, scene, *pair)]
    false = [relation for relation in CONTACTS if relation not in true]
    if not true:
        return None
    yes = rng.random() < 0.5
    relation = choose(rng, true if yes else false)
    return Question("contact", _asked(scene, pair[0], relation, pair[1]), "yes" if yes else "no")


def _compare_question(rng: np.random.Generator, scene: Scene) -> Question | None:
    """``are there more stars than rings?``, about two forms of which one at least is there."""
    forms = sorted({thing.form for thing in scene.things if thing.form in SHAPES})
    if not forms:
        return None
    first = choose(rng, forms)
    second = choose(rng, [form for form in (forms if len(forms) > 1 else SHAPES) if form != first])
    if rng.integers(2):
        first, second = second, first
    counts = Counter(thing.form for thing in scene.things)
    text = f"are there more {plural(first)} than {plural(second)}?"
    return Question("compare", text, "yes" if counts[first] > counts[second] else "no")


def _same_question(rng: np.random.Generator, scene: Scene) -> Question | None:
    """``are the star and the ring the same colour?``, about two forms that stand alone."""
    single = _unique(scene.things, "form")
    if len(single) < 2:
        return None
    first, second = rng.permutation(len(single))[:2]
    a, b = single[first], single[second]
    text = f"are the {a.form} and the {b.form} the same colour?"
    return Question("same", text, "yes" if a.colour == b.colour else "no")


_MAKERS = {
    "colour": _colour_question,
    "shape": _shape_question,
    "texture": _texture_question,
    "count": _count_question,
    "existence": _existence_question,
    "relation": _relation_question,
    "textured": _texture_existence_question,
    "wording": _wording_question,
    "contact": _contact_question,
    "compare": _compare_question,
    "same": _same_question,
}


def ask(rng: np.random.Generator, scene: Scene, kind: str) -> Question | None:
    """A question of ``kind`` about ``scene``, or None where it has no single answer."""
    if kind == "caption":
        return Question("caption", DESCRIBE, caption(scene).lower())
    return _MAKERS[kind](rng, scene)


QUESTION_KINDS = ("caption", *_MAKERS)
