"""Forest plots, scatters and power curves: shapes that follow the numbers."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from selfreward_eval.harness.comparing.claims import Claims, RunDifference
from selfreward_eval.harness.comparing.compare import compare_runs, load_run
from selfreward_eval.harness.comparing.records import Contrast
from selfreward_eval.harness.power.power import Answer, Question, assumed_marks, assumed_sd, plan
from selfreward_eval.harness.report.drawing import Disc, Drawing, Line, Word
from selfreward_eval.harness.report.figures import row_of, runs_forest, scatter, write_comparison_plots
from selfreward_eval.harness.report.forest import Estimate, ForestRow, forest
from selfreward_eval.harness.report.notation import PLAIN, SHARE, Notation
from selfreward_eval.harness.report.power_page import lines_of, power_drawing, write_power

MakeRun = Callable[..., Path]


def contrast(effect: float | None, low: float | None, high: float | None, p: float | None) -> Contrast:
    return Contrast(10, 2, 1.0, "t", "", "", effect=effect, low=low, high=high, p=p)


def discs(drawing: Drawing) -> list[Disc]:
    return [shape for shape in drawing.shapes if isinstance(shape, Disc)]


def words(drawing: Drawing) -> list[str]:
    return [shape.text for shape in drawing.shapes if isinstance(shape, Word)]


def draw(*rows: ForestRow) -> Drawing:
    return forest("toy", rows, SHARE)


def row(name: str, *contrasts: Contrast, overall: bool = False) -> ForestRow:
    return row_of(name, contrasts, higher_is_better=True, overall=overall)


def test_a_gain_lies_right_of_a_loss_and_has_its_colour() -> None:
    drawing = draw(
        row("gain", contrast(0.1, 0.05, 0.15, 0.01)),
        row("loss", contrast(-0.1, -0.15, -0.05, 0.01)),
        row("open", contrast(0.02, -0.05, 0.09, 0.6), overall=True),
    )
    gain, loss, unclear = discs(drawing)
    assert gain.x > unclear.x > loss.x
    assert [one.colour for one in (gain, loss, unclear)] == ["up", "down", "open"]
    assert unclear.r > gain.r
    assert gain.y < loss.y < unclear.y


def test_a_whisker_spans_its_interval() -> None:
    drawing = draw(row("one", contrast(0.1, 0.05, 0.15, 0.01)))
    (whisker,) = [one for one in drawing.shapes if isinstance(one, Line) and one.colour == "up"]
    (dot,) = discs(drawing)
    (x0, _), (x1, _) = whisker.points
    assert (x0 + x1) / 2 == pytest.approx(dot.x, abs=0.02)


def test_an_absent_effect_has_no_dot_and_a_dash() -> None:
    drawing = draw(
        row("none", contrast(None, None, None, None)),
        row("one", contrast(0.1, 0.05, 0.15, 0.01)),
    )
    assert len(discs(drawing)) == 1
    assert "–" in words(drawing)


def test_two_claims_share_a_row_and_the_last_one_has_the_dot() -> None:
    wide, narrow = contrast(0.1, -0.05, 0.25, 0.2), contrast(0.1, 0.05, 0.15, 0.01)
    drawing = draw(row("one", wide, narrow))
    whiskers = [one for one in drawing.shapes if isinstance(one, Line) and one.colour in ("up", "open")]
    assert [one.width for one in whiskers] == [1.0, 2.5]
    assert len(discs(drawing)) == 1


def test_a_forest_takes_plain_numbers() -> None:
    drawing = forest(
        "gain by seed",
        [ForestRow("seed 1", (Estimate(0.05, 0.01, 0.09),)), ForestRow("seed 2", (Estimate(-0.02),))],
        SHARE,
        axis_name="after less before",
    )
    first, second = discs(drawing)
    assert (first.colour, second.colour) == ("accent", "accent")
    assert first.x > second.x
    assert {"after less before (points)", "+5.0", "−2.0"} <= set(words(drawing))


@pytest.mark.parametrize("notation", [SHARE, PLAIN])
def test_a_forest_is_wide_enough_for_its_numbers(notation: Notation) -> None:
    drawing = forest("x", [row("one", contrast(0.7, -10.646, 10.788, 0.2), overall=True)], notation)
    (interval,) = [one for one in drawing.shapes if isinstance(one, Word) and " to " in one.text]
    # No digit is wider than 0.6 of its size in the fonts of the files; spaces and points are narrower.
    assert interval.x + 0.6 * interval.size * len(interval.text) <= drawing.width


def claims(*runs: RunDifference, method: bool = True) -> Claims:
    found = contrast(0.1, 0.05, 0.15, 0.01)
    return Claims(found, contrast(0.1, -0.1, 0.3, 0.2) if method else None, runs=runs)


def test_every_training_run_has_a_row_above_the_claims() -> None:
    pooled = claims(RunDifference(None, 1, 0.12, 0.07, 0.17), RunDifference(2, None, 0.08, 0.03, 0.13))
    drawing = runs_forest("runs", pooled, SHARE, higher_is_better=True)
    assert drawing is not None
    assert [one.colour for one in discs(drawing)] == ["accent", "accent", "up", "open"]
    rows = ["B1 − mean of A", "mean of B − A2", "These checkpoints", "The method"]
    assert [text for text in words(drawing) if text in rows] == rows


def test_without_a_method_claim_its_row_is_absent_and_without_runs_the_plot() -> None:
    drawing = runs_forest(
        "runs", claims(RunDifference(1, 1, 0.1, None, None), method=False), SHARE, higher_is_better=True
    )
    assert drawing is not None
    assert "The method" not in words(drawing)
    assert runs_forest("runs", claims(), SHARE, higher_is_better=True) is None


@pytest.mark.parametrize("higher", [True, False])
def test_bubbles_are_coloured_by_what_is_better(higher: bool) -> None:
    means = {"x": (0.0, 1.0), "y": (0.5, 0.5)}
    drawing = scatter("toy", means, (0.0, 1.0), higher_is_better=higher)
    by_place = {one.x: one.colour for one in discs(drawing)}
    assert by_place[min(by_place)] == ("up" if higher else "down")
    assert by_place[max(by_place)] == "open"
    assert "2 items; a bubble's area is their number" in words(drawing)


def test_a_comparison_gives_two_plots_per_task(make_run: MakeRun, tmp_path: Path) -> None:
    a, b = load_run(make_run("before", rate=0.4)), load_run(make_run("after", rate=0.6, flaws=False))
    written = write_comparison_plots(compare_runs(a, b), a, b, tmp_path / "plots" / "ab")
    assert [path.name for path in written] == [
        f"ab_shapes_geneval_{kind}.{ending}" for kind in ("forest", "scatter") for ending in ("svg", "png")
    ]
    assert "before (A), after (B); 95 % intervals" in written[0].read_text(encoding="utf-8")


def known(effect: float | None = 0.05) -> Answer:
    spread = assumed_marks(0.5, 0.4, 0.5, 0.05, {"": 100}, 4)
    return Answer("bench", (plan(spread, Question(effect=effect)),))


def test_a_power_curve_rises_from_alpha_and_passes_its_dot() -> None:
    drawing = power_drawing(known())
    curves = [shape for shape in drawing.shapes if isinstance(shape, Line) and len(shape.points) > 2]
    assert len(curves) == len(discs(drawing)) == 3
    for curve, dot in zip(curves, discs(drawing), strict=True):
        xs, ys = np.array(curve.points).T
        assert (np.diff(ys) <= 0).all(), "up is smaller"
        assert np.interp(dot.x, xs, ys) == pytest.approx(dot.y, abs=1.5)
    assert "0.05" in words(drawing)


def test_more_pictures_find_smaller_differences() -> None:
    lines = lines_of(known())
    assert [label for label, _ in lines] == ["1 image", "4 images (this design)", "16 images"]
    found = [one.detectable or 0.0 for _, one in lines]
    assert found == sorted(found, reverse=True)


def test_assumptions_are_drawn_beside_each_other_and_categories_are_not() -> None:
    plans = tuple(plan(assumed_sd(sd, {"": 100}, 1), Question()) for sd in (0.2, 0.35))
    assert [label for label, _ in lines_of(Answer("x", plans, alternatives=True))] == ["sd 0.2", "sd 0.35"]
    assert [label for label, _ in lines_of(Answer("x", plans))] == ["sd 0.2"]


def test_the_page_holds_its_curve_and_asks_for_nothing(tmp_path: Path) -> None:
    *_, page = write_power([known()], tmp_path)
    html = page.read_text(encoding="utf-8")
    (picture,) = re.findall(r'<img src="data:image/svg\+xml;base64,([^"]+)"', html)
    assert base64.b64decode(picture).decode("utf-8").startswith("<svg")
    assert not re.findall(r'(?:src|href)="(?!data:|#)', html)
    assert "is found with a chance of" in html
    assert "Power for 0.05" in html


def test_a_hostile_name_is_text_on_the_page_and_in_the_files(tmp_path: Path) -> None:
    answer = Answer('<script>"x"/../y', known().plans)
    *files, page = write_power([answer], tmp_path)
    html = page.read_text(encoding="utf-8")
    assert "<script>&#34;" not in html
    assert "&lt;script&gt;" in html
    assert {file.parent for file in files} == {tmp_path}


def test_without_a_question_there_is_no_column_for_it(tmp_path: Path) -> None:
    html = write_power([known(None)], tmp_path)[-1].read_text(encoding="utf-8")
    assert "Power for" not in html
    assert "Detects (80 % power)" in html
