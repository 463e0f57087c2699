"""2D and 3D spatial relations, corrected: a separate protocol, not comparable with official numbers.

Differences from ``planar`` and ``depth_order``:

- The depth map is indexed with the correct axes.
- "on top of" and "on bottom of" are scored as "on the top of" and "on the bottom of".
- Objects are parsed around the relation's words; the head of a compound is its second name. Several
  relations are averaged.
- Labels match by meaning (``labels``), and the best of all matching detections is taken.
- A score below one half is kept. Upstream sets it to 0, in 2D only, so that one confidently detected
  object, or two in a slightly wrong position, score the same as an empty picture.
- In 3D an overlap of exactly one half gives the full score, where upstream gives 0.
- A prompt without two objects, or with one that the detector has no label for, or with two that
  share a label and a direction, is unscorable: that is a property of the prompt, reported as such.
- A box without area is ignored.

Unchanged: the weights of confidence and position, 150 pixels, the penalty for overlap in 2D and for
missing overlap in 3D. These are design choices of the benchmark's authors, not bugs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from math import ceil, floor, fsum
from typing import TYPE_CHECKING

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.base import Detection
from selfreward_eval.tasks.t2i_compbench.boxes import edges, iou
from selfreward_eval.tasks.t2i_compbench.depth_order import FULL_OVERLAP, NEARER, depth_map
from selfreward_eval.tasks.t2i_compbench.fixed_relations import Relation, relations
from selfreward_eval.tasks.t2i_compbench.labels import standing_for
from selfreward_eval.tasks.t2i_compbench.planar import (
    CONFIDENCE_WEIGHT,
    DIRECTIONS,
    NEIGHBOURS,
    POSITION_WEIGHT,
    position,
)
from selfreward_eval.tasks.t2i_compbench.ruling import Ruling, shown, unscorable
from selfreward_eval.tasks.t2i_compbench.words import Tagged, text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Box = Sequence[float]


def spatial(words: Sequence[Tagged], detections: Sequence[Detection], label_space: Collection[str]) -> Ruling:
    """The corrected 2D score of one picture in [0, 1], for simple and complex prompts.

    Args:
        words: the prompt's tokens.
        detections: in the 479/480-pixel frame, in any order.
        label_space: every label that the detector could have given for this prompt.
    """
    return _score_relations(words, detections, label_space, (*NEIGHBOURS, *DIRECTIONS), position)


def depth_spatial(
    words: Sequence[Tagged],
    detections: Sequence[Detection],
    depth: NDArray[np.float32],
    label_space: Collection[str],
) -> Ruling:
    """The corrected 3D score of one picture in [0, 1].

    Args:
        words: the prompt's tokens.
        detections: in the 479/480-pixel frame, in any order.
        depth: (H, W) in [0, 1], larger is nearer, in the same frame.
        label_space: every label that the detector could have given for this prompt.
    """
    try:
        plane = depth_map(depth)
    except InputError as error:
        return unscorable("no depth map", error)

    def ordered(wording: str, first: Box, second: Box) -> float:
        gap = mean_depth(plane, first) - mean_depth(plane, second)
        return min(max(iou(first, second), 0.0) / FULL_OVERLAP, 1.0) if gap * NEARER[wording] > 0 else 0.0

    return _score_relations(words, detections, label_space, tuple(NEARER), ordered)


def mean_depth(depth: NDArray[np.float32], box: Box) -> float:
    """The mean depth, in double precision, over the pixels that a box touches; at least one pixel.

    Args:
        depth: (H, W), rows first.
        box: x0, y0, x1, y1; what lies outside the map is cut off.
    """
    height, width = depth.shape
    x0, y0, x1, y1 = edges(box)
    left, top = min(max(floor(x0), 0), width - 1), min(max(floor(y0), 0), height - 1)
    right, bottom = max(min(ceil(x1), width), left + 1), max(min(ceil(y1), height), top + 1)
    return float(depth[top:bottom, left:right].mean(dtype="float64"))


def _score_relations(
    words: Sequence[Tagged],
    detections: Sequence[Detection],
    label_space: Collection[str],
    wordings: Sequence[str],
    position_score: Callable[[str, Box, Box], float],
) -> Ruling:
    """The mean over the prompt's relations among ``wordings``."""
    known = [relation for relation in relations(words) if relation.wording in wordings]
    if not known:
        return unscorable("no relation", f"the prompt {text(words)!r} names no two objects in a relation")
    labels = []
    for relation in known:
        pair = [standing_for(noun, label_space) for noun in (relation.subject, relation.target)]
        for nouns, matching in zip((relation.subject, relation.target), pair, strict=True):
            if matching is None:
                return unscorable("outside the label space", f"the detector has no label for {nouns[0]!r}")
        if pair[0] == pair[1] and relation.wording not in NEIGHBOURS:
            both = f"{relation.subject[0]!r} and {relation.target[0]!r}"
            shared = ", ".join(sorted(pair[0] or ()))
            return unscorable("one label for both", f"{both} share the label {shared!r}: which is which?")
        labels.append(pair)
    solid = sorted(
        (detection for detection in detections if _solid(detection)), key=lambda detection: -detection.score
    )
    rulings = [
        _relation_ruling(relation, _matching(solid, pair[0]), _matching(solid, pair[1]), position_score)
        for relation, pair in zip(known, labels, strict=True)
    ]
    scores = [ruling.score for ruling in rulings if ruling.score is not None]
    return Ruling(
        fsum(scores) / len(scores),
        rulings[0].rule if len(rulings) == 1 else "mean of relations",
        "; ".join(ruling.reason for ruling in rulings),
        tuple(box for ruling in rulings for box in ruling.boxes),
        {"relations": [dict(ruling.numbers) for ruling in rulings]},
    )


def _relation_ruling(
    relation: Relation,
    subjects: Sequence[Detection],
    targets: Sequence[Detection],
    position_score: Callable[[str, Box, Box], float],
) -> Ruling:
    """One relation's score from the matching detections, best first."""
    first = subjects[0] if subjects else None
    # Two neighbours of one kind are two detections, not one twice.
    second = next((target for target in targets if target is not first), None)
    seen = [detection for detection in (first, second) if detection is not None]
    score = sum(CONFIDENCE_WEIGHT * detection.score for detection in seen)
    place = None
    if first is not None and second is not None:
        place = position_score(relation.wording, first.box, second.box)
        score += POSITION_WEIGHT * place
    pairs = (("first", relation.subject[0], first), ("second", relation.target[0], second))
    missing = [name for _, name, detection in pairs if detection is None]
    reason = f"{relation.subject[0]} {relation.wording} {relation.target[0]}: "
    reason += f"not seen: {', '.join(missing)}" if missing else f"position {place:.3g}"
    return Ruling(
        score,
        ("no object", "one object", "both objects")[len(seen)],
        reason,
        tuple(shown(detection, role) for role, _, detection in pairs if detection is not None),
        {
            "relation": relation.wording,
            "objects": [relation.subject[0], relation.target[0]],
            "position": place,
            "score": score,
        },
    )


def _matching(detections: Sequence[Detection], labels: frozenset[str] | None) -> list[Detection]:
    return [detection for detection in detections if labels and detection.label in labels]


def _solid(detection: Detection) -> bool:
    """Whether a detection's box is one: finite, with an area."""
    try:
        x0, y0, x1, y1 = edges(detection.box)
    except InputError:
        return False
    return x1 > x0 and y1 > y0
