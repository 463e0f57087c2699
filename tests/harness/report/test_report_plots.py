"""Plots: coordinates that follow the numbers."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

import selfreward_eval.harness.report.plots
from selfreward_eval.harness.report.notation import PLAIN, SHARE, Notation
from selfreward_eval.harness.report.plots import (
    ROW_WIDTH,
    Axis,
    bubbles,
    difference_axis,
    interval_mark,
    scale_marks,
    score_axis,
    ticks,
)

shares = st.integers(0, 4).map(lambda k: k / 4)


def test_a_share_is_drawn_on_its_whole_range() -> None:
    assert [mark["label"] for mark in scale_marks(score_axis((0.0, 1.0)), SHARE)] == [
        "0",
        "25",
        "50",
        "75",
        "100",
    ]


def test_a_whisker_beyond_the_axis_is_cut_at_its_end() -> None:
    axis = score_axis((0.0, 1.0))
    mark = interval_mark(axis, 0.02, -0.05, 0.09)
    assert mark is not None
    assert mark["x0"] == axis.start


def test_an_absent_value_draws_nothing_and_an_absent_interval_only_a_dot() -> None:
    axis = Axis(0, 1, 0, 100)
    assert interval_mark(axis, None, 0.1, 0.2) is None
    assert interval_mark(axis, 0.5, None, None) == {"x": 50, "x0": 50, "x1": 50}


def test_zero_lies_in_the_middle_of_a_forest_plot() -> None:
    axis = difference_axis([0.02, None, -0.3])
    assert axis.at(0.0) == pytest.approx((axis.start + axis.end) / 2)
    assert axis.low < -0.3


def test_a_forest_plot_without_any_difference_still_has_an_axis() -> None:
    assert difference_axis([0.0, None]).high > 0


@given(st.floats(-50, 50), st.floats(0.001, 100))
def test_ticks_are_few_ordered_and_within_the_axis(low: float, span: float) -> None:
    values = ticks(low, low + span)
    slack = 1e-6 * (span + abs(low))
    assert 1 <= len(values) <= 6
    assert values == sorted(values)
    assert all(low - slack <= value <= low + span + slack for value in values)


@given(st.lists(st.tuples(shares, shares)))
def test_every_item_is_in_exactly_one_bubble(pairs: list[tuple[float, float]]) -> None:
    points = bubbles(pairs, (0.0, 1.0))["points"]
    assert sum(point["n"] for point in points) == len(pairs)
    assert len({(point["a"], point["b"]) for point in points}) == len(points)
    assert sum(point["n"] for point in points if point["place"] == "above") == sum(b > a for a, b in pairs)


def test_a_metric_outside_the_unit_interval_is_written_plainly() -> None:
    assert PLAIN.value(7.25) == "7.250"
    assert [mark["label"] for mark in scale_marks(score_axis((0.0, 10.0)), PLAIN)] == [
        "0",
        "2.5",
        "5",
        "7.5",
        "10",
    ]


@pytest.mark.parametrize(
    ("axis", "notation", "is_signed"),
    [
        (score_axis((0.0, 1.0)), SHARE, False),
        (score_axis((0.0, 10.0)), PLAIN, False),
        (score_axis((1.0, 10.0)), PLAIN, False),
        (score_axis((0.0, 1000.0)), PLAIN, False),
        (score_axis((-0.002, 0.002)), PLAIN, True),
        (difference_axis([0.236]), SHARE, True),
        (difference_axis([0.0472]), PLAIN, True),
    ],
)
def test_every_tick_label_lies_within_the_plot(axis: Axis, notation: Notation, is_signed: bool) -> None:
    # Of the fonts that the pages name, none has a digit or a sign wider than 0.6 of its size, 12.
    for mark in scale_marks(axis, notation, signed=is_signed):
        half = len(mark["label"]) * 0.6 * 12 / 2
        assert round(mark["label_x"] - half, 6) >= 0
        assert round(mark["label_x"] + half, 6) <= ROW_WIDTH


def test_a_label_that_has_room_stands_below_its_tick() -> None:
    marks = scale_marks(score_axis((0.0, 10.0)), PLAIN)
    assert all(mark["label_x"] == mark["x"] for mark in marks)


def test_docstring_examples_hold() -> None:
    assert doctest.testmod(selfreward_eval.harness.report.plots).failed == 0
