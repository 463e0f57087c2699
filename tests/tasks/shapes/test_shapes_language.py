"""Captions and questions: every answer is the only right one, re-derived here from the scene."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfreward_eval.tasks.shapes.language import OPPOSITE, QUESTION_KINDS, article, ask, caption, holds, name
from selfreward_eval.tasks.shapes.sampling import KINDS, PLACES
from selfreward_eval.tasks.shapes.scene import Scene, Thing
from selfreward_eval.tasks.shapes.vocabulary import (
    COLOURS,
    FORMS,
    NUMBERS,
    RELATIONS,
    SHAPES,
    SIZES,
    TEXTURES,
    plural,
)

ASKED_ABOUT = ("plain", "counted", "textured", "lettered", "sized")
"""Kinds of scene that questions are made for: nothing hides anything."""

scenes = st.builds(
    lambda kind, seed: KINDS[kind](np.random.default_rng(seed)),
    st.sampled_from(ASKED_ABOUT),
    st.integers(0, 2**32),
)
SINGULAR = {plural(form): form for form in FORMS}
FORM = "|".join(FORMS)
COLOUR = "|".join(COLOURS)
TEXTURE = "|".join(TEXTURES)
RELATION = "|".join(RELATIONS)


def answers_to(question: str, scene: Scene) -> set[str]:
    """Every answer that the scene supports; one, if the question is a good one."""
    things = scene.things
    if match := re.fullmatch(rf"what (colour|texture) is the ({FORM})\?", question):
        return {getattr(t, match[1]) for t in things if t.form == match[2]}
    if match := re.fullmatch(rf"what shape is the ({COLOUR}) object\?", question):
        return {t.form.lower() for t in things if t.colour == match[1]}
    if question == "how many objects are there?":
        return {NUMBERS[len(things)]}
    if match := re.fullmatch(rf"how many ({COLOUR}) objects are there\?", question):
        return {NUMBERS[sum(t.colour == match[1] for t in things)]}
    if match := re.fullmatch(r"how many ([\w ]+) are there\?", question):
        return {NUMBERS[sum(t.form == SINGULAR[match[1]] for t in things)]}
    if match := re.fullmatch(rf"is there an? ({COLOUR}) ({FORM})\?", question):
        return {"yes" if any((t.colour, t.form) == match.groups() for t in things) else "no"}
    if match := re.fullmatch(rf"is the ({COLOUR}) ({FORM}) ({RELATION}) the ({COLOUR}) ({FORM})\?", question):
        subjects = [t for t in things if (t.colour, t.form) == match.group(1, 2)]
        targets = [t for t in things if (t.colour, t.form) == match.group(4, 5)]
        return {"yes" if lies(a, match[3], b) else "no" for a in subjects for b in targets}
    if match := re.fullmatch(rf"is there an? ({TEXTURE}) ({FORM})\?", question):
        return {"yes" if any((t.texture, t.form) == match.groups() for t in things) else "no"}
    if match := re.fullmatch(r"are there more ([\w ]+) than ([\w ]+)\?", question):
        first, second = (sum(t.form == SINGULAR[match[k]] for t in things) for k in (1, 2))
        return {"yes" if first > second else "no"}
    if match := re.fullmatch(rf"are the ({FORM}) and the ({FORM}) the same colour\?", question):
        pairs = [(a, b) for a in things if a.form == match[1] for b in things if b.form == match[2]]
        return {"yes" if a.colour == b.colour else "no" for a, b in pairs}
    if match := re.fullmatch(rf"is the ({COLOUR}) ({FORM}) (.+) the ({COLOUR}) ({FORM})\?", question):
        subjects = [t for t in things if (t.colour, t.form) == match.group(1, 2)]
        targets = [t for t in things if (t.colour, t.form) == match.group(4, 5)]
        return {"yes" if meets(a, match[3], b) else "no" for a in subjects for b in targets}
    raise AssertionError(f"a question of an unknown form: {question}")


def meets(a: Thing, relation: str, b: Thing) -> bool:
    """CompBench's directions; of what touches or hides, only neighbours occur where nothing overlaps."""
    side = {"left": "left of", "right": "right of", "top": "above", "bottom": "below"}
    if match := re.fullmatch(r"on the (left|right|top|bottom) of", relation):
        return lies(a, side[match[1]], b)
    return relation == "next to" and sorted((abs(a.x - b.x), abs(a.y - b.y))) == [0, 16]


def lies(a: Thing, relation: str, b: Thing) -> bool:
    """Within 60 degrees of the direction, strictly; GenEval's cone."""
    towards = {"left of": (-1, 0), "right of": (1, 0), "above": (0, -1), "below": (0, 1)}[relation]
    along = (a.x - b.x) * towards[0] + (a.y - b.y) * towards[1]
    return along > 0 and 4 * along**2 > (a.x - b.x) ** 2 + (a.y - b.y) ** 2


