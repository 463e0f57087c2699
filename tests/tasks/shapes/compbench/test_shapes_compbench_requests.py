"""CompBench prompts in the shapes world: wording, what the evaluation owns, and scenes that do it."""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np
import pytest

from selfreward_eval.tasks.shapes.compbench.near_misses import OPPOSITES, near_miss
from selfreward_eval.tasks.shapes.compbench.requests import (
    CATEGORIES,
    COMPLEX_KINDS,
    DEPTH,
    PER_CATEGORY,
    PLANAR,
    CompRequest,
    Wanted,
    build_request,
    draw,
    evaluated,
    withheld,
)
from selfreward_eval.tasks.shapes.compbench.scenes import realise
from selfreward_eval.tasks.shapes.contact import contact_holds
from selfreward_eval.tasks.shapes.language import holds
from selfreward_eval.tasks.shapes.oracle.accuracy import scene_is_read
from selfreward_eval.tasks.shapes.oracle.reading import read
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.requests import UNSEEN_PAIRS, evaluation
from selfreward_eval.tasks.shapes.scene import Scene, Thing
from selfreward_eval.trainers.pretrain import tokenizer
from selfreward_eval.trainers.pretrain.generation import LENGTH


def scenes(category: str, count: int, *, avoid_unseen: bool = False) -> list[tuple[CompRequest, Scene]]:
    rng = np.random.default_rng(list(category.encode()))
    found: list[tuple[CompRequest, Scene]] = []
    while len(found) < count:
        request = draw(rng, category)
        scene = realise(rng, request, avoid_unseen=avoid_unseen)
        if scene is not None:
            found.append((request, scene))
    return found


@pytest.mark.parametrize(
    ("request_", "text", "chunks"),
    [
        (
            build_request("color", (Wanted("star", "red"), Wanted("ring", "orange"))),
            "a red star and an orange ring",
            ("a red star", "an orange ring"),
        ),
        (
            build_request("shape", (Wanted("star"), Wanted("ring"))),
            "a star shape and a ring shape",
            ("a star shape", "a ring shape"),
        ),
        (
            build_request("numeracy", (Wanted("cross", count=2), Wanted("ring"), Wanted("star"))),
            "two crosses, a ring and a star",
            ("two crosses", "a ring", "a star"),
        ),
        (
            build_request(
                "complex",
                (Wanted("star", "red"), Wanted("ring", "blue"), Wanted("heart", "green")),
                (("touching", 0, 1), ("on the left of", 1, 2)),
                "spatialaction",
            ),
            "a red star touching a blue ring on the left of a green heart",
            ("a red star", "a blue ring", "a green heart"),
        ),
    ],
)
def test_the_wording_is_the_categorys(request_: CompRequest, text: str, chunks: tuple[str, ...]) -> None:
    assert request_.text == text
    assert request_.chunks == chunks


def test_the_evaluation_is_fixed_for_ever() -> None:
    """Another digest here means other prompts, and another version of the benchmark."""
    texts = "\n".join(request.text for request in evaluated())
    assert len(evaluated()) == len(CATEGORIES) * PER_CATEGORY
    assert hashlib.sha256(texts.encode()).hexdigest()[:16] == "f50d2ddbb3708a98"


def test_every_category_and_every_kind_has_its_share() -> None:
    assert Counter(request.category for request in evaluated()) == dict.fromkeys(CATEGORIES, PER_CATEGORY)
    kinds = Counter(request.kind for request in evaluated() if request.category == "complex")
    assert kinds == dict.fromkeys(COMPLEX_KINDS, PER_CATEGORY // len(COMPLEX_KINDS))
    assert len({request.text for request in evaluated()}) == len(evaluated())


def test_training_owns_nothing_that_an_evaluation_asks() -> None:
    asked = {request.text for request in evaluated()}
    colours = {request.text for request in evaluated() if request.category == "color"}
    geneval = {request.content for _, request in evaluation() if request.tag == "color_attr"}
    assert asked <= withheld()
    assert colours <= geneval <= withheld()


def test_the_tiny_model_knows_every_word_and_has_room_for_every_prompt() -> None:
    words = tokenizer.build()
    unknown = words.convert_tokens_to_ids(tokenizer.UNK)
    for request in evaluated():
        ids = words(request.text, add_special_tokens=False)["input_ids"]
        assert unknown not in ids, request.text
        assert len(ids) + 4 + 36 <= LENGTH


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_scene_shows_what_was_asked(category: str) -> None:
    for request, scene in scenes(category, 60):
        wanted = Counter(
            (one.form, one.colour, one.texture) for one in request.wanted for _ in range(one.count)
        )
        for form, colour, texture in wanted:
            shown = [
                thing
                for thing in scene.things
                if thing.form == form and colour in (None, thing.colour) and texture in (None, thing.texture)
            ]
            assert len(shown) >= wanted[(form, colour, texture)], request.text
        assert len(scene.things) == sum(one.count for one in request.wanted)


@pytest.mark.parametrize("category", ["spatial", "3d_spatial", "non_spatial", "complex"])
def test_the_relations_hold(category: str) -> None:
    for request, scene in scenes(category, 60):
        for word, subject, target in request.relations:
            places = [
                next(k for k, thing in enumerate(scene.things) if thing.form == request.wanted[i].form)
                for i in (subject, target)
            ]
            a, b = (scene.things[k] for k in places)
            direction = PLANAR.get(word)
            if direction:
                assert holds(direction, a, b), request.text
            elif word in DEPTH:
                expected = "in front of" if word == "in front of" else "behind"
                assert contact_holds(expected, scene, *places), request.text
            elif word in ("touching", "inside"):
                assert contact_holds(word, scene, *places), request.text
            else:
                assert abs(a.x - b.x) + abs(a.y - b.y) <= 20, request.text


def test_the_oracle_reads_the_scenes() -> None:
    """Most of them: what it cannot read it cannot score, whoever draws it."""
    for category in CATEGORIES:
        read_right = sum(scene_is_read(scene, read(render(scene))) for _, scene in scenes(category, 40))
        assert read_right >= 36, category


def test_unseen_pairs_are_left_out_where_training_draws() -> None:
    for category in CATEGORIES:
        for _, scene in scenes(category, 30, avoid_unseen=True):
            assert not {(thing.colour, thing.form) for thing in scene.things} & UNSEEN_PAIRS


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_near_miss_differs_and_can_be_drawn(category: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(40):
        request = draw(rng, category)
        other = near_miss(rng, request)
        assert other.text != request.text
        assert other.category == request.category
        assert all(1 <= one.count <= 4 for one in other.wanted)
        assert sum(one.count for one in other.wanted) <= 5
        realised = [realise(rng, other, avoid_unseen=False) for _ in range(20)]
        assert any(scene is not None for scene in realised), other.text


def test_opposite_relations_never_hold_together() -> None:
    front = Scene((Thing("star", "red", 8, 8), Thing("ring", "blue", 16, 8)))
    assert contact_holds("in front of", front, 1, 0)
    assert not contact_holds("behind", front, 1, 0)
    assert OPPOSITES["hidden by"] == "in front of"


def test_an_unknown_contact_is_refused() -> None:
    scene = Scene((Thing("star", "red", 8, 8), Thing("ring", "blue", 24, 8)))
    with pytest.raises(ValueError, match="unknown relation 'under'"):
        contact_holds("under", scene, 0, 1)
