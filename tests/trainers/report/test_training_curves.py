"""Line charts as drawings, and drawings in the page's own colours."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from selfreward_eval.harness.report.drawing import Disc, Drawing, Line, Word
from selfreward_eval.harness.report.line_chart import CROWD, POINTS, ROOM, Series, line_chart, thinned
from selfreward_eval.harness.report.themed import inline_svg
from selfreward_eval.trainers.report.curves import names_of, step_charts


def polylines(drawing: Drawing, colour: str) -> list[Line]:
    return [one for one in drawing.shapes if isinstance(one, Line) and one.colour == colour and not one.dash]


def heights(drawing: Drawing) -> list[float]:
    return [y for one in drawing.shapes if isinstance(one, Line) and one.width == 2.0 for _, y in one.points]


def words(drawing: Drawing) -> list[str]:
    return [one.text for one in drawing.shapes if isinstance(one, Word)]


def test_a_higher_value_is_drawn_higher() -> None:
    chart = line_chart("loss", [Series("loss", ((1.0, 2.0), (2.0, 1.0)))], axis_name="step")
    [line] = polylines(chart, "accent")
    (x0, y0), (x1, y1) = line.points
    assert x0 < x1
    assert y0 < y1


def test_a_curve_that_never_moves_lies_in_the_middle() -> None:
    chart = line_chart("lr", [Series("lr", ((1.0, 0.5), (2.0, 0.5)))], axis_name="step")
    heights = {y for _, y in polylines(chart, "accent")[0].points}
    assert heights == {92.0}


def test_a_single_point_is_a_dot() -> None:
    chart = line_chart("reward", [Series("mean", ((1.0, 0.5),))], axis_name="round")
    assert polylines(chart, "accent") == []
    assert [one.colour for one in chart.shapes if isinstance(one, Disc)] == ["accent"]


def test_the_marked_point_is_larger_than_the_others() -> None:
    series = Series("after", ((1.0, 0.5), (2.0, 0.6)), dots=True, marked=2.0)
    radii = [one.r for one in line_chart("g", [series], axis_name="scale").shapes if isinstance(one, Disc)]
    assert radii[1] > radii[0]


def test_several_curves_have_a_legend() -> None:
    series = [Series("before", ((1.0, 0.5),)), Series("after", ((1.0, 0.6),), "second")]
    assert {"before", "after"} <= set(words(line_chart("g", series, axis_name="scale")))


def test_many_curves_have_more_room() -> None:
    series = [Series(f"method {k}", ((1.0, float(k)), (2.0, 1.0))) for k in range(CROWD + 1)]
    few, many = (line_chart("g", series[:count], axis_name="scale") for count in (CROWD, CROWD + 1))
    tops, bottoms = zip(*((min(ys), max(ys)) for ys in map(heights, (few, many))), strict=True)
    assert bottoms[1] - tops[1] == pytest.approx(bottoms[0] - tops[0] + ROOM)


def test_whole_numbers_only_where_something_is_counted() -> None:
    series = [Series("mean", ((1.0, 0.1), (2.0, 0.2)))]
    assert "1.5" in words(line_chart("reward", series, axis_name="round"))
    assert "1.5" not in words(line_chart("reward", series, axis_name="round", whole=True))


def test_long_curves_are_means_of_blocks_that_keep_their_mean() -> None:
    points = tuple((float(k), float(k % 7)) for k in range(840))
    short = thinned(points)
    assert len(short) == POINTS
    assert sum(y for _, y in short) / len(short) == pytest.approx(sum(y for _, y in points) / len(points))


def test_the_loss_comes_first_and_the_optimisers_numbers_last() -> None:
    steps = [
        {
            "step": 1.0,
            "round": 0.0,
            "lr": 0.1,
            "drawing_kl": 0.2,
            "loss": 1.0,
            "seconds": 3.0,
            "grad_norm": 1.0,
        }
    ]
    assert names_of(steps) == ["loss", "drawing_kl", "lr", "grad_norm"]


def test_a_new_round_is_a_broken_line() -> None:
    steps = [{"step": float(k), "round": float(k // 4), "loss": 1.0 / k} for k in range(1, 8)]
    [chart] = step_charts(steps)
    assert sum(isinstance(one, Line) and one.dash for one in chart.shapes) == 1


def test_no_steps_give_no_charts() -> None:
    assert step_charts([]) == []


def test_svg_is_well_formed_and_its_words_are_escaped() -> None:
    chart = line_chart("<script>alert(1)</script> & 'more\"", [Series("a<b", ((1.0, 2.0),))], axis_name="x")
    svg = ElementTree.fromstring(str(inline_svg(chart)))
    assert {element.tag for element in svg.iter()} == {"svg", "text", "polyline", "circle"}
    assert "<script>" in svg.attrib["aria-label"]


def test_svg_has_no_colour_of_its_own() -> None:
    chart = line_chart("loss", [Series("loss", ((1.0, 2.0), (2.0, 1.0)))], axis_name="step")
    assert "#" not in inline_svg(chart)
