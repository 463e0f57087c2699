"""Requests (prompts with their meaning) for each of T2I-CompBench's eight categories.

A request is a sentence with the objects and relations that it asks for. Its
wording follows the category's own: ``"a striped star and a dotted ring"`` (texture), ``"a star on
the top of a ring"`` (spatial), ``"a red star touching a blue ring on the left
of a green heart"`` (complex). Requests are drawn from a generator; the
evaluation is a fixed sample, and training excludes what the evaluation asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from selfreward_eval.tasks.shapes.language import article
from selfreward_eval.tasks.shapes.requests import UNSEEN_PAIRS, WHOLE_CONTENT, evaluation
from selfreward_eval.tasks.shapes.sampling import COLOUR_NAMES, choose
from selfreward_eval.tasks.shapes.vocabulary import MAX_COUNT, NUMBERS, SHAPES, TEXTURES, plural

CATEGORIES = ("color", "shape", "texture", "spatial", "3d_spatial", "numeracy", "non_spatial", "complex")
"""T2I-CompBench's categories, in its paper's order."""

PLANAR = {
    "on the left of": "left of",
    "on the right of": "right of",
    "on the top of": "above",
    "on the bottom of": "below",
    "next to": None,
    "near": None,
    "on side of": None,
}
"""CompBench's 2D wordings and the direction each asks for; None asks for neighbours."""

DEPTH = ("in front of", "behind", "hidden by")
"""CompBench's 3D wordings. ``behind`` and ``hidden by`` put the first object at the back."""

ACTIONS = ("touching", "inside")
"""The world's interactions, in place of the verbs of CompBench's non-spatial prompts."""

COMPLEX_KINDS = ("spatial", "action", "spatialaction")
"""The three lists of CompBench's complex prompts; each is scored by a different mean of its sub-scores."""

PER_CATEGORY = 24
"""Evaluated prompts of each category."""

SEED = 20251121
"""Seed of the evaluated requests; never changes."""


@dataclass(frozen=True)
class Wanted:
    """One requested object; a property that is None is not specified.

    Attributes:
        form: one of SHAPES.
        colour: a colour's name.
        texture: a texture's name.
        count: how many of them.
    """

    form: str
    colour: str | None = None
    texture: str | None = None
    count: int = 1

    @property
    def phrase(self) -> str:
        """``"a striped red star"`` or ``"three stars"``."""
        words = [word for word in (self.texture, self.colour) if word]
        if self.count > 1:
            return " ".join([NUMBERS[self.count], *words, plural(self.form)])
        return article(" ".join([*words, self.form]))


@dataclass(frozen=True)
class CompRequest:
    """One prompt with the objects and relations that it asks for.

    Attributes:
        category: of :data:`CATEGORIES`.
        text: the prompt.
        wanted: objects in the order of the text.
        chunks: noun phrases of the text, which the attribute rule asks about one by one.
        relations: (wording, index of its subject, index of its object) for each relation told.
        kind: for complex prompts one of :data:`COMPLEX_KINDS`, else empty.
    """

    category: str
    text: str
    wanted: tuple[Wanted, ...]
    chunks: tuple[str, ...]
    relations: tuple[tuple[str, int, int], ...] = ()
    kind: str = ""

    @property
    def unseen(self) -> bool:
        """Whether it asks for a colour-shape pair that no picture drawn in training contains."""
        return any((wanted.colour, wanted.form) in UNSEEN_PAIRS for wanted in self.wanted)


def _forms(rng: np.random.Generator, count: int) -> list[str]:
    return [SHAPES[i] for i in rng.permutation(len(SHAPES))[:count]]


def _colours(rng: np.random.Generator, count: int) -> list[str]:
    return [COLOUR_NAMES[i] for i in rng.permutation(len(COLOUR_NAMES))[:count]]


def build_request(
    category: str,
    wanted: tuple[Wanted, ...],
    relations: tuple[tuple[str, int, int], ...] = (),
    kind: str = "",
) -> CompRequest:
    """The request for these objects, in the category's wording.

    With relations its objects are strung together (``A r1 B r2 C``), else listed. In ``shape`` the form
    is the attribute: ``"a star shape and a ring shape"``.
    """
    phrases = [wanted_object.phrase + " shape" * (category == "shape") for wanted_object in wanted]
    if relations:
        text = phrases[0]
        for (word, _, _), following in zip(relations, phrases[1:], strict=True):
            text += f" {word} {following}"
    else:
        text = phrases[0] if len(phrases) == 1 else ", ".join(phrases[:-1]) + " and " + phrases[-1]
    return CompRequest(category, text, wanted, tuple(phrases), relations, kind)


