"""Coverage masks of every form and size, antialiased by supersampling.

The renderer and the oracle use the same masks, so their shapes agree at sub-pixel
accuracy.
"""

from __future__ import annotations

from functools import cache
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from selfreward_eval.tasks.shapes.vocabulary import SIZES

SUPERSAMPLING = 16
"""Samples per pixel and axis; 256 grey levels per pixel."""

_BARS: dict[str, tuple[tuple[float, float, float, float], ...]] = {
    # Letters as bars in a unit square: x0, y0, x1, y1.
    "E": ((0.1, 0, 0.34, 1), (0.1, 0, 0.9, 0.22), (0.1, 0.39, 0.8, 0.61), (0.1, 0.78, 0.9, 1)),
    "H": ((0.08, 0, 0.32, 1), (0.68, 0, 0.92, 1), (0.08, 0.38, 0.92, 0.62)),
    "L": ((0.1, 0, 0.36, 1), (0.1, 0.76, 0.9, 1)),
    "T": ((0.05, 0, 0.95, 0.24), (0.38, 0, 0.62, 1)),
    "U": ((0.08, 0, 0.32, 1), (0.68, 0, 0.92, 1), (0.08, 0.76, 0.92, 1)),
}


def _star(points: int = 5, inner: float = 0.42) -> list[tuple[float, float]]:
    """A star inscribed in the unit square, one point up."""
    corners = []
    for k in range(2 * points):
        radius = 0.5 if k % 2 == 0 else 0.5 * inner
        angle = -pi / 2 + k * pi / points
        corners.append((0.5 + radius * cos(angle) * 1.05, 0.525 + radius * sin(angle) * 1.05))
    return corners


def _heart(samples: int = 96) -> list[tuple[float, float]]:
    """The classical trigonometric heart, scaled to fill the unit square."""
    t = [2 * pi * k / samples for k in range(samples)]
    xs = [16 * sin(a) ** 3 for a in t]
    ys = [-(13 * cos(a) - 5 * cos(2 * a) - 2 * cos(3 * a) - cos(4 * a)) for a in t]
    low, high = min(ys), max(ys)
    return [(0.5 + x / 32, (y - low) / (high - low)) for x, y in zip(xs, ys, strict=True)]


_POLYGONS: dict[str, list[tuple[float, float]]] = {
    "square": [(0, 0), (1, 0), (1, 1), (0, 1)],
    "triangle": [(0.5, 0), (1, 1), (0, 1)],
    "diamond": [(0.5, 0), (1, 0.5), (0.5, 1), (0, 0.5)],
    "star": _star(),
    "heart": _heart(),
}


@cache
def outline(form: str, size: str) -> NDArray[np.float32]:
    """Coverage of ``form`` at ``size``: float32 (d, d) in [0, 1], d the diameter in pixels."""
    diameter = SIZES[size]
    side = diameter * SUPERSAMPLING
    canvas = Image.new("L", (side, side), 0)
    draw = ImageDraw.Draw(canvas)

    def bar(x0: float, y0: float, x1: float, y1: float) -> None:
        draw.rectangle((x0 * side, y0 * side, x1 * side - 1, y1 * side - 1), fill=255)

    if form == "circle":
        draw.ellipse((0, 0, side - 1, side - 1), fill=255)
    elif form == "ring":
        draw.ellipse((0, 0, side - 1, side - 1), fill=255)
        inset = side * 0.29
        draw.ellipse((inset, inset, side - 1 - inset, side - 1 - inset), fill=0)
    elif form == "cross":
        bar(0.34, 0, 0.66, 1)
        bar(0, 0.34, 1, 0.66)
    elif form == "letter A":
        draw.polygon([(x * side, y * side) for x, y in [(0.36, 0), (0.64, 0), (1, 1), (0, 1)]], fill=255)
        draw.polygon([(x * side, y * side) for x, y in [(0.5, 0.28), (0.58, 0.5), (0.42, 0.5)]], fill=0)
        draw.polygon(
            [(x * side, y * side) for x, y in [(0.34, 0.74), (0.66, 0.74), (0.74, 1), (0.26, 1)]], fill=0
        )
    elif form.startswith("letter "):
        for rectangle in _BARS[form.removeprefix("letter ")]:
            bar(*rectangle)
    else:
        draw.polygon([(x * (side - 1), y * (side - 1)) for x, y in _POLYGONS[form]], fill=255)
    pixels = np.asarray(canvas, dtype=np.float32) / 255.0
    mask = pixels.reshape(diameter, SUPERSAMPLING, diameter, SUPERSAMPLING).mean(axis=(1, 3))
    mask.setflags(write=False)
    return mask


@cache
def tone(texture: str, size: str) -> NDArray[np.float32]:
    """Where a texture shows its first tone (1) and its dark one (0): float32 (d, d)."""
    diameter = SIZES[size]
    rows, columns = np.mgrid[0:diameter, 0:diameter]
    if texture == "striped":
        light = rows % 4 < 2
    elif texture == "checkered":
        light = ((rows + 1) // 4 + (columns + 1) // 4) % 2 == 0
    elif texture == "dotted":
        light = ~((rows % 4 >= 2) & (columns % 4 >= 2))
    else:
        light = np.ones((diameter, diameter), dtype=bool)
    mask = light.astype(np.float32)
    mask.setflags(write=False)
    return mask
