"""Boxes in the detector's frame: overlaps in the official conventions, and the order of detections.

Upstream's detector gives float32; its rules then compute in double precision
on those values. :func:`edges` does the same, because decisions at the edge of a
zone depend on it. Upstream uses two conventions of overlap: in the spatial rules
a box's far edges are exclusive, in the rule for duplicates they are inclusive.

Source: Karine-Huang/T2I-CompBench at 1b70949, ``UniDet_eval/2D_spatial_eval.py``
and ``numeracy_eval.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Real
from struct import pack, unpack

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.base import Detection

Edges = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the frame."""

FRAME_SHORT, FRAME_LONG = 479, 480
"""Pictures are scaled to a shorter side of 479 pixels, or less where the longer would exceed 480."""

SCORE_THRESHOLD = 0.1
"""UniDet keeps scores above this: it is a constant of its heads; the command line's 0.5 has no effect."""

NMS_IOU = 0.5
"""Of two boxes of one label that overlap by more than this, the one with the lower score is dropped."""

MOST_DETECTIONS = 300
"""Maximum number of detections; those with the highest scores are kept."""

FLOAT32_MOST = 3.4028234663852886e38
"""The largest number of upstream's tensors."""

DUPLICATE = 0.9
"""Two boxes of one label count as one object if they overlap by more than this."""


def float32(value: float) -> float:
    """``value`` as upstream's tensors hold it, as a double; infinite beyond float32's range."""
    try:
        return float(unpack("f", pack("f", value))[0])
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def edges(box: Sequence[float]) -> Edges:
    """A box's four edges, rounded to float32.

    Raises:
        InputError: there are not four, or one is not finite or no number at all, such as a text.
    """
    given = list(box) if isinstance(box, Iterable) else [box]
    if len(given) != 4 or not all(_is_finite(edge) for edge in given):
        raise InputError(f"{given} is not a box of four finite edges; the detector is at fault")
    x0, y0, x1, y1 = (float32(float(edge)) for edge in box)
    return x0, y0, x1, y1


def centre_offset(a: Sequence[float], b: Sequence[float]) -> tuple[float, float]:
    """How far ``b``'s centre lies right of and below ``a``'s, in pixels."""
    ax0, ay0, ax1, ay1 = edges(a)
    bx0, by0, bx1, by1 = edges(b)
    return (bx0 + bx1) / 2 - (ax0 + ax1) / 2, (by0 + by1) / 2 - (ay0 + ay1) / 2


def iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union with exclusive far edges, as the spatial rules take it.

    Raises:
        InputError: the union is empty; upstream divides by zero there.
    """
    ax0, ay0, ax1, ay1 = edges(a)
    bx0, by0, bx1, by1 = edges(b)
    shared = max(0.0, min(ax1, bx1) - max(ax0, bx0)) * max(0.0, min(ay1, by1) - max(ay0, by0))
    union = (ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0) - shared
    if union == 0:
        raise InputError(f"the boxes {list(a)} and {list(b)} cover no area, so that no overlap is defined")
    return shared / union


def is_duplicate(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether two boxes count as one object: IoU, or the overlap divided by either area, above 0.9.

    Far edges are inclusive here, so each side is one pixel longer.

    Raises:
        InputError: a box or the union has no area by this count; upstream divides by zero there.
    """
    ax0, ay0, ax1, ay1 = edges(a)
    bx0, by0, bx1, by1 = edges(b)
    wide, tall = min(ax1, bx1) - max(ax0, bx0) + 1, min(ay1, by1) - max(ay0, by0) + 1
    shared = max(0.0, wide) * max(0.0, tall)
    area_a = (ax1 - ax0 + 1) * (ay1 - ay0 + 1)
    area_b = (bx1 - bx0 + 1) * (by1 - by0 + 1)
    # In upstream's order: a box without area is an error only if no earlier ratio has decided.
    for whole in (area_a + area_b - shared, area_a, area_b):
        if whole == 0:
            raise InputError(f"the boxes {list(a)} and {list(b)} include one turned inside out, without area")
        if shared / whole > DUPLICATE:
            return True
    return False


def require_usable(detections: Iterable[Detection]) -> None:
    """Returns if every detection has a finite score and four finite edges.

    No threshold is exceeded by nan, so the object would count as absent.

    Raises:
        InputError: one has not.
    """
    for detection in detections:
        edges(detection.box)
        if not _is_finite(detection.score):
            raise InputError(
                f"the detector returned {detection.label!r} with the score {detection.score!r}, which is no "
                "number; the detector is at fault"
            )


def _is_finite(value: object) -> bool:
    """Whether ``value`` is a number that float32 can hold; a text is none."""
    # Compared before it is converted: an integer of 400 digits is no float.
    return isinstance(value, int | float | Real) and -FLOAT32_MOST <= value <= FLOAT32_MOST  # type: ignore[operator]


def best_first(
    detections: Sequence[Detection],
    threshold: float = SCORE_THRESHOLD,
    nms_iou: float | None = NMS_IOU,
    most: int = MOST_DETECTIONS,
) -> list[Detection]:
    """Detections of any detector, filtered and sorted as upstream's detector does: best first.

    The rules take the first detection of a label, so they need this order.

    Args:
        detections: in any order, unthresholded.
        threshold: a score must exceed it.
        nms_iou: threshold of greedy suppression within a label; None if the detector has done it.
        most: maximum number of results.
    """
    waiting = sorted((d for d in detections if d.score > threshold), key=lambda d: -d.score)
    kept: list[Detection] = []
    for candidate in waiting:
        rivals = (other for other in kept if other.label == candidate.label)
        if nms_iou is None or not any(_overlap(candidate, other) > nms_iou for other in rivals):
            kept.append(candidate)
    return kept[:most]


def frame_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of the frame that a picture is scaled to before detection.

    The rules' 150 pixels are pixels of this frame, so boxes must be given in it.
    """
    short, long = sorted((width, height))
    new_short, new_long = FRAME_SHORT, int(FRAME_SHORT * long / short)
    if new_long > FRAME_LONG:
        new_short, new_long = int(FRAME_LONG * new_short / new_long), FRAME_LONG
    return (new_short, new_long) if width <= height else (new_long, new_short)


def _overlap(a: Detection, b: Detection) -> float:
    """IoU, 0 where it is not defined."""
    try:
        return iou(a.box, b.box)
    except InputError:
        return 0.0
