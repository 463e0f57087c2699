"""Converts a scene to the text for a judge, and back.

One line per object, from back to front, as LLaVA-Bench lists boxes::

    striped red star, large: [0.02, 0.02, 0.31, 0.31]
"""

from __future__ import annotations

import re

from selfreward_eval.tasks.shapes.scene import Scene, Thing
from selfreward_eval.tasks.shapes.vocabulary import CANVAS, COLOURS, FORMS, SIZES, TEXTURES

_LINE = re.compile(
    rf"({'|'.join(TEXTURES)}) ({'|'.join(COLOURS)}) ({'|'.join(FORMS)}), ({'|'.join(SIZES)}): \[(.+)\]"
)


def facts(scene: Scene) -> str:
    """The lines of a scene; boxes are shares of the picture's side, x1, y1, x2, y2."""
    return "\n".join(
        f"{thing.texture} {thing.colour} {thing.form}, {thing.size}: {[_share(v) for v in thing.box]}"
        for thing in scene.things
    )


def scene_of(text: str) -> Scene | None:
    """The scene that :func:`facts` described; None if a line has another format."""
    things = []
    for line in text.strip().splitlines():
        match = _LINE.fullmatch(line.strip())
        if match is None:
            return None
        texture, colour, form, size, box = match.groups()
        try:
            x1, y1, x2, y2 = (float(part) * CANVAS for part in box.split(","))
            things.append(Thing(form, colour, round((x1 + x2) / 2), round((y1 + y2) / 2), texture, size))
        except (ValueError, OverflowError):
            # No four numbers, or a place outside the picture.
            return None
    return Scene(tuple(things))


def _share(pixels: int) -> float:
    return round(pixels / CANVAS, 4)
