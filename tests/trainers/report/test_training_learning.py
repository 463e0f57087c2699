"""Learning curves on a page: every method of a study is told from the others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from selfreward_eval.harness.report import drawing
from selfreward_eval.harness.report.drawing import Disc, Drawing
from selfreward_eval.harness.report.themed import inline_svg
from selfreward_eval.trainers.report.learning import curve_charts

CHARTS = Path(drawing.__file__).parent / "assets" / "charts.css"


def curve(reward: float) -> dict[str, Any]:
    """A method that was measured once, after 64 pictures."""
    at = {"score": 0.5, "scores": [0.5]}
    point = {"pictures": 64, "cpu_seconds": 9.0, "reward": reward, "tasks": {"toy": at}}
    return {"before": {"toy": 0.4}, "points": [point], "tasks": ["toy"]}


def charts(methods: int) -> list[Drawing]:
    return curve_charts({f"method {k}": curve(float(k)) for k in range(methods)}, {"toy": (0.0, 1.0)})


def looks(drawing: Drawing) -> set[tuple[str, str]]:
    return {(one.colour, one.edge) for one in drawing.shapes if isinstance(one, Disc)}


def test_fourteen_methods_have_fourteen_looks() -> None:
    scores, _, *rewards = charts(14)
    assert len(looks(scores)) == 14
    assert [len(looks(one)) for one in rewards] == [1] * 14


def test_a_method_looks_alike_in_its_charts() -> None:
    scores, _, *rewards = charts(14)
    assert looks(scores) == set.union(*map(looks, rewards))


def test_every_look_has_its_rule_in_both_themes() -> None:
    rules = CHARTS.read_text(encoding="utf-8")
    classes = {
        name for one in re.findall('class="([^"]*)"', inline_svg(charts(14)[0])) for name in one.split()
    }
    assert [name for name in sorted(classes) if f".{name} " not in rules] == []
