"""The position of one box relative to another, in the official evaluator's arithmetic.

Everything is computed in float32, because the detector returns float32 boxes and
decisions at the edge of a zone depend on the rounding.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from selfreward_eval.harness.errors import InputError

Box = Sequence[float]
"""x0, y0, x1, y1 in pixels."""

MOST = float(np.finfo(np.float32).max)
"""The largest edge that float32 can hold."""

RELATIONS = ("above", "below", "left of", "right of")
"""All that :func:`relative_position` can return."""

NEGLIGIBLE = 1e-3
"""Offsets smaller than this, in pixels after the dead zone, mean no relation."""

MIN_COMPONENT = 0.5
"""A relation holds along an axis if its part of the direction exceeds this: within 60 degrees."""


def compute_iou(a: Box, b: Box) -> float:
    """Intersection over union where a box's far edges are pixels of it: each side is one longer.

    Returns:
        A value in [0, 1]; boxes up to one pixel apart already overlap.

    Raises:
        InputError: a box has fewer than four edges, or one that is no number.
    """
    first, second = _edges(a), _edges(b)
    shared = np.concatenate([np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])])
    intersection = _area(shared)
    union = _area(first) + _area(second) - intersection
    return float(intersection / union) if union else 0.0


def relative_position(a: Box, b: Box, position_threshold: float = 0.1) -> list[str]:
    """The relations of ``a`` to ``b``: none, one or two of above, below, left of, right of; sorted.

    The distance of the centres is shortened along each axis by ``position_threshold`` times the
    summed extents, then divided by its full length. The length is the one *before* shortening, so
    that along one axis the distance must exceed twice the dead zone; this is the official rule.

    Raises:
        InputError: a box has fewer than four edges, or one that is no number, or only one has entries behind
            its edges.
    """
    if np.shape(a) != np.shape(b):
        raise InputError(f"{a!r} and {b!r} are not two boxes of one form; the detector is at fault")
    boxes = np.stack([_edges(a), _edges(b)]).reshape(2, 2, 2)
    centre_a, centre_b = boxes.mean(axis=1)
    extent_a, extent_b = np.abs(boxes[:, 1] - boxes[:, 0])
    offset = centre_a - centre_b
    dead_zone = np.float32(position_threshold) * (extent_a + extent_b)
    remaining = np.maximum(np.abs(offset) - dead_zone, np.float32(0)) * np.sign(offset)
    if np.all(np.abs(remaining) < NEGLIGIBLE):
        return []
    dx, dy = remaining / np.linalg.norm(offset)
    held = {
        "above": dy < -MIN_COMPONENT,
        "below": dy > MIN_COMPONENT,
        "left of": dx < -MIN_COMPONENT,
        "right of": dx > MIN_COMPONENT,
    }
    return [relation for relation, holds in held.items() if holds]


def _edges(box: Box) -> np.ndarray:
    """A box's four edges in float32. Further entries, such as a score, are not read.

    Upstream fails on fewer than four; numpy alone would stretch three over two corners.
    """
    numbers = isinstance(box, Sequence | np.ndarray) and all(
        isinstance(edge, int | float | np.number) and not abs(edge) > MOST for edge in box[:4]
    )
    if not numbers or len(box) < 4:
        raise InputError(f"{box!r} is not a box of four edges; the detector must return x0, y0, x1, y1")
    return np.asarray(box[:4], dtype=np.float32)


def _area(box: np.ndarray) -> np.float32:
    """Area in pixels of a box whose far edges are inclusive; 0 if an edge pair is in the wrong order."""
    width, height = np.maximum(box[2:] - box[:2] + np.float32(1), np.float32(0))
    return np.float32(width * height)
