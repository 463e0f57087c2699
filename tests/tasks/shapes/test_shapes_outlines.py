"""Outlines and textures: what a shape covers."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from selfreward_eval.tasks.shapes.outlines import outline, tone
from selfreward_eval.tasks.shapes.vocabulary import FORMS, SIZES, TEXTURES

MIRRORED_ACROSS = {"circle", "square", "cross", "diamond", "ring", "triangle", "star", "heart"} | {
    f"letter {letter}" for letter in "AHTU"
}
MIRRORED_DOWN = {"circle", "square", "cross", "diamond", "ring"} | {"letter E", "letter H"}
TURNED = {"circle", "square", "cross", "diamond", "ring"}

every_outline = pytest.mark.parametrize(("form", "size"), [(f, s) for f in FORMS for s in SIZES])


@every_outline
def test_coverage_is_a_share_of_every_pixel(form: str, size: str) -> None:
    mask = outline(form, size)
    assert mask.shape == (SIZES[size], SIZES[size])
    assert mask.dtype == np.float32
    assert mask.min() >= 0
    assert mask.max() == 1.0


@every_outline
def test_an_outline_fills_its_box_from_edge_to_edge(form: str, size: str) -> None:
    mask = outline(form, size)
    # The star's feet and the letters' sides keep a margin of less than two pixels.
    for side in (mask[:2], mask[-2:], mask[:, :2], mask[:, -2:]):
        assert side.max() > 0.2


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("form", sorted(MIRRORED_ACROSS))
def test_what_has_equal_sides_is_drawn_with_equal_sides(form: str, size: str) -> None:
    np.testing.assert_allclose(outline(form, size), outline(form, size)[:, ::-1], atol=0.07)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("form", sorted(MIRRORED_DOWN))
def test_what_has_no_up_is_drawn_without_one(form: str, size: str) -> None:
    np.testing.assert_allclose(outline(form, size), outline(form, size)[::-1], atol=0.07)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("form", sorted(TURNED))
def test_what_looks_alike_on_its_side_is_drawn_so(form: str, size: str) -> None:
    np.testing.assert_allclose(outline(form, size), np.rot90(outline(form, size)), atol=0.07)


@pytest.mark.parametrize("size", SIZES)
def test_areas_are_those_of_geometry(size: str) -> None:
    whole = SIZES[size] ** 2
    shares = {"square": 1.0, "circle": np.pi / 4, "triangle": 0.5, "diamond": 0.5, "cross": 0.5376}
    for form, share in shares.items():
        assert outline(form, size).sum() / whole == pytest.approx(share, abs=0.02), form


@pytest.mark.parametrize("size", SIZES)
def test_no_two_forms_cover_nearly_the_same_pixels(size: str) -> None:
    for a, b in combinations(FORMS, 2):
        first, second = outline(a, size), outline(b, size)
        overlap = np.minimum(first, second).sum() / np.maximum(first, second).sum()
        assert overlap < 0.85, (a, b)


def test_an_outline_cannot_be_painted_over() -> None:
    with pytest.raises(ValueError, match="read-only"):
        outline("star", "large")[0, 0] = 1


@pytest.mark.parametrize("texture", TEXTURES)
def test_a_texture_has_two_tones_and_solid_has_one(texture: str) -> None:
    assert set(np.unique(tone(texture, "large"))) == ({1.0} if texture == "solid" else {0.0, 1.0})


def test_textures_differ_from_each_other_in_a_sixth_of_their_pixels() -> None:
    for a, b in combinations(TEXTURES, 2):
        assert (tone(a, "large") != tone(b, "large")).mean() >= 1 / 6, (a, b)
