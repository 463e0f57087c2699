"""Cases of the shapes world: correct pictures and near misses of ReasonBench's requests.

The labels are computed from the scene description, never from the pixels. The question how clearly objects
are drawn is left out, because a scene description does not contain the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from selfreward_eval.tasks.judge_check.cases import Case, Labelled
from selfreward_eval.tasks.shapes.compbench.requests import Wanted
from selfreward_eval.tasks.shapes.reasonbench.questions import ONLY, PLACED, THERE, named, placement
from selfreward_eval.tasks.shapes.reasonbench.requests import DIMENSIONS, ReasonRequest, evaluated
from selfreward_eval.tasks.shapes.reasonbench.scenes import realise
from selfreward_eval.tasks.shapes.sampling import COLOUR_NAMES, PLACES, choose
from selfreward_eval.tasks.shapes.scene import Scene, Thing
from selfreward_eval.tasks.shapes.vocabulary import CANVAS, CELL, FORMS, NUMBERS
from selfreward_eval.tasks.t2i_reasonbench.questions import JudgeQuestion

if TYPE_CHECKING:
    from PIL.Image import Image

SEED = 20251123
"""Seed of the scenes; fixed, so that results stay comparable."""

ENLARGED = 8
"""Enlargement factor of the pictures: models as judges recognise little at 48 pixels."""

RIGHT, MISS = "right picture", "near miss"
TRIES = 200


def shapes_cases(limit: int | None = None) -> list[Case]:
    """Two cases of each of the 96 evaluated requests, one right and one near miss.

    They are ordered so that the first n cases cover all dimensions evenly, and half of them are right.

    Args:
        limit: number of cases; None for all 192.
    """
    by_dimension = [[asked for asked in evaluated() if asked.dimension == name] for name in DIMENSIONS]
    cases: list[Case] = []
    for k, row in enumerate(zip(*by_dimension, strict=True)):
        for request in row:
            rng = np.random.default_rng((SEED, k, DIMENSIONS.index(request.dimension)))
            scene = realise(rng, request, avoid_unseen=False)
            assert scene is not None
            for kind, shown in ((RIGHT, scene), (MISS, near_miss(rng, request, scene))):
                cases.append(
                    Case(
                        id=f"{request.dimension}-{k:03d} ({kind})",
                        questions=labelled(request, shown),
                        picture=partial(_draw, shown),
                        groups={"dimension": request.dimension, "picture": kind},
                    )
                )
    return cases if limit is None else cases[:limit]


def labelled(request: ReasonRequest, scene: Scene) -> tuple[Labelled, ...]:
    """The questions about a picture of ``scene``, with the right scores."""
    questions = []
    for wanted in request.wanted:
        question = JudgeQuestion(f"Is there {named(wanted)} in the picture?", THERE)
        questions.append(
            Labelled(question, _presence(wanted, scene), "number" if wanted.count > 1 else "object")
        )
    place = placement(request)
    if place is not None:
        questions.append(Labelled(JudgeQuestion(place, PLACED), _arrangement(request, scene), "placement"))
    total = sum(wanted.count for wanted in request.wanted)
    others = JudgeQuestion(f"Is there nothing in the picture but {NUMBERS[total]} objects?", ONLY)
    extra = len(scene.things) - total
    questions.append(Labelled(others, 1.0 if extra <= 0 else 0.5 if extra == 1 else 0.0, "nothing else"))
    return tuple(questions)


def near_miss(rng: np.random.Generator, request: ReasonRequest, scene: Scene) -> Scene:
    """``scene`` with one object recoloured, reshaped, moved or removed, or with one or two objects added.

    At least one question has another right score than for a correct picture.
    """
    for _ in range(TRIES):
        changed = _changed(rng, scene)
        if changed is not None and any(question.truth < 1 for question in labelled(request, changed)):
            return changed
    raise ValueError(f"no near miss of {request.text!r} was found")


def _changed(rng: np.random.Generator, scene: Scene) -> Scene | None:
    things = list(scene.things)
    k = int(rng.integers(len(things)))
    used = {(thing.x, thing.y) for thing in things}
    free = [place for place in PLACES if place not in used]
    change = choose(rng, ("colour", "form", "place", "fewer", "more"))
    if change == "colour":
        others = [name for name in COLOUR_NAMES if name != things[k].colour]
        things[k] = replace(things[k], colour=choose(rng, others))
    elif change == "form":
        things[k] = replace(things[k], form=choose(rng, [form for form in FORMS if form != things[k].form]))
    elif change == "place" and free:
        x, y = free[int(rng.integers(len(free)))]
        things[k] = replace(things[k], x=x, y=y)
    elif change == "fewer" and len(things) > 1:
        del things[k]
    elif change == "more" and len(free) >= 2:
        for number in rng.permutation(len(free))[: int(rng.integers(1, 3))]:
            x, y = free[int(number)]
            things.append(Thing(choose(rng, FORMS), choose(rng, COLOUR_NAMES), x, y))
    else:
        return None
    return Scene(tuple(things))


def _presence(wanted: Wanted, scene: Scene) -> float:
    """1: exactly the requested number; 0.5: the form in another colour or number; 0: no such form."""
    alike = [thing for thing in scene.things if thing.form == wanted.form]
    if sum(_is(thing, wanted) for thing in alike) == wanted.count:
        return 1.0
    return 0.5 if alike else 0.0


def _is(thing: Thing, wanted: Wanted) -> bool:
    return (
        thing.form == wanted.form
        and wanted.colour in (None, thing.colour)
        and wanted.texture in (None, thing.texture)
    )


def _arrangement(request: ReasonRequest, scene: Scene) -> float:
    """1: arranged as requested; 0.5: present but arranged otherwise; 0: one object is missing."""
    wanted = request.wanted * 2 if request.layout == "mirror" else request.wanted
    if request.layout in ("top", "bottom", "above", "beside", "row", "mirror"):
        wanted = tuple(replace(thing_wanted, count=1) for thing_wanted in wanted)
    if request.layout in ("top", "bottom"):
        wanted = wanted[:1]
    choices = [
        choice
        for choice in permutations(scene.things, len(wanted))
        if all(_is(thing, thing_wanted) for thing, thing_wanted in zip(choice, wanted, strict=True))
    ]
    if not choices:
        return 0.0
    return 1.0 if any(_is_arranged(request.layout, choice) for choice in choices) else 0.5


def _is_arranged(layout: str, things: Sequence[Thing]) -> bool:
    """Whether objects on the lattice are arranged as ``layout`` requests."""
    first, *others = things
    level = all(thing.y == first.y for thing in things)
    if layout == "row":
        xs = [thing.x for thing in things]
        return level and xs == sorted(xs)
    if layout == "above":
        return others[0].y - first.y > abs(others[0].x - first.x)
    if layout == "mirror":
        return level
    if layout == "beside":
        return level and abs(first.x - others[0].x) <= CELL
    return first.y > CANVAS - CELL if layout == "bottom" else first.y < CELL


def _draw(scene: Scene) -> Image:
    from PIL import Image

    from selfreward_eval.tasks.shapes.render import render

    size = (CANVAS * ENLARGED, CANVAS * ENLARGED)
    return Image.fromarray(render(scene)).resize(size, Image.Resampling.NEAREST)
