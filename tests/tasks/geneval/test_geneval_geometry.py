"""Relations and overlaps of boxes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from selfreward_eval.harness.errors import InputError
from selfreward_eval.tasks.geneval.geometry import compute_iou, relative_position

OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
EDGE = st.integers(0, 500)
BOXES = st.tuples(EDGE, EDGE, st.integers(1, 200), st.integers(1, 200)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)
TARGET = (206, 206, 306, 306)


def around(dx: float, dy: float) -> tuple[float, float, float, float]:
    """A 60-pixel box whose centre lies (dx, dy) from the target's."""
    return (226 + dx, 226 + dy, 286 + dx, 286 + dy)


@pytest.mark.parametrize(
    ("dx", "dy", "relations"),
    [
        (-160, 0, ["left of"]),
        (160, 0, ["right of"]),
        (0, -160, ["above"]),
        (0, 160, ["below"]),
        (-120, -120, ["above", "left of"]),
        (0, 0, []),
    ],
)
def test_a_box_beside_the_target(dx: float, dy: float, relations: list[str]) -> None:
    assert relative_position(around(dx, dy), TARGET) == relations


def test_the_distance_must_exceed_twice_the_dead_zone() -> None:
    dead_zone = 0.1 * (60 + 100)
    assert relative_position(around(-2 * dead_zone + 1, 0), TARGET) == []
    assert relative_position(around(-2 * dead_zone - 1, 0), TARGET) == ["left of"]


def test_a_threshold_of_zero_sees_every_offset() -> None:
    assert relative_position(around(-1, 0), TARGET, position_threshold=0.0) == ["left of"]


def test_points_have_relations_too() -> None:
    assert relative_position((100, 200, 100, 200), (200, 200, 200, 200)) == ["left of"]


@given(BOXES, BOXES, st.sampled_from([0.0, 0.1, 0.2]))
def test_swapping_the_boxes_turns_every_relation_round(a: tuple, b: tuple, threshold: float) -> None:
    there, back = relative_position(a, b, threshold), relative_position(b, a, threshold)
    assert sorted(OPPOSITE[relation] for relation in there) == back


def test_boxes_one_pixel_apart_overlap() -> None:
    assert compute_iou((0, 0, 10, 10), (10, 0, 20, 10)) == pytest.approx(11 / 231)
    assert compute_iou((0, 0, 10, 10), (12, 0, 20, 10)) == 0.0


@given(BOXES, BOXES)
def test_overlap_is_symmetric_and_complete_only_for_the_same_box(a: tuple, b: tuple) -> None:
    assert compute_iou(a, b) == compute_iou(b, a)
    assert compute_iou(a, a) == 1.0
    assume(a != b)
    assert 0.0 <= compute_iou(a, b) < 1.0


def test_boxes_turned_inside_out_have_no_area() -> None:
    assert compute_iou((10, 10, 0, 0), (30, 30, 20, 20)) == 0.0


@pytest.mark.parametrize("box", [(), (0, 0, 9), (0, 0, 9, None), (0, 0, "9", 9), None, 7])
def test_a_box_has_four_edges(box: Any) -> None:
    for measure in (compute_iou, relative_position):
        with pytest.raises(InputError, match=r"four edges|two boxes of one form"):
            measure(box, TARGET)
        with pytest.raises(InputError, match=r"four edges|two boxes of one form"):
            measure(TARGET, box)


def test_entries_behind_the_edges_are_not_read() -> None:
    assert compute_iou((*TARGET, 0.9), TARGET) == 1.0


def test_two_boxes_have_one_form() -> None:
    with pytest.raises(InputError, match="two boxes of one form"):
        relative_position((*TARGET, 0.9), TARGET)
