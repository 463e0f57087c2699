"""What the oracle reads from pixels, and what it does not."""

from __future__ import annotations

import ast
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

import selfreward_eval.tasks.shapes.oracle as oracle
from selfreward_eval.tasks.shapes.oracle.reading import read
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.sampling import KINDS, PLACES
from selfreward_eval.tasks.shapes.scene import Scene, Thing
from selfreward_eval.tasks.shapes.vocabulary import COLOURS, FORMS, GROUND, SIZES, TEXTURES

Picture = NDArray[np.uint8]
INSTRUMENTS = ("reading", "matching", "segment", "depth", "frame", "detector", "colour")
FAINT = 0.3
"""GenEval's threshold: what scores less does not count."""


@pytest.mark.parametrize("module", INSTRUMENTS)
def test_the_oracle_never_sees_the_scene(module: str) -> None:
    """Its modules import nothing that describes, samples or renders scenes."""
    source = (Path(oracle.__file__).parent / f"{module}.py").read_text()
    imported = {
        node.module
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.module
    }
    allowed = {
        "selfreward_eval.tasks.shapes.oracle",
        "selfreward_eval.tasks.shapes.outlines",
        "selfreward_eval.tasks.shapes.vocabulary",
    }
    own = {name for name in imported if name.startswith(("tasks", "trainers"))}
    assert {name for name in own if not name.startswith("selfreward_eval.tasks.shapes.oracle.")} <= allowed


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read_in_every_colour(form: str, size: str) -> None:
    for colour, (x, y) in zip(COLOURS, PLACES, strict=False):
        (one,) = read(render(Scene((Thing(form, colour, x, y, size=size),))))
        assert (one.form, one.colour, one.size, one.texture) == (form, colour, size, "solid")
        assert (one.x, one.y) == (x, y)
        assert one.score > 0.9


@pytest.mark.parametrize("texture", TEXTURES)
def test_every_texture_is_read_on_every_form_it_is_drawn_on(texture: str) -> None:
    for form in FORMS[:8]:
        (one,) = read(render(Scene((Thing(form, "purple", 24, 24, texture=texture),))))
        assert (one.form, one.texture) == (form, texture)


@given(st.sampled_from(FORMS), st.sampled_from(sorted(COLOURS)), st.integers(7, 41), st.integers(7, 41))
@settings(max_examples=60, deadline=None)
def test_places_off_the_lattice_are_read_to_the_pixel(form: str, colour: str, x: int, y: int) -> None:
    (one,) = read(render(Scene((Thing(form, colour, x, y),))))
    assert (one.form, one.colour, one.x, one.y) == (form, colour, x, y)


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(seed=st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_what_is_read_is_consistent(kind: str, seed: int) -> None:
    for one in read(render(KINDS[kind](np.random.default_rng(seed)))):
        assert 0 <= one.score <= 1
        assert 0 < one.match <= 1 + 1e-6
        assert one.rivals[0][0] == one.form
        assert sum(odds for _, odds in one.rivals) == pytest.approx(1)
        assert one.mask.any()
        assert not (one.mask & ~one.extent).any()
        x0, y0, x1, y1 = one.box
        assert one.mask[y0:y1, x0:x1].sum() == one.mask.sum()


def test_confidence_is_full_where_nothing_is_hidden() -> None:
    for seed in range(40):
        scene = KINDS["plain" if seed % 2 else "sized"](np.random.default_rng(seed))
        assert all(one.score > 0.9 for one in read(render(scene)))


def test_half_hidden_objects_still_count() -> None:
    for seed in range(40):
        assert all(one.score > FAINT for one in read(render(KINDS["occluding"](np.random.default_rng(seed)))))


def test_equal_objects_on_neighbouring_places_are_told_apart() -> None:
    things = tuple(Thing("square", "red", x, y) for x, y in PLACES)
    assert [(one.form, one.x, one.y) for one in read(render(Scene(things)))] == [
        ("square", x, y) for x, y in PLACES
    ]


def test_equal_colours_that_touch_are_no_object_rather_than_a_wrong_one() -> None:
    """A known limit; the world never draws such scenes."""
    assert read(render(Scene((Thing("square", "red", 17, 24), Thing("square", "red", 31, 24))))) == []


@pytest.mark.parametrize("grey", [0, 60, 127, GROUND[0], 255])
def test_a_blank_picture_has_no_objects(grey: int) -> None:
    assert read(np.full((48, 48, 3), grey, dtype=np.uint8)) == []


@pytest.mark.parametrize("colour", COLOURS)
def test_a_picture_full_of_one_colour_has_no_objects(colour: str) -> None:
    assert read(np.full((48, 48, 3), COLOURS[colour], dtype=np.uint8)) == []


def uniform(rng: np.random.Generator) -> Picture:
    return rng.integers(0, 256, (48, 48, 3), dtype=np.uint8)


def speckles(rng: np.random.Generator) -> Picture:
    """Every pixel one of the world's own paints."""
    paints = np.array([*COLOURS.values(), GROUND], dtype=np.uint8)
    return paints[rng.integers(0, len(paints), (48, 48))]


def grain(rng: np.random.Generator) -> Picture:
    """Grey noise: no hue at all."""
    return np.repeat(rng.integers(0, 256, (48, 48, 1), dtype=np.uint8), 3, axis=2)


@pytest.mark.parametrize(("noise", "share"), [(uniform, 0.05), (grain, 0.0), (speckles, 0.25)])
@pytest.mark.parametrize("seed", range(3))
def test_noise_holds_hardly_anything_that_counts(
    noise: Callable[[np.random.Generator], Picture], share: float, seed: int
) -> None:
    seen = read(noise(np.random.default_rng(seed)))
    assert sum(one.score > FAINT for one in seen) <= share * len(seen)
    assert not any(one.score > 0.9 for one in seen)


def test_light_compression_changes_nothing() -> None:
    scene = Scene((Thing("star", "red", 8, 8), Thing("ring", "blue", 40, 24)))
    file = io.BytesIO()
    Image.fromarray(render(scene)).save(file, "JPEG", quality=90, subsampling=0)
    seen = read(np.asarray(Image.open(file).convert("RGB")))
    assert [(one.form, one.colour) for one in seen] == [("star", "red"), ("ring", "blue")]
    assert all(one.score > 0.9 for one in seen)


@pytest.mark.parametrize("shape", [(96, 96, 3), (48, 48), (48, 48, 4)])
def test_only_the_worlds_own_frame_is_read(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected a \(48, 48, 3\) picture"):
        read(np.zeros(shape, dtype=np.uint8))
