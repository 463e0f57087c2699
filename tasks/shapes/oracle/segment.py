"""Segments a picture by colour: the share of every pixel that belongs to each colour.

A pixel inside an object is one of twelve paints (a colour's light or dark tone).
A pixel on an edge is a mixture: of a colour and the ground, or of two objects'
colours where one lies on the other. Hue alone would call the second kind a third
colour, so such pixels are unmixed between the paints that surround them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from selfreward_eval.tasks.shapes.vocabulary import COLOURS, DARK, GROUND

MINIMUM_CHROMA = 30.0
"""Least difference between a pixel's largest and smallest channel (0-255) to be called coloured."""

CORE_DISTANCE = 55.0
"""A pixel this near (Euclidean RGB) to a paint lies inside an object, not on its edge."""


@dataclass(frozen=True)
class Layers:
    """A segmented picture.

    Attributes:
        coverage: share of every pixel that shows a colour, [0, 1]; float32 (colours, 48, 48).
        colour: the colour that shows most per pixel, -1 on the ground; int (48, 48).
    """

    coverage: NDArray[np.float32]
    colour: NDArray[np.int64]


@cache
def _table() -> NDArray[np.float32]:
    """The colours' light tones: (colours, 3)."""
    return np.asarray(list(COLOURS.values()), dtype=np.float32)


@cache
def _hues() -> NDArray[np.float32]:
    """Hue angle of every colour, degrees."""
    return hue(_table())


def hue(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """Hue angle in degrees [0, 360) of RGB values (..., 3); 0 where a pixel is grey."""
    r, g, b = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    angle = np.degrees(np.arctan2(np.sqrt(3.0) * (g - b), 2 * r - g - b))
    return np.mod(angle, 360.0).astype(np.float32)


def segment(picture: NDArray[np.uint8]) -> Layers:
    """Coverage by colour of every pixel of a uint8 (48, 48, 3) picture."""
    rgb = picture.astype(np.float32)
    ground = np.asarray(GROUND, dtype=np.float32)
    chroma = rgb.max(-1) - rgb.min(-1)
    difference = np.abs(hue(rgb)[..., None] - _hues())
    colour = np.minimum(difference, 360.0 - difference).argmin(-1)
    occupied = chroma >= MINIMUM_CHROMA
    span = np.linalg.norm(_table() - ground, axis=-1)
    # Along the line from the ground to the colour; the dark tone lies further out, hence the clip.
    amount = np.clip(np.linalg.norm(rgb - ground, axis=-1) / span[colour], 0.0, 1.0)
    coverage = np.zeros((len(span), *occupied.shape), dtype=np.float32)
    rows, columns = np.nonzero(occupied)
    coverage[colour[rows, columns], rows, columns] = amount[rows, columns]
    own = _table()[colour]
    near = np.minimum(np.linalg.norm(rgb - own, axis=-1), np.linalg.norm(rgb - DARK * own, axis=-1))
    core = occupied & (near < CORE_DISTANCE)
    around = _around(np.arange(len(span))[:, None, None] == np.where(core, colour, -1))
    counted = np.where(occupied & ~core, around.sum(0), 0)
    rows, columns = np.nonzero(counted == 1)
    coverage[:, rows, columns] = around[:, rows, columns] * amount[rows, columns]
    for row, column in zip(*np.nonzero(counted >= 2), strict=True):
        coverage[:, row, column] = _unmix(rgb[row, column], np.flatnonzero(around[:, row, column]), ground)
    shown = coverage.max(0)
    return Layers(coverage, np.where(shown > 0.25, coverage.argmax(0), -1))


def _around(marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where a pixel or one of its eight neighbours is marked: (colours, 48, 48)."""
    tall = marked.copy()
    tall[:, 1:] |= marked[:, :-1]
    tall[:, :-1] |= marked[:, 1:]
    wide = tall.copy()
    wide[:, :, 1:] |= tall[:, :, :-1]
    wide[:, :, :-1] |= tall[:, :, 1:]
    return wide


def _unmix(
    pixel: NDArray[np.float32], colours: NDArray[np.int64], ground: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Shares of ``colours`` in an edge pixel: the best mixture of two paints, (colours,) in [0, 1]."""
    paints = [(int(c), tone * _table()[c]) for c in colours for tone in (1.0, DARK)]
    paints.append((-1, ground))
    best, best_error = np.zeros(len(COLOURS), dtype=np.float32), np.inf
    for i, (first, a) in enumerate(paints):
        for second, b in paints[i + 1 :]:
            if first == second:
                continue
            axis = a - b
            share = float(np.clip((pixel - b) @ axis / (axis @ axis), 0.0, 1.0))
            error = float(np.linalg.norm(pixel - (share * a + (1 - share) * b)))
            if error < best_error:
                best, best_error = np.zeros(len(COLOURS), dtype=np.float32), error
                best[first] = share
                if second >= 0:
                    best[second] = 1 - share
    return best


def components(layers: Layers, colour: str, minimum_area: float) -> list[NDArray[np.bool_]]:
    """Connected blobs (8-neighbourhood) of ``colour`` that cover at least ``minimum_area`` pixels."""
    from scipy.ndimage import label

    index = list(COLOURS).index(colour)
    labelled, count = label(layers.coverage[index] > 0.1, structure=np.ones((3, 3), dtype=int))
    blobs = []
    for k in range(1, count + 1):
        blob = labelled == k
        if (
            layers.coverage[index][blob].sum() >= minimum_area
            and (layers.coverage[index][blob] > 0.8).sum() >= 3
        ):
            blobs.append(blob)
    return blobs
