"""Overlaps in both official conventions, and the order that the rules rely on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.base import Detection
from selfreward_eval.tasks.t2i_compbench.boxes import (
    best_first,
    centre_offset,
    edges,
    float32,
    frame_size,
    iou,
    is_duplicate,
)

Box = tuple[float, float, float, float]

coordinates = st.floats(0, 480, width=32)
solid_boxes = st.builds(
    lambda x, y, w, h: (x, y, x + w, y + h),
    coordinates,
    coordinates,
    st.floats(1, 200, width=32),
    st.floats(1, 200, width=32),
)


def test_edges_are_what_a_float32_tensor_holds() -> None:
    assert edges((0.1, 0.2, 300.3, 479.9)) == tuple(float(np.float32(v)) for v in (0.1, 0.2, 300.3, 479.9))


@pytest.mark.parametrize(
    "box", [(0, 0, 1), (0, 0, float("nan"), 1), (0, 0, float("inf"), 1), (0, 0, 1e300, 1)]
)
def test_a_box_without_four_finite_edges_is_refused(box: Box) -> None:
    with pytest.raises(InputError, match="four finite edges"):
        edges(box)


def test_a_number_beyond_float32_is_infinite() -> None:
    assert (float32(1e300), float32(-1e300)) == (float("inf"), float("-inf"))


def test_the_offset_points_right_and_down() -> None:
    assert centre_offset((0, 0, 10, 10), (100, 50, 110, 60)) == (100, 50)


def test_overlap_takes_far_edges_as_exclusive() -> None:
    assert iou((0, 0, 100, 100), (0, 0, 50, 100)) == 0.5
    assert iou((0, 0, 10, 10), (10, 0, 20, 10)) == 0


def test_boxes_without_area_have_no_overlap_to_speak_of() -> None:
    with pytest.raises(InputError, match="no area"):
        iou((10, 10, 10, 10), (20, 20, 20, 20))


@given(solid_boxes, solid_boxes)
def test_overlap_is_symmetric_and_at_most_one(a: Box, b: Box) -> None:
    assert iou(a, b) == pytest.approx(iou(b, a))
    assert 0 <= iou(a, b) <= 1


@given(solid_boxes)
def test_a_box_is_its_own_duplicate(box: Box) -> None:
    assert iou(box, box) == pytest.approx(1)
    assert is_duplicate(box, box)


def test_a_contained_box_is_a_duplicate_whatever_the_overlap() -> None:
    small, large = (10, 10, 20, 20), (0, 0, 400, 400)
    assert is_duplicate(small, large)
    assert is_duplicate(large, small)


def test_a_duplicate_must_share_more_than_nine_tenths() -> None:
    # With inclusive edges these are 10 x 10 and share 9 x 10.
    assert not is_duplicate((0, 0, 9, 9), (1, 0, 10, 9))


def test_a_box_turned_inside_out_cannot_be_compared() -> None:
    with pytest.raises(InputError, match="inside out"):
        is_duplicate((10, 0, 9, 5), (100, 100, 120, 120))


def thing(score: float, x: float = 0, label: str = "dog") -> Detection:
    return Detection(label, (x, 0, x + 50, 50), score)


class TestBestFirst:
    def test_the_best_comes_first_and_faint_ones_are_dropped(self) -> None:
        found = best_first([thing(0.3), thing(0.1, 200), thing(0.9, 100)])
        assert [one.score for one in found] == [0.9, 0.3]

    def test_of_two_on_one_spot_the_better_stays(self) -> None:
        assert [one.score for one in best_first([thing(0.5, 1), thing(0.8, 0)])] == [0.8]

    def test_labels_do_not_suppress_each_other(self) -> None:
        assert len(best_first([thing(0.5), thing(0.8, label="cat")])) == 2

    def test_suppression_can_be_left_out(self) -> None:
        assert len(best_first([thing(0.5), thing(0.8)], nms_iou=None)) == 2

    def test_only_so_many_remain(self) -> None:
        assert len(best_first([thing(0.5, 60 * i) for i in range(5)], most=3)) == 3

    def test_boxes_without_area_do_no_harm(self) -> None:
        flat = Detection("dog", (5, 5, 5, 5), 0.9)
        assert best_first([flat, flat]) == [flat, flat]


@pytest.mark.parametrize(
    ("size", "frame"),
    [
        ((512, 512), (479, 479)),
        ((1024, 1024), (479, 479)),
        ((640, 480), (480, 360)),
        ((480, 640), (360, 480)),
        ((1920, 1080), (480, 270)),
    ],
)
def test_the_frame_is_what_torchvision_resizes_to(size: tuple[int, int], frame: tuple[int, int]) -> None:
    transforms = pytest.importorskip("torchvision.transforms")
    from PIL import Image

    assert transforms.Resize(479, max_size=480)(Image.new("RGB", size)).size == frame
    assert frame_size(*size) == frame
