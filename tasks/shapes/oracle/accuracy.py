"""Measures the oracle's accuracy for each property on newly rendered scenes."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from selfreward_eval.tasks.shapes.oracle.depth import front_to_back
from selfreward_eval.tasks.shapes.oracle.reading import Seen, read
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.sampling import KINDS
from selfreward_eval.tasks.shapes.scene import Scene, Thing


@dataclass(frozen=True)
class Row:
    """Correct readings of one property on one kind of scene."""

    property: str
    kind: str
    correct: int
    total: int

    @builtins.property
    def rate(self) -> float | None:
        """Share correct in [0, 1], None where nothing was read."""
        return self.correct / self.total if self.total else None


def pair(things: tuple[Thing, ...], seen: list[Seen]) -> list[tuple[Thing, Seen | None]]:
    """Every true object with the nearest reading of the same colour within 6 pixels, or None."""
    free = list(seen)
    pairs: list[tuple[Thing, Seen | None]] = []
    for thing in things:
        near = [
            (abs(reading.x - thing.x) + abs(reading.y - thing.y) + 3 * (reading.form != thing.form), k)
            for k, reading in enumerate(free)
            if reading.colour == thing.colour
            and abs(reading.x - thing.x) <= 6
            and abs(reading.y - thing.y) <= 6
        ]
        pairs.append((thing, free.pop(min(near)[1]) if near else None))
    return pairs


def scene_is_read(scene: Scene, seen: list[Seen]) -> bool:
    """Whether a reading has exactly the scene's objects: count, form, colour, texture and size."""
    if len(seen) != len(scene.things):
        return False
    return all(
        reading is not None
        and (reading.form, reading.texture, reading.size) == (thing.form, thing.texture, thing.size)
        for thing, reading in pair(scene.things, seen)
    )


def measure(
    scenes: int = 2000,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
    through: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] | None = None,
) -> list[Row]:
    """Reads ``scenes`` rendered scenes, the kinds in equal parts, and counts what was right.

    Args:
        scenes: how many in all.
        seed: of the scenes.
        progress: called with 1 after every scene.
        through: applied to every picture before it is read, such as a codec's round trip.

    Returns:
        Rows per (property, kind); properties are count, form, colour, texture, size,
        order (who is in front), relation, and scene (everything at once).
    """
    tally: dict[tuple[str, str], list[int]] = {}

    def note(what: str, kind: str, right: bool) -> None:
        entry = tally.setdefault((what, kind), [0, 0])
        entry[0] += int(right)
        entry[1] += 1

    kinds = list(KINDS)
    for k in range(scenes):
        kind = kinds[k % len(kinds)]
        scene = KINDS[kind](np.random.default_rng((seed, k)))
        picture = render(scene)
        seen = read(picture if through is None else through(picture))
        note("count", kind, len(seen) == len(scene.things))
        matched = pair(scene.things, seen)
        for thing, reading in matched:
            note("colour", kind, reading is not None)
            note("form", kind, reading is not None and reading.form == thing.form)
            note("size", kind, reading is not None and reading.size == thing.size)
            note("texture", kind, reading is not None and reading.texture == thing.texture)
        if len(matched) == 2:
            (a, seen_a), (b, seen_b) = matched
            if kind in ("occluding", "inside"):
                right = False
                if seen_a is not None and seen_b is not None:
                    order = front_to_back([seen_a, seen_b])
                    right = order[0] == 1
                note("order", kind, right)
            if a.relation_to(b) is not None and seen_a is not None and seen_b is not None:
                read_a = Thing(seen_a.form, seen_a.colour, int(seen_a.x), int(seen_a.y))
                read_b = Thing(seen_b.form, seen_b.colour, int(seen_b.x), int(seen_b.y))
                note("relation", kind, read_a.relation_to(read_b) == a.relation_to(b))
        note("scene", kind, scene_is_read(scene, seen))
        if progress is not None:
            progress(1)
    return [Row(what, kind, right, total) for (what, kind), (right, total) in sorted(tally.items())]
