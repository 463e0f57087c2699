"""2D-spatial: is one object left of, right of, above, below or near another? The official rule.

>>> from selfreward_eval.tasks.t2i_compbench.words import tagged
>>> words = tagged("a dog on the left of a frog".split(), "DET NOUN ADP DET NOUN ADP DET NOUN".split())
>>> found = [Detection("dog", (20, 150, 120, 300), 0.9), Detection("frog", (300, 150, 400, 300), 0.8)]
>>> round(spatial("a dog on the left of a frog", words, found).score, 3)
0.925

Known bugs, kept here and corrected in ``fixed_spatial``: a label must equal the
noun exactly; a score below one half becomes 0; "on top of" is recognised but
never holds; a word such as "nearby" matches "near".

Source: Karine-Huang/T2I-CompBench at 1b70949, ``UniDet_eval/2D_spatial_eval.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.base import Detection
from selfreward_eval.tasks.t2i_compbench.boxes import centre_offset, float32, iou, require_usable
from selfreward_eval.tasks.t2i_compbench.ruling import Ruling, shown, unscorable
from selfreward_eval.tasks.t2i_compbench.words import Tagged, as_label, first_and_last_noun

RELATIONS = (
    "on side of",
    "next to",
    "near",
    "on the left of",
    "on the right of",
    "on the bottom of",
    "on the top of",
    "on top of",
)
"""Wordings looked for in a prompt; the first of these that it contains is its relation."""

NEIGHBOURS = ("next to", "on side of", "near")

DIRECTIONS = {
    "on the left of": (0, 1),
    "on the right of": (0, -1),
    "on the top of": (1, 1),
    "on the bottom of": (1, -1),
}
"""Wording -> axis, and the sign of the offset from the first object's centre to the second's."""

NEAR_PIXELS = 150
"""Neighbours' centres are closer than this along one axis; in pixels of the detector's frame."""

MOST_OVERLAP = 0.1
"""Above this overlap the position score is reduced."""

CONFIDENCE_WEIGHT, POSITION_WEIGHT = 0.25, 0.5
"""A score is a quarter of each detection's confidence and half of the position's score."""

LEAST_SCORE = 0.5
"""A smaller score becomes 0."""

PREPOSITIONS = frozenset(
    {"on top of", "on bottom of", "on the left", "on the right", "next to", "on side of", "near"}
)
"""Token sequences that objects of a complex prompt are looked for around."""

OBJECTS_WANTED = 2


def relation(prompt: str) -> str | None:
    """The relation a prompt asks for: the first wording of :data:`RELATIONS` that is part of it."""
    return next((wording for wording in RELATIONS if wording in prompt), None)


def position(wording: str | None, first: Sequence[float], second: Sequence[float]) -> float:
    """The position score of ``first`` relative to ``second`` for ``wording``.

    Args:
        wording: one of :data:`RELATIONS`, or anything else, which never holds.
        first: x0, y0, x1, y1 of the first object.
        second: of the second one.

    Returns:
        A value in [0, 1].

    Raises:
        InputError: the boxes cover no area together; upstream fails whatever the wording.
    """
    offset = centre_offset(first, second)
    overlap = iou(first, second)
    if wording in NEIGHBOURS:
        if min(map(abs, offset)) < NEAR_PIXELS:
            return 1.0
        return NEAR_PIXELS / max(map(abs, offset))
    if wording in DIRECTIONS:
        axis, sign = DIRECTIONS[wording]
        along, across = offset[axis], offset[1 - axis]
        if along * sign > 0 and abs(along) > abs(across):
            return 1.0 if overlap < MOST_OVERLAP else MOST_OVERLAP / overlap
    return 0.0


def around_prepositions(words: Sequence[Tagged]) -> tuple[str, ...]:
    """The objects of a complex prompt, in upstream's order; a rule needs exactly two.

    For every preposition: the nearest noun or name before it, then the first noun after it. Where
    no noun follows, the end of the first run of names that some other token follows.
    """
    objects: list[str] = []
    for start in range(len(words)):
        length = _preposition_at(words, start)
        if not length:
            continue
        before = (word.text for word in reversed(words[:start]) if word.pos in ("NOUN", "PROPN"))
        objects += [
            text for text in (next(before, None), _after(words[start + length :])) if text is not None
        ]
    return tuple(objects)


def spatial(
    prompt: str, words: Sequence[Tagged], detections: Sequence[Detection], *, complex_prompt: bool = False
) -> Ruling:
    """The official score of one picture, 0 or in [0.5, 1].

    Args:
        prompt: its text; the relation is read from it.
        words: its tokens; the objects are read from them.
        detections: in the 479/480-pixel frame, best first: of equal labels the first is taken.
        complex_prompt: look for objects around prepositions (upstream's ``--complex True``).

    Returns:
        No score where upstream crashes: a simple prompt without noun, or boxes without area.
    """
    try:
        return _spatial(prompt, words, detections, complex_prompt)
    except InputError as error:
        return unscorable("upstream crashes", error)


def _spatial(
    prompt: str, words: Sequence[Tagged], detections: Sequence[Detection], complex_prompt: bool
) -> Ruling:
    wording = relation(prompt)
    if complex_prompt:
        around = around_prepositions(words)
        if len(around) != OBJECTS_WANTED:
            reason = f"{len(around)} objects around prepositions ({', '.join(around) or 'none'}), not two"
            return Ruling(0.0, "no two objects", reason, numbers={"relation": wording})
        objects = around
    else:
        objects = first_and_last_noun(words)
    names = [as_label(noun) for noun in objects]
    labels = [detection.label for detection in detections]
    require_usable(detections)
    seen = [detections[labels.index(name)] if name in labels else None for name in names]
    return _scored(wording, names, seen)


def _scored(wording: str | None, names: Sequence[str], seen: Sequence[Detection | None]) -> Ruling:
    """The weighted sum; 0 below :data:`LEAST_SCORE`."""
    present = [detection for detection in seen if detection is not None]
    score = sum(CONFIDENCE_WEIGHT * float32(detection.score) for detection in present)
    held = None
    if len(present) == OBJECTS_WANTED:
        held = position(wording, present[0].box, present[1].box)
        score += held * POSITION_WEIGHT
    rule = ("no object", "one object", "both objects")[len(present)]
    missing = [name for name, detection in zip(names, seen, strict=True) if detection is None]
    reason = f"{names[0]} {wording or '(no relation)'} {names[1]}: "
    reason += f"not seen: {', '.join(missing)}" if missing else f"position {held:.3g}"
    if score < LEAST_SCORE:
        reason += f"; {score:.3f} is below {LEAST_SCORE} and becomes 0" if score else ""
    return Ruling(
        0.0 if score < LEAST_SCORE else score,
        rule,
        reason,
        tuple(
            shown(detection, role)
            for role, detection in zip(("first", "second"), seen, strict=True)
            if detection is not None
        ),
        {"relation": wording, "objects": list(names), "position": held, "before_cut": score},
    )


def _preposition_at(words: Sequence[Tagged], start: int) -> int:
    """Length in tokens of the preposition that starts here, else 0; the longest match counts."""
    for length in (3, 2, 1):
        if " ".join(word.text for word in words[start : start + length]) in PREPOSITIONS:
            return length
    return 0


def _after(words: Sequence[Tagged]) -> str | None:
    """The object named by the tokens after a preposition."""
    for word in words:
        if word.pos == "NOUN":
            return word.text
    for word, following in pairwise(words):
        if word.pos == "PROPN" and following.pos != "PROPN":
            return word.text
    return None
