"""Boxes over a picture: all drawn, chips apart from each other."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.harness.report.overlay import overlay

SIDE = 48


@st.composite
def boxes(draw: st.DrawFn) -> dict[str, Any]:
    x0, y0 = draw(st.integers(-5, SIDE - 1)), draw(st.integers(-5, SIDE - 1))
    return {
        "label": draw(st.sampled_from(["star", "triangle", "traffic light"])),
        "colour": draw(st.sampled_from([None, "red", "purple"])),
        "box": [x0, y0, x0 + draw(st.integers(0, 20)), y0 + draw(st.integers(0, 20))],
        "score": draw(st.none() | st.floats(0, 1)),
        "kept": draw(st.booleans()),
    }


@given(st.lists(boxes(), max_size=9))
def test_chips_stay_in_the_picture_and_never_hide_each_other(found: list[dict[str, Any]]) -> None:
    drawn = overlay(found, SIDE, SIDE)
    chips = [box["chip"] for box in drawn["boxes"] if box["chip"]]
    for k, a in enumerate(chips):
        assert a["x"] >= 0
        assert a["x"] + a["width"] <= SIDE + 0.02
        assert -0.02 <= a["y"] <= SIDE - a["height"] + 0.02
        for b in chips[k + 1 :]:
            wide = min(a["x"] + a["width"], b["x"] + b["width"]) - max(a["x"], b["x"])
            tall = min(a["y"] + a["height"], b["y"] + b["height"]) - max(a["y"], b["y"])
            assert min(wide, tall) <= 0.02  # Coordinates are rounded to a hundredth of a pixel.


@given(st.lists(boxes(), max_size=9))
def test_every_box_is_drawn_rejected_ones_first_and_without_a_chip(found: list[dict[str, Any]]) -> None:
    drawn = overlay(found, SIDE, SIDE)["boxes"]
    assert len(drawn) == len(found)
    assert [box["kept"] for box in drawn] == sorted(box["kept"] for box in drawn)
    assert all(box["chip"] is None for box in drawn if not box["kept"])


def test_a_chip_prefers_free_ground_to_a_neighbouring_box() -> None:
    upper = {"label": "star", "colour": "red", "box": [1, 1, 15, 15], "score": 0.9, "kept": True}
    drawn = overlay([upper], SIDE, SIDE)["boxes"][0]
    assert drawn["chip"]["y"] == 15  # Below: above it there is no room, and within it would hide the star.
    assert drawn["chip"]["text"] == "red star"


def test_text_is_sized_for_the_picture_so_that_it_reads_alike_on_large_and_small_ones() -> None:
    assert overlay([], 480, 480)["text"] == 10 * overlay([], 48, 48)["text"]
