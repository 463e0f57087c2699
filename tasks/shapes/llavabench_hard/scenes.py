"""Scenes that are harder than those of :mod:`selfreward_eval.tasks.shapes.sampling`, and unlike any of them.

The tiny models' training has at most five objects in a picture, no small object beside a textured one on
another place, and no texture on an object that another one partly covers. Every scene here has one of
these, so none of them was in training.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from selfreward_eval.tasks.shapes.sampling import COLOUR_NAMES, choose, occluding, places
from selfreward_eval.tasks.shapes.scene import Scene, Thing
from selfreward_eval.tasks.shapes.vocabulary import CELL, MAX_COUNT, SHAPES, TEXTURES

MOST = 9
"""Objects on a full lattice."""

PATTERNS = tuple(texture for texture in TEXTURES if texture != "solid")


def _kinds(rng: np.random.Generator, count: int) -> list[tuple[str, str]]:
    """``count`` different pairs of form and colour."""
    pairs: list[tuple[str, str]] = []
    while len(pairs) < count:
        pair = (choose(rng, SHAPES), choose(rng, COLOUR_NAMES))
        if pair not in pairs:
            pairs.append(pair)
    return pairs


def crowded(rng: np.random.Generator) -> Scene:
    """Six to nine objects of three or four kinds."""
    kinds = _kinds(rng, int(rng.integers(3, 5)))
    count = int(rng.integers(MAX_COUNT + 1, MOST + 1))
    chosen = kinds + [kinds[int(rng.integers(len(kinds)))] for _ in range(count - len(kinds))]
    return Scene(tuple(Thing(*kind, x, y) for kind, (x, y) in zip(chosen, places(rng, count), strict=True)))


def numerous(rng: np.random.Generator) -> Scene:
    """Six to nine objects, all but one of one kind."""
    common, other = _kinds(rng, 2)
    count = int(rng.integers(MAX_COUNT + 1, MOST + 1))
    chosen = [common] * (count - 1) + [other]
    return Scene(tuple(Thing(*kind, x, y) for kind, (x, y) in zip(chosen, places(rng, count), strict=True)))


def assorted(rng: np.random.Generator) -> Scene:
    """Three to five different objects: one is small, one has a pattern, the others are of any look."""
    kinds = _kinds(rng, int(rng.integers(3, MAX_COUNT + 1)))
    looks = [("solid", "small"), (choose(rng, PATTERNS), "large")]
    looks += [
        ("solid", "small") if rng.random() < 0.3 else (choose(rng, TEXTURES), "large") for _ in kinds[2:]
    ]
    return Scene(
        tuple(
            Thing(*kind, x, y, texture=texture, size=size)
            for kind, (texture, size), (x, y) in zip(kinds, looks, places(rng, len(kinds)), strict=True)
        )
    )


def hidden(rng: np.random.Generator) -> Scene:
    """An object with a pattern half behind another one, and sometimes a third on a place of its own.

    All have different forms; the first is the hidden one.
    """
    while True:
        back, front = occluding(rng).things
        if back.form != front.form:
            break
    things = [
        Thing(back.form, back.colour, back.x, back.y, texture=choose(rng, PATTERNS)),
        Thing(front.form, front.colour, front.x, front.y, texture=choose(rng, TEXTURES)),
    ]
    if rng.integers(2):
        form = choose(rng, [form for form in SHAPES if form not in (back.form, front.form)])
        free = [spot for spot in places(rng, MOST) if all(_apart(spot, thing) for thing in things)]
        things.append(Thing(form, choose(rng, COLOUR_NAMES), *free[0], texture=choose(rng, TEXTURES)))
    return Scene(tuple(things))


def _apart(spot: tuple[int, int], thing: Thing) -> bool:
    return max(abs(spot[0] - thing.x), abs(spot[1] - thing.y)) >= CELL


MAKERS: dict[str, Callable[[np.random.Generator], Scene]] = {
    "crowded": crowded,
    "numerous": numerous,
    "assorted": assorted,
    "hidden": hidden,
}
"""Every kind of scene by name."""
