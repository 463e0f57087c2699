"""Samples scenes that show the meaning of a ReasonBench request."""

from __future__ import annotations

import numpy as np

from selfreward_eval.tasks.shapes.reasonbench.requests import ReasonRequest
from selfreward_eval.tasks.shapes.requests import UNSEEN_PAIRS
from selfreward_eval.tasks.shapes.sampling import COLOUR_NAMES, PLACES, choose, places
from selfreward_eval.tasks.shapes.scene import Scene, Thing
from selfreward_eval.tasks.shapes.vocabulary import CELL

Spot = tuple[int, int]
FIRST, LAST = CELL // 2, CELL // 2 + 2 * CELL


def realise(rng: np.random.Generator, request: ReasonRequest, *, avoid_unseen: bool = True) -> Scene | None:
    """A scene of ``request`` and nothing else; None where an unseen pair cannot be avoided."""
    spots = _layout(rng, request.layout, sum(wanted.count for wanted in request.wanted))
    things: list[Thing] = []
    for wanted in request.wanted:
        options = [wanted.colour] if wanted.colour else list(COLOUR_NAMES)
        if avoid_unseen:
            options = [colour for colour in options if (colour, wanted.form) not in UNSEEN_PAIRS]
        if not options:
            return None
        colour = choose(rng, options)
        for _ in range(wanted.count):
            x, y = spots[len(things)]
            things.append(Thing(wanted.form, colour, x, y))
    return Scene(tuple(things))


def _layout(rng: np.random.Generator, layout: str, count: int) -> list[Spot]:
    """A centre for every object, in order."""
    row = PLACES[3 * int(rng.integers(3))][1]
    columns = [FIRST, FIRST + CELL, LAST]
    if layout == "row":
        start = int(rng.integers(len(columns) - count + 1))
        return [(x, row) for x in columns[start : start + count]]
    if layout == "mirror":
        return [(FIRST, row), (LAST, row)]
    if layout == "beside":
        start = int(rng.integers(2))
        pair = [(columns[start], row), (columns[start + 1], row)]
        return pair if rng.integers(2) else pair[::-1]
    x = columns[int(rng.integers(3))]
    if layout == "above":
        high = int(rng.integers(2))
        return [(x, columns[high]), (x, columns[high + 1])]
    if layout in ("bottom", "top"):
        return [(x, LAST if layout == "bottom" else FIRST)]
    if layout == "free":
        return places(rng, count)
    raise ValueError(f"unknown layout {layout!r}")
