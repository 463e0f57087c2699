"""The questions and criteria for a judge, in wordings that ``judge_shapes`` can parse.

The questions name the objects that the prompt means, not its indirect wording, so
that any judge that reads pictures can answer them.
"""

from __future__ import annotations

from typing import Any

from selfreward_eval.tasks.shapes.compbench.requests import Wanted
from selfreward_eval.tasks.shapes.language import article
from selfreward_eval.tasks.shapes.reasonbench.requests import ReasonRequest
from selfreward_eval.tasks.shapes.vocabulary import NUMBERS, plural

THERE = "1: exactly that; 0.5: such a form in another colour or number; 0: no such form."
PLACED = "1: yes; 0.5: the objects are there but stand otherwise; 0: one of them is missing."
ONLY = "1: nothing else is there; 0.5: one more object; 0: more than one."
CLEAN = "1: every object is clearly drawn; 0.5: some are; 0: none is."


def blocks(request: ReasonRequest) -> dict[str, list[dict[str, str]]]:
    """Block -> questions, as an item's metadata holds them."""
    asked = [_pair(f"Is there {named(wanted)} in the picture?", THERE) for wanted in request.wanted]
    place = placement(request)
    if place is not None:
        asked.append(_pair(place, PLACED))
    quality = [_pair("Is every object clearly drawn?", CLEAN)]
    total = sum(wanted.count for wanted in request.wanted)
    others = [_pair(f"Is there nothing in the picture but {NUMBERS[total]} objects?", ONLY)]
    if request.dimension in ("entity", "scientific"):
        return {request.dimension: asked, "details": others, "quality": quality}
    return {"reason": asked, "quality": [*quality, *others]}


def named(wanted: Wanted) -> str:
    """``"a blue ring"``, ``"exactly two stars"``."""
    words = [word for word in (wanted.texture, wanted.colour) if word]
    if wanted.count == 1:
        return article(" ".join([*words, wanted.form]))
    return " ".join(["exactly", NUMBERS[wanted.count], *words, plural(wanted.form)])


def placement(request: ReasonRequest) -> str | None:
    """The question about the arrangement, or None if it is not specified."""
    phrases = [" ".join(word for word in (wanted.colour, wanted.form) if word) for wanted in request.wanted]
    if request.layout == "row" and len(phrases) > 1:
        return f"Do they stand in a row from left to right: {', '.join(phrases)}?"
    if request.layout == "above":
        return f"Is the {phrases[0]} above the {phrases[1]}?"
    if request.layout == "mirror":
        return f"Do two {plural(phrases[0])} stand at the same height?"
    if request.layout == "beside":
        return f"Do the {phrases[0]} and the {phrases[1]} stand next to each other?"
    if request.layout in ("top", "bottom"):
        return f"Is the {phrases[0]} at the {request.layout} of the picture?"
    return None


def _pair(question: str, criterion: str) -> dict[str, Any]:
    return {"question": question, "criterion": criterion}
