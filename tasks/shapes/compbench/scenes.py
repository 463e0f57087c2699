"""Samples scenes that fulfil a CompBench request and contain nothing else."""

from __future__ import annotations

import numpy as np

from selfreward_eval.tasks.shapes.compbench.requests import PLANAR, CompRequest, Wanted
from selfreward_eval.tasks.shapes.language import holds
from selfreward_eval.tasks.shapes.requests import UNSEEN_PAIRS, related_places
from selfreward_eval.tasks.shapes.sampling import COLOUR_NAMES, PLACES, choose, places
from selfreward_eval.tasks.shapes.scene import Scene, Thing
from selfreward_eval.tasks.shapes.vocabulary import CANVAS, CELL, TEXTURES

Spot = tuple[int, int]

TEXTURED_SHARE = 0.25
"""Probability of a texture for an object whose texture is not specified."""

TRIES = 60
"""Draws of a layout before a request is given up; one in a few succeeds."""


def realise(rng: np.random.Generator, request: CompRequest, *, avoid_unseen: bool = True) -> Scene | None:
    """A scene of ``request``; None where an unseen pair cannot be avoided.

    Objects are listed back to front, as :class:`~selfreward_eval.tasks.shapes.scene.Scene` wants them.
    """
    spots = _layout(rng, request)
    if spots is None:
        return None
    taken = [wanted.colour for wanted in request.wanted if wanted.colour]
    overlapping = request.category == "3d_spatial" or bool(request.relations)
    things: list[Thing] = []
    placed = 0
    for index, wanted in enumerate(request.wanted):
        colour = wanted.colour or _colour(rng, wanted.form, taken if overlapping else [], avoid_unseen)
        if colour is None or (avoid_unseen and (colour, wanted.form) in UNSEEN_PAIRS):
            return None
        taken.append(colour)
        small = any(word == "inside" and subject == index for word, subject, _ in request.relations)
        for _ in range(wanted.count):
            x, y = spots[placed]
            placed += 1
            texture = "solid" if small else _texture(rng, request, wanted)
            things.append(
                Thing(wanted.form, colour, x, y, texture=texture, size="small" if small else "large")
            )
    return Scene(tuple(_back_to_front(request, things)))


def _colour(rng: np.random.Generator, form: str, taken: list[str], avoid_unseen: bool) -> str | None:
    options = [
        colour
        for colour in COLOUR_NAMES
        if colour not in taken and not (avoid_unseen and (colour, form) in UNSEEN_PAIRS)
    ]
    return choose(rng, options) if options else None


def _texture(rng: np.random.Generator, request: CompRequest, wanted: Wanted) -> str:
    """The requested texture; if none is requested and only the form counts, sometimes a random one."""
    if wanted.texture:
        return wanted.texture
    free = request.category in ("shape", "numeracy") and rng.random() < TEXTURED_SHARE
    return choose(rng, TEXTURES) if free else "solid"


def _back_to_front(request: CompRequest, things: list[Thing]) -> list[Thing]:
    """The first object is drawn last where it is in front of, or inside, the second."""
    word = request.relations[0][0] if request.relations else ""
    if word in ("in front of", "inside"):
        return [things[1], things[0]]
    return things


def _layout(rng: np.random.Generator, request: CompRequest) -> list[Spot] | None:
    """A centre for every object, in the order of ``wanted``."""
    if not request.relations:
        return places(rng, sum(wanted.count for wanted in request.wanted))
    word = request.relations[0][0]
    if request.category == "3d_spatial":
        return _overlapping(rng)
    if word == "inside":
        (spot,) = places(rng, 1)
        return [spot, spot]
    if word == "touching":
        first, second = _touching(rng)
        if len(request.relations) == 1:
            return [first, second]
        return _with_third(rng, request.relations[1][0], first, second)
    return list(_planar(rng, word))


def _planar(rng: np.random.Generator, word: str) -> tuple[Spot, Spot]:
    """(subject, object) in the relation, three in four times along one axis; neighbours for ``next to``."""
    direction = PLANAR[word]
    if direction is None:
        x, y = PLACES[int(rng.integers(len(PLACES)))]
        near = [p for p in PLACES if abs(p[0] - x) + abs(p[1] - y) == CELL]
        return (x, y), near[int(rng.integers(len(near)))]
    while True:
        target, subject = related_places(rng, direction)
        if _leads(direction, subject, target):
            return subject, target


def _leads(direction: str, subject: Spot, target: Spot) -> bool:
    """Whether the direction is the longer axis, as CompBench's 2D rule wants it: a diagonal is neither."""
    across, down = abs(subject[0] - target[0]), abs(subject[1] - target[1])
    return across > down if direction in ("left of", "right of") else down > across


def _overlapping(rng: np.random.Generator) -> list[Spot]:
    """Two places half a cell apart."""
    x, y = PLACES[int(rng.integers(len(PLACES)))]
    step = CELL // 2
    options = [(x + dx, y + dy) for dx, dy in ((step, 0), (-step, 0), (0, step), (0, -step))]
    inner = [p for p in options if min(p) >= CELL // 2 and max(p) <= CANVAS - CELL // 2]
    spots = [(x, y), inner[int(rng.integers(len(inner)))]]
    return spots if rng.integers(2) else spots[::-1]


def _touching(rng: np.random.Generator) -> tuple[Spot, Spot]:
    """Two places whose extents meet without a gap."""
    row, column = int(rng.integers(3)), int(rng.integers(2))
    x, y = PLACES[row * 3 + column]
    a, b = (x + 1, y), (x + CELL - 1, y)
    if rng.integers(2):
        a, b = (a[1], a[0]), (b[1], b[0])
    return (a, b) if rng.integers(2) else (b, a)


def _with_third(rng: np.random.Generator, word: str, first: Spot, second: Spot) -> list[Spot] | None:
    """A place for a third object to which the second stands in the relation ``word``."""
    direction = PLANAR[word]
    for index in rng.permutation(len(PLACES)):
        x, y = PLACES[index]
        if any(abs(x - a) < CELL - 1 and abs(y - b) < CELL - 1 for a, b in (first, second)):
            continue
        subject, target = Thing("circle", "red", *second), Thing("circle", "red", x, y)
        close = abs(x - second[0]) + abs(y - second[1]) <= CELL + 4
        led = direction is not None and holds(direction, subject, target)
        if close if direction is None else led and _leads(direction, second, (x, y)):
            return [first, second, (x, y)]
    return None
