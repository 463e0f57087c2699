"""Objects cut out of pictures."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.backends.crops import UNTOUCHED, cut_out

RED, GREY, BLACK = (255, 0, 0), (153, 153, 153), (0, 0, 0)
PICTURE = Image.new("RGB", (6, 4), RED)
LEFT_HALF = np.repeat([[True, True, True, False, False, False]], 4, axis=0)


def test_what_the_mask_leaves_out_becomes_grey() -> None:
    crop = cut_out(PICTURE, (2, 0, 4, 1), LEFT_HALF)
    assert [crop.getpixel((0, 0)), crop.getpixel((1, 0))] == [RED, GREY]


def test_edges_are_rounded_halves_to_even() -> None:
    assert cut_out(PICTURE, (0.5, 0.5, 3.5, 2.5), None).size == (4, 2)


def test_float32_boxes_of_an_array() -> None:
    box = np.asarray([0.4, 0, 2.6, 4], dtype=np.float32)
    assert cut_out(PICTURE, box, None).size == (3, 4)  # type: ignore[arg-type]


def test_outside_the_picture_is_black() -> None:
    assert cut_out(PICTURE, (4, 0, 8, 4), None).getpixel((3, 0)) == BLACK


def test_the_background_can_stay() -> None:
    assert cut_out(PICTURE, (5, 0, 6, 1), LEFT_HALF, background=UNTOUCHED).getpixel((0, 0)) == RED


def test_the_whole_picture() -> None:
    assert cut_out(PICTURE, (5, 0, 6, 1), LEFT_HALF, crop=False).size == (6, 4)


def test_an_empty_box_gives_an_empty_picture() -> None:
    assert cut_out(PICTURE, (0, 0, 0, 0), None).size == (0, 0)


def test_a_box_turned_inside_out_is_refused() -> None:
    with pytest.raises(InputError, match="ends before it begins"):
        cut_out(PICTURE, (4, 0, 2, 4), None)


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(InputError, match="3x4 pixels does not fit a picture of 6x4"):
        cut_out(PICTURE, (0, 0, 1, 1), np.ones((4, 3), dtype=bool))
