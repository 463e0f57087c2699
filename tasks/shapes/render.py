"""Draws a scene as pixels: back to front, antialiased, deterministic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from selfreward_eval.tasks.shapes.outlines import outline, tone
from selfreward_eval.tasks.shapes.scene import Scene
from selfreward_eval.tasks.shapes.vocabulary import CANVAS, COLOURS, DARK, GROUND


def render(scene: Scene) -> NDArray[np.uint8]:
    """The picture of ``scene``: uint8 (48, 48, 3) RGB. What lies outside the picture is cut off."""
    picture = np.empty((CANVAS, CANVAS, 3), dtype=np.float32)
    picture[:] = GROUND
    for thing in scene.things:
        coverage = outline(thing.form, thing.size)
        light = tone(thing.texture, thing.size)
        paint = np.asarray(COLOURS[thing.colour], dtype=np.float32) * (DARK + (1 - DARK) * light)[..., None]
        x0, y0, x1, y1 = thing.box
        cut_x0, cut_y0 = max(x0, 0), max(y0, 0)
        cut_x1, cut_y1 = min(x1, CANVAS), min(y1, CANVAS)
        inner = np.s_[cut_y0 - y0 : cut_y1 - y0, cut_x0 - x0 : cut_x1 - x0]
        alpha = coverage[inner][..., None]
        target = picture[cut_y0:cut_y1, cut_x0:cut_x1]
        target *= 1 - alpha
        target += alpha * paint[inner]
    return np.rint(picture).astype(np.uint8)
