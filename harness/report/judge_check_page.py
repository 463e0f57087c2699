"""How a judge's scores stand to labels: a calibration picture, and a page with the numbers behind it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

from selfreward_eval.harness.files import write_page
from selfreward_eval.harness.report.drawing import Disc, Drawing, Line, Shape, Word, to_svg, write_drawing
from selfreward_eval.harness.report.plots import Axis

__all__ = ["Point", "calibration_drawing", "write_judge_check"]

WIDTH, HEIGHT = 420.0, 380.0
LEFT, RIGHT, TOP, BOTTOM = 60.0, 396.0, 52.0, 318.0
MARGIN = 0.06
"""Beyond 0 and 1, so that a dot on an end is whole."""


@dataclass(frozen=True)
class Point:
    """One bin of a calibration picture.

    Attributes:
        score: the judge's mean score, in [0, 1].
        truth: the mean label, in [0, 1].
        low: lower end of its interval, or None.
        high: upper end, or None.
        n: pictures in it.
    """

    score: float
    truth: float
    low: float | None
    high: float | None
    n: int


def calibration_drawing(judge: str, points: Sequence[Point]) -> Drawing:
    """Mean label against the judge's score; a calibrated judge's dots lie on the diagonal.

    Raises:
        ValueError: nothing was scored.
    """
    if not points:
        raise ValueError(f"{judge}: nothing was scored, so there is no calibration to draw")
    x, y = Axis(-MARGIN, 1 + MARGIN, LEFT, RIGHT), Axis(-MARGIN, 1 + MARGIN, BOTTOM, TOP)
    shapes: list[Shape] = [
        Word(8, 22, f"{judge}: calibration", 14, bold=True),
        Word(8, 42, "mean label", 12, colour="soft"),
    ]
    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        shapes.append(Line(((LEFT, y.at(value)), (RIGHT, y.at(value))), "grid"))
        shapes.append(Word(LEFT - 8, y.at(value) + 4, f"{value:g}", 11, "end", "soft"))
        shapes.append(Line(((x.at(value), TOP), (x.at(value), BOTTOM)), "grid"))
        shapes.append(Word(x.at(value), BOTTOM + 18, f"{value:g}", 11, "middle", "soft"))
    shapes.append(Line(((x.at(0), y.at(0)), (x.at(1), y.at(1))), "open", dash=True))
    most = max(point.n for point in points)
    for point in points:
        at = x.at(point.score)
        if point.low is not None and point.high is not None:
            shapes.append(Line(((at, y.at(point.low)), (at, y.at(point.high))), "accent", 2.0))
        shapes.append(Disc(at, y.at(point.truth), 4 + 6 * sqrt(point.n / most), "accent"))
    shapes.append(Word((LEFT + RIGHT) / 2, BOTTOM + 38, "judge's score", 12, "middle", "soft"))
    note = "area: pictures; lines: 95 % intervals; above the diagonal the judge is too strict"
    shapes.append(Word(8, HEIGHT - 8, note, 11, colour="soft"))
    return Drawing(WIDTH, HEIGHT, f"{judge}: label against score", tuple(shapes))


def write_judge_check(
    folder: Path,
    judge: str,
    about: Sequence[str],
    points: Sequence[Point],
    tables: Mapping[str, Sequence[Mapping[str, str]]],
    failures: Mapping[str, int],
) -> list[Path]:
    """Writes ``judge_check.html``, and ``calibration.svg`` and ``.png`` where something was scored.

    Args:
        folder: where; made if missing.
        judge: its name.
        about: lines below the title.
        points: of the picture; empty where nothing was scored.
        tables: grouping -> rows of name, asked, scored, accuracy, accuracy_interval, bias and bias_interval.
        failures: status -> questions without a score.

    Returns:
        The files.
    """
    from selfreward_eval.harness.report.rendering import render_page

    written: list[Path] = []
    picture = None
    if points:
        drawing = calibration_drawing(judge, points)
        written = write_drawing(drawing, folder / "calibration")
        encoded = base64.b64encode(to_svg(drawing).encode("utf-8")).decode("ascii")
        picture = f"data:image/svg+xml;base64,{encoded}"
    values: dict[str, Any] = {
        "judge": judge,
        "about": list(about),
        "picture": picture,
        "size": (WIDTH, HEIGHT),
        "tables": tables,
        "failures": failures,
    }
    page = folder / "judge_check.html"
    folder.mkdir(parents=True, exist_ok=True)
    write_page(page, render_page("judge_check.jinja", **values))
    return [*written, page]
