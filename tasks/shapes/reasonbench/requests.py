"""Prompts that need reasoning before generation, in T2I-ReasonBench's four dimensions.

``idiom``: "a ring feeling blue" asks for a blue ring. ``textual_image``: "a sign with
the letters h a t" asks for three letters in a row. ``entity``: "a lemon" asks
for a yellow circle. ``scientific``: "a star painted with red and yellow mixed"
asks for an orange star. The meaning is known, so pictures can be scored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from selfreward_eval.tasks.shapes.compbench.requests import Wanted
from selfreward_eval.tasks.shapes.language import article
from selfreward_eval.tasks.shapes.requests import UNSEEN_PAIRS
from selfreward_eval.tasks.shapes.sampling import COLOUR_NAMES, choose
from selfreward_eval.tasks.shapes.vocabulary import NUMBERS, SHAPES, plural

DIMENSIONS = ("idiom", "textual_image", "entity", "scientific")
"""T2I-ReasonBench's dimensions, in its order."""

LAYOUTS = ("free", "row", "above", "bottom", "top", "mirror", "beside")
"""Arrangements: anywhere, in a row from left to right, the first above the second,
at the bottom or the top of the picture, at the same height on both sides, side by side."""

PER_DIMENSION = 24
SEED = 20251122

FEELINGS = {
    "feeling blue": "blue",
    "green with envy": "green",
    "seeing red": "red",
    "born to the purple": "purple",
}
"""Idioms of a colour."""

WORDS = ("hat", "eat", "tea", "let", "the", "hut", "ale", "ate", "hue", "he", "at", "ah", "uh", "ha")
"""Words of at most three letters that the world's letters can spell."""

ENTITIES: dict[str, Wanted] = {
    "lemon": Wanted("circle", "yellow"),
    "tomato": Wanted("circle", "red"),
    "plum": Wanted("circle", "purple"),
    "carrot": Wanted("triangle", "orange"),
    "roof": Wanted("triangle", "red"),
    "leaf": Wanted("diamond", "green"),
    "kite": Wanted("diamond", "blue"),
    "wheel": Wanted("ring", "blue"),
    "box": Wanted("square", "orange"),
    "sun": Wanted("circle", "orange"),
    "love": Wanted("heart", "red"),
    "plus": Wanted("cross", "green"),
}
"""Everyday objects by their shape and colour. A prompt may ask for several."""

MIXED = {("red", "yellow"): "orange", ("red", "blue"): "purple", ("blue", "yellow"): "green"}
"""The mixture of two paints."""


@dataclass(frozen=True)
class ReasonRequest:
    """One prompt and what it means.

    Attributes:
        dimension: of :data:`DIMENSIONS`.
        text: the prompt.
        wanted: the objects of a right picture; a colour that is None is not specified.
        layout: of :data:`LAYOUTS`.
        meaning: the same in plain words, for the judge.
        tag: kind of prompt within the dimension.
    """

    dimension: str
    text: str
    wanted: tuple[Wanted, ...]
    layout: str
    meaning: str
    tag: str

    @property
    def unseen(self) -> bool:
        """Whether it asks for a colour-shape pair that no picture drawn in training contains."""
        return any((wanted.colour, wanted.form) in UNSEEN_PAIRS for wanted in self.wanted)


def _listed(wanted: tuple[Wanted, ...]) -> str:
    return " and ".join(thing.phrase.lower() for thing in wanted)


def _idiom(rng: np.random.Generator) -> ReasonRequest:
    form, other = (SHAPES[i] for i in rng.permutation(len(SHAPES))[:2])
    kind = int(rng.integers(5))
    if kind <= 1:
        feeling = choose(rng, tuple(FEELINGS))
        wanted: tuple[Wanted, ...] = (Wanted(form, FEELINGS[feeling]),)
        return ReasonRequest(
            "idiom", f"{article(form)} {feeling}", wanted, "free", _listed(wanted), "feeling"
        )
    if kind == 2:
        form = form if form != "circle" else other
        wanted = (Wanted(form), Wanted("circle", "blue"))
        text = f"{article(form)} on top of the world"
        return ReasonRequest("idiom", text, wanted, "above", f"{article(form)} above a blue circle", "world")
    if kind == 3:
        count = int(rng.integers(2, 6))
        word = {2: "a pair of", 3: "a trio of", 4: "two pairs of", 5: "a handful of"}[count]
        wanted = (Wanted(form, count=count),)
        return ReasonRequest("idiom", f"{word} {plural(form)}", wanted, "free", _listed(wanted), "number")
    wanted = (Wanted(form), Wanted(other))
    text = f"{article(form)} and {article(other)} side by side"
    return ReasonRequest("idiom", text, wanted, "beside", f"{_listed(wanted)} next to each other", "beside")


