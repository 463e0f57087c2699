"""Reads a picture of the shapes world: objects with form, colour, texture, size, mask and order.

Classical vision on pixels alone; the scene description never enters.

1. Every pixel gets a colour by its hue, or is ground. Edges are mixtures with a
   neutral ground and keep their hue, so antialiasing does no harm.
2. Connected pixels of one colour are matched against the outline of every form
   and size at every place that could explain them. Pixels of other colours are
   ignored, which is what lets a half-hidden object be recognised.
3. The confidence is a softmax over the forms' best matches, as a detector's is. It is lowered
   where an object's pixels are not its colour's paint, or where little of it shows: the softmax
   alone would find a confident shape in pure noise.

Pictures of another size are resampled to the world's 48 pixels first; boxes and
masks are given in the original picture's pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from selfreward_eval.tasks.shapes.oracle.matching import Match, best_match
from selfreward_eval.tasks.shapes.oracle.segment import CORE_DISTANCE, Layers, components, segment
from selfreward_eval.tasks.shapes.outlines import outline, tone
from selfreward_eval.tasks.shapes.vocabulary import CANVAS, COLOURS, DARK, TEXTURES

MINIMUM_MATCH = 0.55
"""Below this soft IoU a blob is not called an object."""

MINIMUM_AREA = 7.0
"""Blobs of fewer pixels are edge mixtures between two objects."""

PAINTED = (0.4, 0.65)
"""Share of an object's pixels near its colour's paint at which confidence begins and is full. Rendered
objects have 0.70 or more (the rest are antialiased edges), blobs of random pixels 0.3."""

SHOWN = (0.2, 0.5)
"""Share of an outline that shows at which confidence begins and is full. A triangle behind a square
half a cell lower shows a third of itself."""


@dataclass(frozen=True)
class Seen:
    """One object as read from the picture, in the world's 48-pixel frame.

    Attributes:
        form: label.
        colour: colour name.
        texture: texture name.
        size: ``large`` or ``small``.
        x, y: centre of the matched outline, pixels.
        score: confidence in [0, 1] that this form is there.
        match: soft IoU of the matched outline with the visible pixels.
        mask: visible pixels, boolean (48, 48).
        extent: pixels of the whole matched outline, hidden ones too, boolean (48, 48).
        rivals: form -> softmax probability, the best first.
    """

    form: str
    colour: str
    texture: str
    size: str
    x: float
    y: float
    score: float
    match: float
    mask: NDArray[np.bool_]
    extent: NDArray[np.bool_]
    rivals: tuple[tuple[str, float], ...]

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Bounds of the visible pixels: x0, y0, x1, y1, far edges exclusive."""
        return _bounds(self.mask)

    @property
    def whole_box(self) -> tuple[int, int, int, int]:
        """Bounds of the whole outline, hidden or not: x0, y0, x1, y1, far edges exclusive."""
        return _bounds(self.extent)


