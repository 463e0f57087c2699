"""Boxes over a picture: where each rectangle and its label go, in pixels of the picture.

Labels are chips. Each is put where it hides no other chip and as little of the
boxes as can be; a chip that fits nowhere is left out of the drawing, and its
box is still named in the list below the picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

CARD_WIDTH = 240.0
"""Nominal width of a drawn picture in CSS pixels; a chip's text is sized for it."""

TEXT_SIZE = 10.0
"""Size of a chip's text in CSS pixels at the nominal width."""

GLYPH = 0.56
"""Mean width of a sans-serif glyph, relative to the text size; an estimate, as a page cannot measure."""

Rectangle = tuple[float, float, float, float]


def _overlap(a: Rectangle, b: Rectangle) -> float:
    """Area that two rectangles share."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def _places(box: Rectangle, wide: float, tall: float) -> list[tuple[float, float]]:
    """Upper left corners to try for a chip; of equally good ones the first is taken."""
    x0, y0, x1, y1 = box
    return [(x0, y0 - tall), (x0, y1), (x1 - wide, y0 - tall), (x1 - wide, y1), (x0, y0), (x0, y1 - tall)]


def chip_text(box: Mapping[str, Any]) -> str:
    """What a chip says: the colour, if it was read, and the label.

    >>> chip_text({"label": "star", "colour": "red"}), chip_text({"label": "dog", "colour": None})
    ('red star', 'dog')
    """
    label = str(box.get("label", "?"))
    return f"{box['colour']} {label}" if box.get("colour") else label


def overlay(boxes: Sequence[Mapping[str, Any]], width: int, height: int) -> dict[str, Any]:
    """Rectangles and chips of one picture.

    Args:
        boxes: ``{"label", "box": [x0, y0, x1, y1], "score", "colour", "kept"}`` in pixels.
        width: of the original picture, pixels.
        height: of the original picture, pixels.

    Returns:
        ``width``, ``height``, ``text`` (font size), ``boxes``: dicts of x, y, width, height, kept, title and
        ``chip`` (x, y, width, height, text, or None where no place is free). Rejected boxes come first, so
        that kept ones are drawn over them, and get no chip.
    """
    unit = width / CARD_WIDTH
    size, tall = TEXT_SIZE * unit, (TEXT_SIZE + 3.0) * unit
    taken: list[Rectangle] = []
    drawn = []
    kept_boxes = [_edges(box) for box in boxes if box.get("kept", True)]
    for box in sorted(boxes, key=lambda box: (not box.get("kept", True), -_score(box))):
        x0, y0, x1, y1 = _edges(box)
        kept = bool(box.get("kept", True))
        text = chip_text(box)
        wide = (len(text) * TEXT_SIZE * GLYPH + 7) * unit
        chip = _chip((x0, y0, x1, y1), wide, tall, (width, height), kept_boxes, taken) if kept else None
        drawn.append(
            {
                "x": round(x0, 2),
                "y": round(y0, 2),
                "width": round(max(x1 - x0, 0.0), 2),
                "height": round(max(y1 - y0, 0.0), 2),
                "kept": kept,
                "title": box_title(box),
                "chip": {**chip, "text": text} if chip else None,
            }
        )
    drawn.sort(key=lambda box: bool(box["kept"]))
    return {"width": width, "height": height, "unit": unit, "text": round(size, 3), "boxes": drawn}


def _score(box: Mapping[str, Any]) -> float:
    score = box.get("score")
    return 0.0 if score is None else float(score)


def box_title(box: Mapping[str, Any]) -> str:
    """One line that says everything about a box.

    >>> box_title({"label": "star", "colour": "red", "score": 0.914, "kept": False})
    'red star, score 0.91, not counted'
    """
    score = box.get("score")
    parts = [chip_text(box)] + ([] if score is None else [f"score {float(score):.2f}"])
    return ", ".join(parts if box.get("kept", True) else [*parts, "not counted"])


def _edges(box: Mapping[str, Any]) -> Rectangle:
    x0, y0, x1, y1 = (float(edge) for edge in box["box"])
    return (x0, y0, x1, y1)


def _chip(
    box: Rectangle,
    wide: float,
    tall: float,
    frame: tuple[int, int],
    boxes: Sequence[Rectangle],
    taken: list[Rectangle],
) -> dict[str, float] | None:
    """The free place that hides least of ``boxes``, remembered in ``taken``; None if every place is taken."""
    wide = min(wide, frame[0])
    free: list[Rectangle] = []
    for left, top in _places(box, wide, tall):
        x = min(max(left, 0.0), frame[0] - wide)
        y = min(max(top, 0.0), frame[1] - tall)
        rectangle = (x, y, x + wide, y + tall)
        if not any(_overlap(rectangle, other) for other in taken):
            free.append(rectangle)
    if not free:
        return None
    best = min(free, key=lambda rectangle: sum(_overlap(rectangle, other) for other in boxes))
    taken.append(best)
    x, y = best[:2]
    return {"x": round(x, 2), "y": round(y, 2), "width": round(wide, 2), "height": round(tall, 2)}