@pytest.mark.parametrize("kind", [kind for kind in QUESTION_KINDS if kind != "caption"])
@given(scene=scenes, seed=st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_the_answer_is_the_only_right_one(kind: str, scene: Scene, seed: int) -> None:
    question = ask(np.random.default_rng(seed), scene, kind)
    if question is not None:
        assert question.kind == kind
        assert answers_to(question.text, scene) == {question.answer}


@pytest.mark.parametrize("kind", ["existence", "relation"])
def test_yes_is_as_frequent_as_no(kind: str) -> None:
    """A model that always says the same must not score above chance."""
    said: Counter[str] = Counter()
    for seed in range(1500):
        rng = np.random.default_rng(seed)
        question = ask(rng, KINDS["plain"](rng), kind)
        if question is not None:
            said[question.answer] += 1
    assert 0.4 < said["yes"] / said.total() < 0.65


def told(text: str) -> Counter[tuple[str, str, str, str]]:
    """A caption read back: (size, texture, colour, form) -> how many."""
    objects: Counter[tuple[str, str, str, str]] = Counter()
    for phrase in re.split(rf",? and |, | (?:{RELATION}) ", text):
        number, *words = phrase.split(" ")
        count = 1 if number in ("a", "an") else NUMBERS.index(number)
        size = words.pop(0) if words[0] in SIZES else "large"
        texture = words.pop(0) if words[0] in TEXTURES else "solid"
        colour, form = words[0], " ".join(words[1:])
        objects[(size, texture, colour, form if count == 1 else SINGULAR[form])] += count
    return objects


@given(scenes)
@settings(max_examples=200, deadline=None)
def test_a_caption_names_every_object_once_with_all_its_properties(scene: Scene) -> None:
    assert told(caption(scene)) == Counter((t.size, t.texture, t.colour, t.form) for t in scene.things)


@given(scenes, st.randoms())
@settings(max_examples=50, deadline=None)
def test_a_caption_does_not_depend_on_the_order_of_drawing(scene: Scene, random: Random) -> None:
    things = list(scene.things)
    random.shuffle(things)
    assert caption(Scene(tuple(things))) == caption(scene)


@pytest.mark.parametrize(
    ("things", "text"),
    [
        ((Thing("star", "orange", 8, 8),), "an orange star"),
        ((Thing("star", "red", 40, 8), Thing("ring", "blue", 8, 8)), "a blue ring left of a red star"),
        ((Thing("star", "red", 8, 40), Thing("star", "red", 8, 8)), "two red stars"),
        (
            (Thing("letter A", "red", 8, 8, size="small"), Thing("cross", "green", 8, 24, texture="dotted")),
            "a small red letter A above a dotted green cross",
        ),
        (
            (Thing("cross", "red", 8, 8), Thing("ring", "red", 24, 8), Thing("cross", "red", 40, 8)),
            "two red crosses and a red ring",
        ),
        (
            (Thing("star", "red", 8, 8), Thing("ring", "red", 24, 8), Thing("heart", "blue", 40, 8)),
            "a red star, a red ring and a blue heart",
        ),
    ],
)
def test_captions_read_like_this(things: tuple[Thing, ...], text: str) -> None:
    assert caption(Scene(things)) == text


@pytest.mark.parametrize("relation", RELATIONS)
def test_a_relation_holds_in_its_cone_and_its_opposite_never_does(relation: str) -> None:
    for x, y in PLACES:
        for u, v in PLACES:
            a, b = Thing("star", "red", x, y), Thing("ring", "blue", u, v)
            assert holds(relation, a, b) == lies(a, relation, b)
            assert not (holds(relation, a, b) and holds(OPPOSITE[relation], a, b))
            assert holds(relation, a, b) == holds(OPPOSITE[relation], b, a)


def test_a_question_without_a_single_answer_is_not_asked() -> None:
    twins = Scene((Thing("star", "red", 8, 8), Thing("star", "red", 40, 8)))
    rng = np.random.default_rng(0)
    for kind in ("colour", "shape", "texture", "relation"):
        assert ask(rng, twins, kind) is None


def test_words() -> None:
    assert article("orange star") == "an orange star"
    assert article("red star") == "a red star"
    assert name(Thing("star", "red", 8, 8, texture="striped", size="small")) == "small striped red star"
    assert name(Thing("star", "red", 8, 8), colour=False) == "star"
    assert [plural(form) for form in (*SHAPES[:2], "cross", "letter A")] == [
        "circles", "squares", "crosses", "letters A"
    ]  # fmt: skip
