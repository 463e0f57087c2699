"""Arguments of a rewarder that are not given: they follow from the pictures' world.

A model or a task names its world in a class attribute ``world``: photographs, for which the rewarders'
own defaults are meant, or shapes. Arguments that are given come first, and what a rewarder was built with
is in its identity.

>>> default_arguments("clip", "shapes"), default_arguments("clip", "photographs")
({'scorer': 'tiny_clip'}, {})
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from selfreward_eval.harness.errors import UsageError

PHOTOGRAPHS, SHAPES = "photographs", "shapes"

DEFAULTS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    PHOTOGRAPHS: {},
    SHAPES: {
        "clip": {"scorer": "tiny_clip"},
        "detection": {
            "detector": "shapes_oracle",
            "colour": "shapes_oracle_colour",
            "vocabulary": "shapes",
        },
        "srum": {"ask": "yes", "regions": "shapes", "questions": "shapes"},
        "vqa": {"vqa": "self", "questions": "shapes"},
    },
}
"""World -> rewarder -> arguments of its constructor."""


@runtime_checkable
class HasWorld(Protocol):
    """A model, a task, or the class of one, that names the world of its pictures."""

    world: str


def world_of(source: object) -> str:
    """The world that a model, a task or its class names; photographs if it names none.

    Raises:
        UsageError: an unknown world.
    """
    world = source.world if isinstance(source, HasWorld) else PHOTOGRAPHS
    if world not in DEFAULTS:
        raise UsageError(f"{source!r} names the world {world!r}; known: {', '.join(DEFAULTS)}")
    return world


def default_arguments(name: str, world: str) -> dict[str, Any]:
    """The arguments that the rewarder ``name`` is built with in ``world`` unless others are given."""
    return dict(DEFAULTS[world].get(name, {}))