def _bounds(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def read(picture: NDArray[np.uint8]) -> list[Seen]:
    """All objects of a picture, uint8 (48, 48, 3) RGB, in reading order of their centres.

    Raises:
        ValueError: the array is not a 48 x 48 RGB picture.
    """
    if picture.shape != (CANVAS, CANVAS, 3):
        raise ValueError(f"expected a ({CANVAS}, {CANVAS}, 3) picture, got {picture.shape}")
    layers = segment(picture)
    seen: list[Seen] = []
    for colour in COLOURS:
        explained = np.zeros((CANVAS, CANVAS), dtype=bool)
        blobs = components(layers, colour, MINIMUM_AREA)
        # The largest first: parts of an object that are visible through another's hole belong to it.
        for blob in sorted(blobs, key=lambda pixels: -int(pixels.sum())):
            for thing in _objects_in(picture, layers, colour, blob & ~explained):
                seen.append(thing)
                explained |= _grown(thing.extent)
    return sorted(seen, key=lambda thing: (round(thing.y / 8), thing.x))


def _objects_in(
    picture: NDArray[np.uint8], layers: Layers, colour: str, blob: NDArray[np.bool_]
) -> list[Seen]:
    """The objects in one blob, usually one; touching objects of one colour side by side are not separated."""
    index = list(COLOURS).index(colour)
    remaining = blob.copy()
    things: list[Seen] = []
    for _ in range(4):
        coverage = np.where(remaining, layers.coverage[index], 0.0)
        if coverage.sum() < MINIMUM_AREA:
            break
        # Pixels of other objects, and of objects already found, are neither evidence for nor against.
        hidden = np.clip(layers.coverage.sum(0) - coverage, 0.0, 1.0)
        if _enclosed(remaining, hidden):
            hidden = np.zeros_like(hidden)
        match = best_match(coverage, hidden)
        if match is None or match.overlap < MINIMUM_MATCH:
            break
        visible = remaining & match.extent & (layers.coverage[index] > 0.25)
        if not visible.any():
            break
        solid = visible & (layers.coverage[index] > 0.5)
        things.append(
            Seen(
                form=match.form,
                colour=colour,
                texture=_texture(picture, colour, match, solid),
                size=match.size,
                x=match.x,
                y=match.y,
                score=match.confidence * _credit(picture, colour, match, coverage, solid),
                match=match.overlap,
                mask=solid if solid.any() else visible,
                extent=match.extent,
                rivals=match.rivals,
            )
        )
        remaining &= ~_grown(match.extent)
    return things


def _credit(
    picture: NDArray[np.uint8],
    colour: str,
    match: Match,
    coverage: NDArray[np.float32],
    solid: NDArray[np.bool_],
) -> float:
    """Factor of a match's confidence, in [0, 1]: 1 for objects in exact colours that are half visible."""
    shown = float(coverage[match.extent].sum() / outline(match.form, match.size).sum())
    paint = np.asarray(COLOURS[colour], dtype=np.float32)
    pixels = picture[solid].astype(np.float32)
    away = np.minimum(np.linalg.norm(pixels - paint, axis=-1), np.linalg.norm(pixels - DARK * paint, axis=-1))
    painted = float((away < CORE_DISTANCE).mean()) if len(pixels) else 0.0
    return _ramp(painted, PAINTED) * _ramp(shown, SHOWN)


def _ramp(value: float, ends: tuple[float, float]) -> float:
    """0 up to the first end, 1 from the second, straight between."""
    return float(np.clip((value - ends[0]) / (ends[1] - ends[0]), 0.0, 1.0))


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """``mask`` and its four-neighbours: takes antialiased rims away with their object."""
    out = mask.copy()
    out[1:] |= mask[:-1]
    out[:-1] |= mask[1:]
    out[:, 1:] |= mask[:, :-1]
    out[:, :-1] |= mask[:, 1:]
    return out


def _enclosed(blob: NDArray[np.bool_], others: NDArray[np.float32]) -> bool:
    """Whether other objects surround a blob on all sides; then it is in front and not hidden."""
    rim = _grown(_grown(blob)) & ~_grown(blob)
    inner = blob[1:-1, 1:-1].sum() == blob.sum()
    return bool(inner and rim.any() and (others[rim] > 0.5).mean() > 0.95)


def _texture(picture: NDArray[np.uint8], colour: str, match: Match, visible: NDArray[np.bool_]) -> str:
    """The texture whose two tones fit the object's inner pixels best (mean absolute difference)."""
    bright = np.asarray(COLOURS[colour], dtype=np.float32)
    interior = visible & match.interior
    if match.size != "large" or interior.sum() < 12:
        return "solid"
    # Brightness along the colour's own axis: 1 for the light tone, DARK for the dark one.
    level = picture[interior].astype(np.float32) @ bright / float(bright @ bright)
    level = np.clip((level - DARK) / (1 - DARK), 0, 1)
    best, best_error = "solid", np.inf
    for texture in TEXTURES:
        expected = match.paste(tone(texture, match.size))[interior]
        error = float(np.abs(level - expected).mean())
        if error < best_error:
            best, best_error = texture, error
    return best
