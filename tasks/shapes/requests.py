"""Requests (prompts with their meaning) of GenEval's six kinds, in GenEval's metadata schema.

A request's *content* is its wording without the frame: ``"a red star"``; the
frame makes a sentence of it: ``"a picture of a red star"``. Certain sentences
and contents are reserved for the evaluation and excluded from training (see
:func:`training_sentences`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import permutations, product
from typing import Any

import numpy as np

from selfreward_eval.tasks.shapes.language import article, holds
from selfreward_eval.tasks.shapes.sampling import COLOUR_NAMES, PLACES, choose, places
from selfreward_eval.tasks.shapes.scene import Scene, Thing
from selfreward_eval.tasks.shapes.vocabulary import NUMBERS, RELATIONS, SHAPES, plural

TAGS = ("single_object", "two_object", "counting", "colors", "position", "color_attr")
"""GenEval's tags, in GenEval's order."""

FRAMES = ("a picture of {}", "a drawing of {}", "an image of {}")
BARE_FRAMES = ("{}", "draw {}")
"""Frames that the evaluation never uses."""

UNSEEN_PAIRS = frozenset(
    {
        ("purple", "star"),
        ("orange", "circle"),
        ("blue", "heart"),
        ("green", "square"),
        ("red", "ring"),
        ("yellow", "triangle"),
    }
)
"""Colour-shape pairs that no picture drawn in training contains: they test composition."""

WHOLE_CONTENT = ("two_object", "position", "color_attr")
"""Tags whose evaluated contents are excluded from training in any frame. The other tags have too few
contents for that; only their evaluated sentences are excluded."""


@dataclass(frozen=True)
class Request:
    """One thing to draw.

    Attributes:
        tag: GenEval's tag.
        content: wording without a frame.
        include: GenEval's ``include`` clauses; the target of a position comes first.
    """

    tag: str
    content: str
    include: tuple[tuple[tuple[str, Any], ...], ...]

    def metadata(self, sentence: str) -> dict[str, Any]:
        """The row in GenEval's schema, with ``unseen`` where a held-out pair is asked for."""
        include = [dict(clause) for clause in self.include]
        for clause in include:
            if "position" in clause:
                clause["position"] = list(clause["position"])
        row: dict[str, Any] = {"tag": self.tag, "include": include}
        if self.tag == "counting":
            row["exclude"] = [{"class": include[0]["class"], "count": include[0]["count"] + 1}]
        row["prompt"] = sentence
        row["unseen"] = any((clause.get("color"), clause["class"]) in UNSEEN_PAIRS for clause in include)
        return row


def _clause(form: str, count: int = 1, **more: Any) -> tuple[tuple[str, Any], ...]:
    return (("class", form), ("count", count), *more.items())


@cache
def all_requests(tag: str) -> tuple[Request, ...]:
    """Every request of a tag, in a fixed order."""
    if tag == "single_object":
        return tuple(Request(tag, article(form), (_clause(form),)) for form in SHAPES)
    if tag == "two_object":
        return tuple(
            Request(tag, f"{article(a)} and {article(b)}", (_clause(a), _clause(b)))
            for a, b in permutations(SHAPES, 2)
        )
    if tag == "counting":
        return tuple(
            Request(tag, f"{NUMBERS[n]} {plural(form)}", (_clause(form, n),))
            for form, n in product(SHAPES, (2, 3, 4))
        )
    if tag == "colors":
        return tuple(
            Request(tag, article(f"{colour} {form}"), (_clause(form, color=colour),))
            for colour, form in product(COLOUR_NAMES, SHAPES)
        )
    if tag == "position":
        return tuple(
            Request(
                tag,
                f"{article(subject)} {relation} {article(target)}",
                (_clause(target), _clause(subject, position=(relation, 0))),
            )
            for (subject, target), relation in product(permutations(SHAPES, 2), RELATIONS)
        )
    if tag == "color_attr":
        return tuple(
            Request(
                tag,
                f"{article(f'{c} {a}')} and {article(f'{d} {b}')}",
                (_clause(a, color=c), _clause(b, color=d)),
            )
            for (a, b), (c, d) in product(permutations(SHAPES, 2), permutations(COLOUR_NAMES, 2))
        )
    raise ValueError(f"unknown tag {tag!r}; known: {', '.join(TAGS)}")


_EVALUATED = {"two_object": 40, "position": 60, "color_attr": 60}
_EVALUATED_FRAMES = {"single_object": FRAMES, "counting": FRAMES[:2]}


@cache
def evaluation() -> tuple[tuple[str, Request], ...]:
    """The benchmark's sentences with their requests, 280 in all, fixed for ever by a constant seed."""
    rows: list[tuple[str, Request]] = []
    for tag in TAGS:
        requests = all_requests(tag)
        if tag in _EVALUATED:
            picks = np.random.default_rng(20251119).permutation(len(requests))[: _EVALUATED[tag]]
            requests = tuple(requests[i] for i in sorted(picks))
        for frame in _EVALUATED_FRAMES.get(tag, FRAMES[:1]):
            rows.extend((frame.format(request.content), request) for request in requests)
    return tuple(rows)


@cache
def _evaluated_contents() -> frozenset[str]:
    return frozenset(request.content for _, request in evaluation())


def training_sentences(request: Request) -> tuple[str, ...]:
    """The sentences under which training may ask for ``request``; empty where it may not at all."""
    content = request.content
    if content not in _evaluated_contents():
        return tuple(frame.format(content) for frame in BARE_FRAMES + FRAMES)
    if request.tag in WHOLE_CONTENT:
        return ()
    return tuple(frame.format(content) for frame in BARE_FRAMES)


def realise(rng: np.random.Generator, request: Request, *, avoid_unseen: bool = True) -> Scene | None:
    """A scene of ``request`` and nothing else; None where an unseen pair cannot be avoided."""

    def colour_for(form: str, wanted: str | None) -> str | None:
        options = [wanted] if wanted else list(COLOUR_NAMES)
        if avoid_unseen:
            options = [colour for colour in options if (colour, form) not in UNSEEN_PAIRS]
        return choose(rng, options) if options else None

    clauses = [dict(clause) for clause in request.include]
    if request.tag == "position":
        relation = clauses[1]["position"][0]
        target_place, subject_place = related_places(rng, relation)
        spots = [target_place, subject_place]
    else:
        spots = places(rng, sum(clause["count"] for clause in clauses))
    things: list[Thing] = []
    for clause in clauses:
        shared = colour_for(clause["class"], clause.get("color"))
        for _ in range(clause["count"]):
            if shared is None:
                return None
            x, y = spots[len(things)]
            things.append(Thing(clause["class"], shared, x, y))
    return Scene(tuple(things))


def related_places(rng: np.random.Generator, relation: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """Places (target, subject) with the subject ``relation`` the target, straight three times in four."""
    pairs = _place_pairs(relation, rng.random() < 0.75)
    return pairs[int(rng.integers(len(pairs)))]


@cache
def _place_pairs(relation: str, straight: bool) -> tuple[tuple[tuple[int, int], tuple[int, int]], ...]:
    """Every (target, subject) pair of lattice places in that relation, along one axis or not."""
    pairs = []
    for target, subject in permutations(PLACES, 2):
        a, b = Thing("circle", "red", *subject), Thing("circle", "red", *target)
        if holds(relation, a, b) and straight == (target[0] == subject[0] or target[1] == subject[1]):
            pairs.append((target, subject))
    return tuple(pairs)
