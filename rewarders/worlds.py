"""What a rewarder is built with where nothing else is said: it follows from the world of the pictures.

A model or a task names its world in a class attribute ``world``; without one it is photographs, for which
the rewarders' own defaults are meant. Whatever is given explicitly wins, and what a rewarder was built
with stands in its identity.

>>> settings("clip", "shapes"), settings("clip", "photographs")
({'scorer': 'tiny_clip'}, {})
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selfreward_eval.harness.errors import UsageError

PHOTOGRAPHS, SHAPES = "photographs", "shapes"

SETTINGS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
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


def world_of(thing: object) -> str:
    """The world that a model, a task or its class names; photographs without one.

    Raises:
        UsageError: a world that is not known.
    """
    named = str(getattr(thing, "world", PHOTOGRAPHS))
    if named not in SETTINGS:
        raise UsageError(f"{thing!r} names the world {named!r}; known: {', '.join(SETTINGS)}")
    return named


def settings(name: str, world: str) -> dict[str, Any]:
    """The arguments that the rewarder ``name`` is built with in ``world`` unless others are given."""
    return dict(SETTINGS[world].get(name, {}))
