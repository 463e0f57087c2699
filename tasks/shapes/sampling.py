"""Samples random scenes of every kind, from an explicit generator.

Used to train the tiny model and to measure the oracle; the benchmark's own
items are enumerated in :mod:`selfreward_eval.tasks.shapes.items`, never sampled here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from selfreward_eval.tasks.shapes.scene import Scene, Thing
from selfreward_eval.tasks.shapes.vocabulary import CELL, COLOURS, LETTERS, SHAPES, TEXTURES

PLACES = tuple((CELL // 2 + CELL * c, CELL // 2 + CELL * r) for r in range(3) for c in range(3))
"""The nine lattice places as (x, y) centres in reading order."""

COLOUR_NAMES = tuple(COLOURS)
LETTER_FORMS = tuple(f"letter {letter}" for letter in LETTERS)


def choose(rng: np.random.Generator, options: Sequence[str]) -> str:
    """One of ``options``, uniformly."""
    return options[int(rng.integers(len(options)))]


def places(rng: np.random.Generator, count: int) -> list[tuple[int, int]]:
    """``count`` different lattice places."""
    return [PLACES[i] for i in rng.permutation(len(PLACES))[:count]]


def plain(rng: np.random.Generator, count: int | None = None, forms: Sequence[str] = SHAPES) -> Scene:
    """One to five solid large objects on different lattice places."""
    n = int(rng.integers(1, 6)) if count is None else count
    return Scene(tuple(Thing(choose(rng, forms), choose(rng, COLOUR_NAMES), x, y) for x, y in places(rng, n)))


def counted(rng: np.random.Generator) -> Scene:
    """Two to five objects of the same form and colour."""
    form, colour = choose(rng, SHAPES), choose(rng, COLOUR_NAMES)
    return Scene(tuple(Thing(form, colour, x, y) for x, y in places(rng, int(rng.integers(2, 6)))))


def lettered(rng: np.random.Generator) -> Scene:
    """One to four letters."""
    return plain(rng, int(rng.integers(1, 5)), LETTER_FORMS)


def textured(rng: np.random.Generator) -> Scene:
    """One to three textured objects."""
    return Scene(
        tuple(
            Thing(choose(rng, SHAPES), choose(rng, COLOUR_NAMES), x, y, texture=choose(rng, TEXTURES))
            for x, y in places(rng, int(rng.integers(1, 4)))
        )
    )


def sized(rng: np.random.Generator) -> Scene:
    """Two to four objects, some of them small."""
    return Scene(
        tuple(
            Thing(choose(rng, SHAPES), choose(rng, COLOUR_NAMES), x, y, size=choose(rng, ("small", "large")))
            for x, y in places(rng, int(rng.integers(2, 5)))
        )
    )


def _two_colours(rng: np.random.Generator) -> tuple[str, str]:
    first, second = rng.permutation(len(COLOUR_NAMES))[:2]
    return COLOUR_NAMES[first], COLOUR_NAMES[second]


def occluding(rng: np.random.Generator) -> Scene:
    """Two objects of different colours, the second in front and half a cell aside."""
    back, front = _two_colours(rng)
    horizontal = bool(rng.integers(2))
    x, y = PLACES[int(rng.integers(len(PLACES)))]
    step = CELL // 2
    axis = x if horizontal else y
    shift = step if axis < 24 or (axis == 24 and rng.integers(2)) else -step
    fx, fy = (x + shift, y) if horizontal else (x, y + shift)
    return Scene((Thing(choose(rng, SHAPES), back, x, y), Thing(choose(rng, SHAPES), front, fx, fy)))


def inside(rng: np.random.Generator) -> Scene:
    """A small object inside a large circle or square of another colour."""
    outer, inner = _two_colours(rng)
    (x, y) = places(rng, 1)[0]
    return Scene(
        (
            Thing(choose(rng, ("circle", "square")), outer, x, y),
            Thing(choose(rng, SHAPES), inner, x, y, size="small"),
        )
    )


def touching(rng: np.random.Generator) -> Scene:
    """Two objects of different colours whose extents meet without a gap."""
    first, second = _two_colours(rng)
    row, column = int(rng.integers(3)), int(rng.integers(2))
    x, y = PLACES[row * 3 + column]
    vertical = bool(rng.integers(2))
    a, b = (x + 1, y), (x + CELL - 1, y)
    if vertical:
        a, b = (a[1], a[0]), (b[1], b[0])
    return Scene((Thing(choose(rng, SHAPES), first, *a), Thing(choose(rng, SHAPES), second, *b)))


KINDS: dict[str, Callable[[np.random.Generator], Scene]] = {
    "plain": plain,
    "counted": counted,
    "lettered": lettered,
    "textured": textured,
    "sized": sized,
    "occluding": occluding,
    "inside": inside,
    "touching": touching,
}
"""Every kind of scene by name."""


def mixed(rng: np.random.Generator, weights: dict[str, float]) -> Scene:
    """A scene of a kind drawn by ``weights`` (kind -> relative frequency)."""
    kinds = list(weights)
    odds = np.asarray([weights[kind] for kind in kinds], dtype=float)
    return KINDS[kinds[int(rng.choice(len(kinds), p=odds / odds.sum()))]](rng)
