"""Scene descriptions: what is refused, where things lie, what the relations mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.tasks.shapes.scene import Scene, Thing
from selfreward_eval.tasks.shapes.vocabulary import CANVAS, RELATIONS

coordinates = st.integers(0, CANVAS - 1)
OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}


def dot(x: int, y: int, size: str = "large") -> Thing:
    return Thing("circle", "red", x, y, size=size)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"form": "blob"}, "unknown form 'blob'"),
        ({"colour": "mauve"}, "unknown colour 'mauve'"),
        ({"texture": "furry"}, "unknown texture 'furry'"),
        ({"size": "huge"}, "unknown size 'huge'"),
        ({"x": CANVAS}, "lies outside"),
        ({"y": -1}, "lies outside"),
    ],
)
def test_a_thing_that_cannot_be_drawn_is_refused(wrong: dict[str, object], message: str) -> None:
    thing = {"form": "star", "colour": "red", "x": 8, "y": 8} | wrong
    with pytest.raises(ValueError, match=message):
        Thing(**thing)  # type: ignore[arg-type]


def test_the_box_is_centred_and_excludes_its_far_edges() -> None:
    assert dot(24, 8).box == (17, 1, 31, 15)
    assert dot(24, 8, "small").box == (20, 4, 28, 12)


@given(coordinates, coordinates, coordinates, coordinates)
def test_a_relation_seen_from_the_other_side_is_its_opposite(x: int, y: int, u: int, v: int) -> None:
    a, b = dot(x, y), dot(u, v)
    relation = a.relation_to(b)
    if (x, y) == (u, v):
        assert relation is None
    else:
        assert relation in RELATIONS
        assert b.relation_to(a) == OPPOSITE[relation or ""]


@pytest.mark.parametrize(
    ("at", "relation"),
    [((8, 20), "left of"), ((40, 28), "right of"), ((28, 8), "above"), ((20, 40), "below")],
)
def test_the_longer_axis_names_the_relation(at: tuple[int, int], relation: str) -> None:
    assert dot(*at).relation_to(dot(24, 24)) == relation


def test_containing_is_one_way() -> None:
    outer, inner = dot(24, 24), dot(24, 24, "small")
    assert outer.contains(inner)
    assert not inner.contains(outer)
    assert not outer.contains(outer)
    assert not outer.contains(dot(30, 24, "small"))


def test_reading_order_is_by_rows_whatever_lies_in_front() -> None:
    below, right, left = dot(8, 40), dot(40, 8), dot(8, 8)
    assert Scene((below, right, left)).in_reading_order() == (left, right, below)
