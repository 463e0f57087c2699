"""3D-spatial: is one object in front of, or behind, another? The official rule.

Known bugs, kept here and corrected in ``fixed_spatial``: the depth map is indexed
with x and y swapped; a label matches if it contains the noun, so "frisbee" matches
"bee"; a later "hot dog" replaces the dog; objects that do not overlap, or overlap
by exactly one half, get position score 0.

Source: Karine-Huang/T2I-CompBench at 1b70949, ``UniDet_eval/3D_spatial_eval.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.base import Detection
from selfreward_eval.tasks.t2i_compbench.boxes import edges, float32, iou, require_usable
from selfreward_eval.tasks.t2i_compbench.planar import CONFIDENCE_WEIGHT, POSITION_WEIGHT
from selfreward_eval.tasks.t2i_compbench.ruling import Ruling, shown, unscorable
from selfreward_eval.tasks.t2i_compbench.words import Tagged, as_label, first_and_last_noun

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RELATIONS = ("in front of", "behind", "hidden")
"""Wordings looked for in a prompt; the first of these that it contains is its relation."""

NEARER = {"in front of": 1, "behind": -1, "hidden": -1}
"""Wording -> the sign of the first object's depth minus the second's; larger depth is nearer."""

FULL_OVERLAP = 0.5
"""Above this overlap only the depth order counts; below it the score is scaled by the overlap."""


def relation(prompt: str) -> str | None:
    """The relation a prompt asks for: the first wording of :data:`RELATIONS` that is part of it."""
    return next((wording for wording in RELATIONS if wording in prompt), None)


def mean_depth(depth: NDArray[np.float32], box: Sequence[float]) -> float:
    """The mean over ``depth[x0:x1, y0:y1]``: upstream's slice, whose axes are swapped.

    Edges are cut to integers towards zero, and a negative one counts from the map's far end, as
    Python slices do.

    Args:
        depth: (H, W) in [0, 1], larger is nearer.
        box: x0, y0, x1, y1 in pixels of the same frame.

    Returns:
        A float32 mean, or NaN where the slice holds no pixel.
    """
    x0, y0, x1, y1 = (int(edge) for edge in edges(box))
    part = depth[x0:x1, y0:y1]
    return float(part.mean()) if part.size else float("nan")


def position(
    wording: str | None, first: Sequence[float], second: Sequence[float], depth: NDArray[np.float32]
) -> float:
    """The position score of ``first`` relative to ``second`` for ``wording``.

    Args:
        wording: one of :data:`RELATIONS`, or anything else, which never holds.
        first: x0, y0, x1, y1 of the first object.
        second: of the second one.
        depth: (H, W) in [0, 1], larger is nearer, in the same frame.

    Returns:
        A value in [0, 1]; 0 where a region holds no pixel.

    Raises:
        InputError: the boxes cover no area together; upstream fails whatever the wording.
    """
    overlap = iou(first, second)
    if wording not in NEARER:
        return 0.0
    holds = (mean_depth(depth, first) - mean_depth(depth, second)) * NEARER[wording] > 0
    if not holds or overlap <= 0 or overlap == FULL_OVERLAP:
        return 0.0
    return 1.0 if overlap > FULL_OVERLAP else overlap / FULL_OVERLAP


def objects_seen(names: Sequence[str], labels: Sequence[str]) -> tuple[int | None, int | None]:
    """The detections that match the two names, by upstream's scan.

    If both names are present, labels are scanned in order, each match replacing the previous one,
    until both names have a match. Otherwise the first match counts.

    Args:
        names: of the two objects.
        labels: of the detections in their order; one matches a name that is part of it.
    """
    matches = [[name in label for label in labels] for name in names]
    if not all(any(row) for row in matches):
        first, second = (row.index(True) if any(row) else None for row in matches)
        return first, second
    stop = max(row.index(True) for row in matches)
    first, second = (max(i for i in range(stop + 1) if row[i]) for row in matches)
    return first, second


def depth_spatial(
    prompt: str, words: Sequence[Tagged], detections: Sequence[Detection], depth: NDArray[np.float32]
) -> Ruling:
    """The official score of one picture in [0, 1].

    Args:
        prompt: its text; the relation is read from it.
        words: its tokens; the objects are the first and the last noun.
        detections: in the 479/480-pixel frame, best first.
        depth: (H, W) float32 in [0, 1], larger is nearer, in the same frame.

    Returns:
        No score where upstream crashes (a prompt without noun, boxes without area) or where
        ``depth`` is not a map.
    """
    try:
        return _depth_spatial(prompt, words, detections, depth)
    except InputError as error:
        return unscorable("upstream crashes", error)


def _depth_spatial(
    prompt: str, words: Sequence[Tagged], detections: Sequence[Detection], depth: NDArray[np.float32]
) -> Ruling:
    plane = depth_map(depth)
    require_usable(detections)
    wording = relation(prompt)
    names = [as_label(noun) for noun in first_and_last_noun(words)]
    places = objects_seen(names, [detection.label for detection in detections])
    seen = [None if place is None else detections[place] for place in places]
    present = [detection for detection in seen if detection is not None]
    score = sum(CONFIDENCE_WEIGHT * float32(detection.score) for detection in present)
    held: float | None = None
    near: list[float | None] = [None, None]
    if len(present) == len(names):
        held = position(wording, present[0].box, present[1].box, plane)
        near = [_number(mean_depth(plane, detection.box)) for detection in present]
        score += held * POSITION_WEIGHT
    missing = [name for name, detection in zip(names, seen, strict=True) if detection is None]
    reason = f"{names[0]} {wording or '(no relation)'} {names[1]}: "
    reason += f"not seen: {', '.join(missing)}" if missing else f"position {held:.3g}"
    return Ruling(
        score,
        ("no object", "one object", "both objects")[len(present)],
        reason,
        tuple(
            shown(detection, role)
            for role, detection in zip(("first", "second"), seen, strict=True)
            if detection is not None
        ),
        {"relation": wording, "objects": names, "position": held, "depths": near},
    )


def depth_map(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """``depth`` as contiguous float32, so that its means do not depend on where it came from.

    Raises:
        InputError: it is not (H, W).
    """
    import numpy as np

    plane: NDArray[np.float32] = np.ascontiguousarray(depth, dtype=np.float32)
    if plane.ndim != 2:
        raise InputError(
            f"a depth map is (H, W), got the shape {plane.shape}; the depth estimator is at fault"
        )
    return plane


def _number(value: float) -> float | None:
    """``value``, or None for NaN, which JSON cannot hold."""
    return None if value != value else value