def _textual(rng: np.random.Generator) -> ReasonRequest:
    word = choose(rng, WORDS)
    colour = choose(rng, COLOUR_NAMES)
    wanted = tuple(Wanted(f"letter {letter.upper()}", colour) for letter in word)
    place = choose(rng, ("sign", "poster", "label"))
    text = f"{article(place)} with the letters {' '.join(word)} in {colour}"
    return ReasonRequest(
        "textual_image", text, wanted, "row", f"the letters {word} in {colour} in a row", place
    )


def _entity(rng: np.random.Generator) -> ReasonRequest:
    names = [tuple(ENTITIES)[i] for i in rng.permutation(len(ENTITIES))[: int(rng.integers(1, 4))]]
    wanted = tuple(ENTITIES[name] for name in names)
    phrases = [article(f"{name} sign") if name in ("love", "plus") else article(name) for name in names]
    text = " and ".join(phrases)
    return ReasonRequest("entity", text, wanted, "free", _listed(wanted), NUMBERS[len(names)])


def _scientific(rng: np.random.Generator) -> ReasonRequest:
    form = choose(rng, SHAPES)
    kind = int(rng.integers(4))
    if kind == 0:
        pair = tuple(MIXED)[int(rng.integers(len(MIXED)))]
        a, b = pair if rng.integers(2) else pair[::-1]
        wanted = (Wanted(form, MIXED[pair]),)
        text = f"{article(form)} painted with {a} and {b} mixed"
        return ReasonRequest("scientific", text, wanted, "free", _listed(wanted), "paint")
    if kind == 1:
        count = int(rng.integers(2, 5))
        up = count == 2 or (count < 4 and bool(rng.integers(2)))
        start = count - 1 if up else count + 1
        noun = form if start == 1 else plural(form)
        text = f"one {'more' if up else 'fewer'} than {NUMBERS[start]} {noun}"
        wanted = (Wanted(form, count=count),)
        return ReasonRequest("scientific", text, wanted, "free", _listed(wanted), "counting")
    if kind == 2:
        colour = choose(rng, COLOUR_NAMES)
        wanted = (Wanted(form, colour, count=2),)
        text = f"{article(f'{colour} {form}')} and its mirror image"
        meaning = f"two {colour} {plural(form)} at the same height"
        return ReasonRequest("scientific", text, wanted, "mirror", meaning, "symmetry")
    heavy = bool(rng.integers(2))
    wanted = (Wanted(form),)
    text = f"{article(form)} {'that fell down' if heavy else 'that rises like hot air'}"
    meaning = f"{article(form)} at the {'bottom' if heavy else 'top'} of the picture"
    return ReasonRequest("scientific", text, wanted, "bottom" if heavy else "top", meaning, "falling")


_DRAW: dict[str, Callable[[np.random.Generator], ReasonRequest]] = {
    "idiom": _idiom,
    "textual_image": _textual,
    "entity": _entity,
    "scientific": _scientific,
}


def draw(rng: np.random.Generator, dimension: str) -> ReasonRequest:
    """A random request of ``dimension``."""
    return _DRAW[dimension](rng)


@cache
def evaluated() -> tuple[ReasonRequest, ...]:
    """The benchmark's 96 requests, 24 of each dimension, in the order of DIMENSIONS."""
    rows: list[ReasonRequest] = []
    for number, dimension in enumerate(DIMENSIONS):
        rng = np.random.default_rng((SEED, number))
        chosen: dict[str, ReasonRequest] = {}
        while len(chosen) < PER_DIMENSION:
            request = draw(rng, dimension)
            # Training contains the single objects, so the evaluation asks for combinations only.
            if dimension != "entity" or len(request.wanted) > 1:
                chosen.setdefault(request.text, request)
        rows.extend(chosen.values())
    return tuple(rows)


@cache
def withheld() -> frozenset[str]:
    """The evaluated prompts' texts, which training leaves out."""
    return frozenset(request.text for request in evaluated())
