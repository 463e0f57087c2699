"""ReasonBench prompts in the shapes world: what they say, what they mean, and scenes that show it."""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np
import pytest

from selfreward_eval.tasks.shapes.reasonbench.requests import (
    DIMENSIONS,
    ENTITIES,
    FEELINGS,
    MIXED,
    PER_DIMENSION,
    ReasonRequest,
    draw,
    evaluated,
    withheld,
)
from selfreward_eval.tasks.shapes.reasonbench.scenes import realise
from selfreward_eval.tasks.shapes.requests import UNSEEN_PAIRS
from selfreward_eval.tasks.shapes.scene import Scene
from selfreward_eval.tasks.shapes.vocabulary import CANVAS
from selfreward_eval.trainers.pretrain import tokenizer
from selfreward_eval.trainers.pretrain.generation import LENGTH


def scenes(dimension: str, count: int) -> list[tuple[ReasonRequest, Scene]]:
    rng = np.random.default_rng(list(dimension.encode()))
    found: list[tuple[ReasonRequest, Scene]] = []
    while len(found) < count:
        request = draw(rng, dimension)
        scene = realise(rng, request)
        if scene is not None:
            found.append((request, scene))
    return found


def test_the_evaluation_is_fixed_for_ever() -> None:
    """Another digest here means other prompts, and another version of the benchmark."""
    texts = "\n".join(request.text for request in evaluated())
    assert Counter(request.dimension for request in evaluated()) == dict.fromkeys(DIMENSIONS, PER_DIMENSION)
    assert hashlib.sha256(texts.encode()).hexdigest()[:16] == "abc2012b2c4958d0"


def test_training_owns_none_of_it() -> None:
    assert withheld() == {request.text for request in evaluated()}


def test_the_prompt_does_not_say_what_it_means() -> None:
    """Riddles do not name the colour or the form that they ask for."""
    for request in evaluated():
        said = request.text.split()
        if request.tag == "paint":
            assert request.wanted[0].colour not in said
        if request.dimension == "entity":
            assert not {one.form for one in request.wanted} & set(said)


def test_every_word_is_known_and_every_prompt_has_room() -> None:
    words = tokenizer.build()
    unknown = words.convert_tokens_to_ids(tokenizer.UNK)
    for request in evaluated():
        ids = words(request.text, add_special_tokens=False)["input_ids"]
        assert unknown not in ids, request.text
        assert len(ids) + 4 + 36 <= LENGTH


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_a_scene_shows_what_is_meant(dimension: str) -> None:
    for request, scene in scenes(dimension, 60):
        shown = Counter(thing.form for thing in scene.things)
        meant: Counter[str] = Counter()
        for one in request.wanted:
            meant[one.form] += one.count
            if one.colour:
                assert any(t.form == one.form and t.colour == one.colour for t in scene.things)
        assert shown == meant, request.text


def test_layouts_are_kept() -> None:
    for dimension in DIMENSIONS:
        for request, scene in scenes(dimension, 60):
            xs, ys = [t.x for t in scene.things], [t.y for t in scene.things]
            if request.layout in ("row", "mirror", "beside"):
                assert len(set(ys)) == 1
            if request.layout == "row":
                assert xs == sorted(set(xs))
                assert [t.form[-1] for t in scene.things] == [one.form[-1] for one in request.wanted]
            if request.layout == "mirror":
                assert sum(xs) == CANVAS
            if request.layout == "above":
                assert ys[0] < ys[1]
                assert xs[0] == xs[1]
            if request.layout == "bottom":
                assert ys == [40]
            if request.layout == "top":
                assert ys == [8]


def test_unseen_pairs_are_left_out_where_training_draws() -> None:
    for dimension in DIMENSIONS:
        for _, scene in scenes(dimension, 40):
            assert not {(thing.colour, thing.form) for thing in scene.things} & UNSEEN_PAIRS


def test_some_evaluated_prompts_ask_for_an_unseen_pair() -> None:
    assert any(request.unseen for request in evaluated())


@pytest.mark.parametrize(
    ("text", "form", "colour"),
    [
        *((f"a ring {feeling}", "ring", colour) for feeling, colour in FEELINGS.items()),
        *((f"a ring painted with {a} and {b} mixed", "ring", c) for (a, b), c in MIXED.items()),
        *(
            (f"a {name}", one.form, one.colour)
            for name, one in ENTITIES.items()
            if name not in ("love", "plus")
        ),
    ],
)
def test_riddles_mean_what_everybody_knows(text: str, form: str, colour: str) -> None:
    rng = np.random.default_rng(3)
    for _ in range(6000):
        for dimension in ("idiom", "entity", "scientific"):
            request = draw(rng, dimension)
            if request.text == text:
                assert (request.wanted[0].form, request.wanted[0].colour) == (form, colour)
                return
    pytest.fail(f"{text!r} is never asked")