def _color(rng: np.random.Generator) -> CompRequest:
    (a, b), (c, d) = _forms(rng, 2), _colours(rng, 2)
    return build_request("color", (Wanted(a, c), Wanted(b, d)))


def _shape(rng: np.random.Generator) -> CompRequest:
    return build_request("shape", tuple(Wanted(form) for form in _forms(rng, 2)))


def _texture(rng: np.random.Generator) -> CompRequest:
    (a, b), textures = _forms(rng, 2), rng.permutation(len(TEXTURES))[:2]
    return build_request(
        "texture", (Wanted(a, texture=TEXTURES[textures[0]]), Wanted(b, texture=TEXTURES[textures[1]]))
    )


def _spatial(rng: np.random.Generator) -> CompRequest:
    a, b = _forms(rng, 2)
    return build_request("spatial", (Wanted(a), Wanted(b)), ((choose(rng, tuple(PLANAR)), 0, 1),))


def _depth(rng: np.random.Generator) -> CompRequest:
    a, b = _forms(rng, 2)
    return build_request("3d_spatial", (Wanted(a), Wanted(b)), ((choose(rng, DEPTH), 0, 1),))


def _numeracy(rng: np.random.Generator) -> CompRequest:
    kinds = int(rng.integers(1, 4))
    forms, left, wanted = _forms(rng, kinds), MAX_COUNT, []
    for k, form in enumerate(forms):
        after = kinds - 1 - k
        most = min(4, left - after)
        count = int(rng.integers(2 if kinds == 1 else 1, most + 1))
        wanted.append(Wanted(form, count=count))
        left -= count
    return build_request("numeracy", tuple(wanted))


def _action(rng: np.random.Generator) -> CompRequest:
    return _interaction(rng, "non_spatial", choose(rng, ACTIONS), textured=False)


def _interaction(
    rng: np.random.Generator, category: str, action: str, *, textured: bool, kind: str = ""
) -> CompRequest:
    (a, b), (c, d) = _forms(rng, 2), _colours(rng, 2)
    if action == "inside":
        # Only these two have room for something inside them.
        b = choose(rng, [form for form in ("circle", "square") if form != a])
    texture = choose(rng, TEXTURES[1:]) if textured else None
    return build_request(category, (Wanted(a, c, texture), Wanted(b, d)), ((action, 0, 1),), kind)


def _complex(rng: np.random.Generator) -> CompRequest:
    kind = choose(rng, COMPLEX_KINDS)
    if kind == "action":
        return _interaction(rng, "complex", "touching", textured=True, kind=kind)
    word = choose(rng, tuple(PLANAR))
    if kind == "spatial":
        (a, b), (c, d) = _forms(rng, 2), _colours(rng, 2)
        wanted: tuple[Wanted, ...] = (Wanted(a, c, choose(rng, TEXTURES[1:])), Wanted(b, d))
        return build_request("complex", wanted, ((word, 0, 1),), kind)
    wanted = tuple(
        Wanted(form, colour) for form, colour in zip(_forms(rng, 3), _colours(rng, 3), strict=True)
    )
    return build_request("complex", wanted, (("touching", 0, 1), (word, 1, 2)), kind)


_DRAW = {
    "color": _color,
    "shape": _shape,
    "texture": _texture,
    "spatial": _spatial,
    "3d_spatial": _depth,
    "numeracy": _numeracy,
    "non_spatial": _action,
    "complex": _complex,
}


def draw(rng: np.random.Generator, category: str) -> CompRequest:
    """A random request of ``category``."""
    return _DRAW[category](rng)


@cache
def evaluated() -> tuple[CompRequest, ...]:
    """The benchmark's 192 requests, 24 of each category, in the order of CATEGORIES.

    Those of ``color`` have the same text as held-out ``color_attr`` prompts of ``shapes_geneval``: the two
    benchmarks share what training must not contain.
    """
    held_out = {request.content for _, request in evaluation() if request.tag == "color_attr"}
    rows: list[CompRequest] = []
    for number, category in enumerate(CATEGORIES):
        rng = np.random.default_rng((SEED, number))
        chosen: dict[str, CompRequest] = {}
        while len(chosen) < PER_CATEGORY:
            request = draw(rng, category)
            alike = sum(other.kind == request.kind for other in chosen.values())
            full = category == "complex" and alike == PER_CATEGORY // len(COMPLEX_KINDS)
            if not full and (category != "color" or request.text in held_out):
                chosen.setdefault(request.text, request)
        rows.extend(chosen.values())
    return tuple(rows)


@cache
def withheld() -> frozenset[str]:
    """Texts that training excludes: those of this benchmark, and the held-out ones of ``shapes_geneval``."""
    geneval_contents = {request.content for _, request in evaluation() if request.tag in WHOLE_CONTENT}
    return frozenset(geneval_contents | {request.text for request in evaluated()})
