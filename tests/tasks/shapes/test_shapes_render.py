"""Drawing scenes: deterministic, back to front, cut at the edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.sampling import KINDS
from selfreward_eval.tasks.shapes.scene import Scene, Thing
from selfreward_eval.tasks.shapes.vocabulary import CANVAS, COLOURS, DARK, FORMS, GROUND


def test_an_empty_scene_is_ground() -> None:
    picture = render(Scene(()))
    assert picture.shape == (CANVAS, CANVAS, 3)
    assert picture.dtype == np.uint8
    assert (picture == GROUND).all()


@given(st.sampled_from(sorted(KINDS)), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_the_same_scene_is_drawn_the_same_way(kind: str, seed: int) -> None:
    scene = KINDS[kind](np.random.default_rng(seed))
    assert (render(scene) == render(Scene(tuple(scene.things)))).all()


@pytest.mark.parametrize("colour", COLOURS)
def test_a_solid_square_is_its_paint_and_nothing_else_is(colour: str) -> None:
    picture = render(Scene((Thing("square", colour, 24, 24),)))
    assert (picture[17:31, 17:31] == COLOURS[colour]).all()
    picture[17:31, 17:31] = GROUND
    assert (picture == GROUND).all()


def test_a_texture_shows_the_colour_and_its_darker_tone() -> None:
    picture = render(Scene((Thing("square", "orange", 24, 24, texture="checkered"),)))
    shown = {tuple(pixel) for pixel in picture[17:31, 17:31].reshape(-1, 3)}
    assert shown == {COLOURS["orange"], tuple(round(c * DARK) for c in COLOURS["orange"])}


def test_the_later_thing_hides_the_earlier_one() -> None:
    red, blue = Thing("square", "red", 20, 24), Thing("square", "blue", 28, 24)
    assert tuple(render(Scene((red, blue)))[24, 24]) == COLOURS["blue"]
    assert tuple(render(Scene((blue, red)))[24, 24]) == COLOURS["red"]


def test_a_hole_shows_what_lies_behind() -> None:
    scene = Scene((Thing("square", "red", 24, 24), Thing("ring", "blue", 24, 24)))
    assert tuple(render(scene)[24, 24]) == COLOURS["red"]


@given(st.permutations(range(4)), st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_the_order_of_things_that_do_not_overlap_does_not_matter(order: list[int], seed: int) -> None:
    things = KINDS["plain"](np.random.default_rng(seed)).things
    shuffled = tuple(things[i] for i in order if i < len(things)) + things[4:]
    assert (render(Scene(things)) == render(Scene(shuffled))).all()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("at", [(0, 0), (CANVAS - 1, 24), (24, CANVAS - 1), (CANVAS - 1, 0)])
def test_what_lies_outside_the_picture_is_cut_off(form: str, at: tuple[int, int]) -> None:
    """The same pixels as in the middle, as far as they are inside."""
    middle = render(Scene((Thing(form, "green", 24, 24),)))
    moved = render(Scene((Thing(form, "green", *at),)))
    assert moved.shape == middle.shape
    x0, y0, x1, y1 = Thing(form, "green", *at).box
    for y in range(max(y0, 0), min(y1, CANVAS)):
        for x in range(max(x0, 0), min(x1, CANVAS)):
            assert (moved[y, x] == middle[y - at[1] + 24, x - at[0] + 24]).all()
