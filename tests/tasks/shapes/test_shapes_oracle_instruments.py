"""The oracle behind the instrument contracts: boxes, masks, colours and depth in the picture's own pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from selfreward_eval.harness.instruments.base import ColourClassifier, DepthEstimator, Detection, Detector
from selfreward_eval.harness.registry import registry
from selfreward_eval.tasks.shapes.oracle.colour import OracleColourClassifier
from selfreward_eval.tasks.shapes.oracle.depth import OracleDepth
from selfreward_eval.tasks.shapes.oracle.detector import OracleDetector
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.sampling import KINDS
from selfreward_eval.tasks.shapes.scene import Scene, Thing
from selfreward_eval.tasks.shapes.vocabulary import COLOURS, FORMS

PAIR = Scene((Thing("star", "red", 8, 24), Thing("square", "blue", 40, 8, texture="checkered")))


def picture(scene: Scene, size: tuple[int, int] = (48, 48)) -> Image.Image:
    return Image.fromarray(render(scene)).resize(size, Image.Resampling.NEAREST)


def detect(image: Image.Image, labels: tuple[str, ...] = FORMS) -> list[Detection]:
    (found,) = OracleDetector().detect([image], labels)
    return found


@pytest.mark.parametrize(
    ("name", "contract"),
    [
        ("shapes_oracle", Detector),
        ("shapes_oracle_colour", ColourClassifier),
        ("shapes_oracle_depth", DepthEstimator),
    ],
)
def test_the_instruments_are_registered_and_keep_their_contract(name: str, contract: Any) -> None:
    instrument: Any = registry("instruments").load(name)()
    assert isinstance(instrument, contract)
    assert instrument.identity() == {"name": name, "revision": "1"}


def test_what_a_detection_says() -> None:
    square, star = detect(picture(PAIR))
    assert (star.label, square.label) == ("star", "square")
    assert square.box == (33.0, 1.0, 47.0, 15.0)
    assert square.attributes is not None
    assert {key: square.attributes[key] for key in ("colour", "texture", "size")} == {
        "colour": "blue", "texture": "checkered", "size": "large"
    }  # fmt: skip


def test_only_the_labels_asked_for_are_found() -> None:
    assert [one.label for one in detect(picture(PAIR), ("star", "ring"))] == ["star"]
    assert detect(picture(PAIR), ()) == []


def test_pictures_are_read_each_by_itself() -> None:
    blank = Image.new("RGB", (48, 48), (240, 240, 240))
    found = OracleDetector().detect([blank, picture(PAIR), blank], FORMS)
    assert [len(one) for one in found] == [0, 2, 0]


@pytest.mark.parametrize("size", [(48, 48), (96, 96), (480, 240), (100, 70)])
def test_masks_and_boxes_are_the_pictures_own(size: tuple[int, int]) -> None:
    width, height = size
    for one in detect(picture(PAIR, size)):
        assert one.mask is not None
        assert one.mask.shape == (height, width)
        rows, columns = np.flatnonzero(one.mask.any(1)), np.flatnonzero(one.mask.any(0))
        x0, y0, x1, y1 = one.box
        # Enlarging by a factor that is not whole moves an edge by less than a pixel.
        assert (columns[0], rows[0]) == pytest.approx((x0, y0), abs=1)
        assert (columns[-1] + 1, rows[-1] + 1) == pytest.approx((x1, y1), abs=1)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_picture_twice_as_large_reads_the_same(kind: str) -> None:
    for seed in range(6):
        scene = KINDS[kind](np.random.default_rng(seed))
        small, large = detect(picture(scene)), detect(picture(scene, (96, 96)))
        assert [(a.label, a.score, a.attributes) for a in small] == [
            (b.label, b.score, b.attributes) for b in large
        ]
        assert [tuple(2 * edge for edge in a.box) for a in small] == [b.box for b in large]


def test_masks_do_not_overlap() -> None:
    for seed in range(10):
        found = detect(picture(KINDS["occluding"](np.random.default_rng(seed))))
        masks = [one.mask for one in found if one.mask is not None]
        assert len(masks) == len(found)
        assert np.sum(masks, axis=0).max() == 1


@pytest.mark.parametrize("size", [(48, 48), (96, 96)])
def test_colours_are_read_from_pixels_not_from_the_detection(size: tuple[int, int]) -> None:
    image = picture(PAIR, size)
    lying = [Detection(one.label, one.box, one.score, one.mask, {"colour": "green"}) for one in detect(image)]
    assert OracleColourClassifier().classify(image, lying, tuple(COLOURS)) == ["blue", "red"]


def test_a_colour_is_chosen_among_those_offered() -> None:
    image = picture(PAIR)
    assert set(OracleColourClassifier().classify(image, detect(image), ("red", "green"))) <= {"red", "green"}


def test_a_colour_that_the_world_lacks_is_refused() -> None:
    image = picture(PAIR)
    with pytest.raises(ValueError, match="no colour 'pink'"):
        OracleColourClassifier().classify(image, detect(image), ("red", "pink"))


def test_a_detection_without_a_mask_is_refused() -> None:
    bare = Detection("star", (0, 0, 10, 10), 1.0)
    with pytest.raises(ValueError, match="'star' has no mask"):
        OracleColourClassifier().classify(picture(PAIR), [bare], ("red",))


@pytest.mark.parametrize("size", [(48, 48), (96, 96)])
def test_the_object_in_front_is_nearer(size: tuple[int, int]) -> None:
    right = 0
    for seed in range(40):
        back, front = KINDS["occluding"](np.random.default_rng(seed)).things
        (depth,) = OracleDepth().depth([picture(Scene((back, front)), size)])
        assert depth.shape == size[::-1]
        assert depth.dtype == np.float32
        assert depth.min() >= 0
        assert depth.max() <= 1
        scale = size[0] // 48
        # Half a cell of the back object, on the side away from the front one, is never covered.
        x = back.x - (front.x - back.x) // 2 if front.x != back.x else back.x
        y = back.y - (front.y - back.y) // 2 if front.y != back.y else back.y
        near, far = depth[front.y * scale, front.x * scale], depth[y * scale, x * scale]
        right += bool(near == 0 or far == 0 or near > far)
    assert right >= 39


def test_the_ground_is_farthest_and_lone_objects_are_nearer() -> None:
    (depth,) = OracleDepth().depth([picture(Scene((Thing("square", "red", 24, 24),)))])
    assert depth[24, 24] == 1.0
    assert depth[0, 0] == 0.0


def test_order_is_a_property_of_the_picture_not_of_the_colours() -> None:
    red, blue = Thing("square", "red", 24, 24), Thing("square", "blue", 32, 24)
    (first,) = OracleDepth().depth([picture(Scene((red, blue)))])
    (second,) = OracleDepth().depth([picture(Scene((blue, red)))])
    assert first[24, 20] < first[24, 36]
    assert second[24, 20] > second[24, 36]
