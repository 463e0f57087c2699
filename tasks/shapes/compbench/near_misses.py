"""Near misses: requests that differ from another in one word, as hard negatives.

>>> import numpy as np
>>> from selfreward_eval.tasks.shapes.compbench.requests import Wanted, build_request
>>> near_miss(np.random.default_rng(0), build_request("texture", (Wanted("star", texture="striped"),))).text
'a dotted star'
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from selfreward_eval.tasks.shapes.compbench.requests import CompRequest, Wanted, build_request
from selfreward_eval.tasks.shapes.sampling import COLOUR_NAMES, choose
from selfreward_eval.tasks.shapes.vocabulary import MAX_COUNT, SHAPES, TEXTURES

OPPOSITES = {
    "on the left of": "on the right of",
    "on the right of": "on the left of",
    "on the top of": "on the bottom of",
    "on the bottom of": "on the top of",
    "in front of": "behind",
    "behind": "in front of",
    "hidden by": "in front of",
}
"""Relations that exclude each other. Neighbour relations are compatible with others and have no opposite."""


def near_miss(rng: np.random.Generator, request: CompRequest) -> CompRequest:
    """``request`` with one property of one object, or one relation, changed."""
    options = ["form", *_properties(request)]
    what = choose(rng, options)
    if what == "relation":
        return build_request(request.category, request.wanted, _turned(request), request.kind)
    if what == "swap":
        a, b = request.wanted[0], request.wanted[1]
        swapped = (replace(a, colour=b.colour), replace(b, colour=a.colour), *request.wanted[2:])
        return build_request(request.category, swapped, request.relations, request.kind)
    fitting = [k for k, wanted_object in enumerate(request.wanted) if _has(wanted_object, what)]
    place = fitting[int(rng.integers(len(fitting)))]
    if any(word == "inside" for word, _, _ in request.relations):
        # The outer object must keep a form that can contain another.
        place = place if what != "form" else 0
    wanted = list(request.wanted)
    wanted[place] = _changed(rng, wanted, place, what)
    return build_request(request.category, tuple(wanted), request.relations, request.kind)


def _properties(request: CompRequest) -> list[str]:
    properties = [
        name
        for name in ("colour", "texture", "count")
        if any(_has(wanted, name) for wanted in request.wanted)
    ]
    if len(request.wanted) > 1 and all(wanted.colour for wanted in request.wanted[:2]):
        properties.append("swap")
    if any(word in OPPOSITES for word, _, _ in request.relations):
        properties += ["relation", "relation"]
    return properties


def _has(wanted: Wanted, name: str) -> bool:
    return {
        "form": True,
        "colour": bool(wanted.colour),
        "texture": bool(wanted.texture),
        "count": wanted.count > 1,
    }[name]


def _changed(rng: np.random.Generator, wanted: list[Wanted], place: int, what: str) -> Wanted:
    current = wanted[place]
    if what == "form":
        return replace(current, form=choose(rng, [f for f in SHAPES if all(f != o.form for o in wanted)]))
    if what == "colour":
        return replace(
            current, colour=choose(rng, [c for c in COLOUR_NAMES if all(c != o.colour for o in wanted)])
        )
    if what == "texture":
        return replace(current, texture=choose(rng, [t for t in TEXTURES if t != current.texture]))
    room = MAX_COUNT - sum(o.count for o in wanted) + current.count
    return replace(
        current,
        count=current.count + 1 if current.count < min(4, room) and rng.integers(2) else current.count - 1,
    )


def _turned(request: CompRequest) -> tuple[tuple[str, int, int], ...]:
    return tuple((OPPOSITES.get(word, word), a, b) for word, a, b in request.relations)
