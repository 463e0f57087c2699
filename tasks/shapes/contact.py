"""Contact relations between two objects: touching, occlusion, containment, neighbourhood."""

from __future__ import annotations

from selfreward_eval.tasks.shapes.scene import Scene, Thing
from selfreward_eval.tasks.shapes.vocabulary import CELL

NEIGHBOURS = CELL + 2
"""Largest distance of two centres, along one axis, of objects that are next to each other."""

CONTACTS = ("touching", "inside", "in front of", "behind", "next to")
"""The relations that :func:`contact_holds` knows."""


def _gap(a: Thing, b: Thing) -> tuple[int, int]:
    """Pixels between the extents across and down; negative where they overlap."""
    first, second = a.box, b.box
    return max(first[0], second[0]) - min(first[2], second[2]), max(first[1], second[1]) - min(
        first[3], second[3]
    )


def contact_holds(relation: str, scene: Scene, first: int, second: int) -> bool:
    """Whether object ``first`` of the scene is ``relation`` object ``second``.

    ``touching``: their extents meet without a gap. ``inside``: the extent of one lies in the other's.
    ``in front of`` and ``behind``: the extents overlap and the nearer one is not inside the other.
    ``next to``: neighbours along one axis that do not overlap.

    Raises:
        ValueError: a relation that is not in :data:`CONTACTS`.
    """
    a, b = scene.things[first], scene.things[second]
    across, down = _gap(a, b)
    overlapping = across < 0 and down < 0
    if relation == "touching":
        return (across == 0 and down < 0) or (down == 0 and across < 0)
    if relation == "inside":
        return b.contains(a) and first > second
    if relation in ("in front of", "behind"):
        nested = a.contains(b) or b.contains(a)
        return overlapping and not nested and (first > second) == (relation == "in front of")
    if relation == "next to":
        straight = min(abs(a.x - b.x), abs(a.y - b.y)) <= 2
        return straight and not overlapping and max(abs(a.x - b.x), abs(a.y - b.y)) <= NEIGHBOURS
    raise ValueError(f"unknown relation {relation!r}; known: {', '.join(CONTACTS)}")
