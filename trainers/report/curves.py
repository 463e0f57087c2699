"""Curves of a step log: one chart for every number that a step wrote down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from selfreward_eval.harness.report.drawing import Drawing
from selfreward_eval.harness.report.line_chart import Series, line_chart, thinned

__all__ = ["names_of", "step_charts"]

APART = ("step", "round", "seconds", "cpu_seconds", "time", "examples")
"""What a step's line says beside its numbers worth a curve."""

FIRST = ("loss",)
LAST = ("lr", "learning_rate", "grad_norm", "gradient_norm")
"""Where these stand among the charts; everything between is a method's own."""

TITLES = {
    "lr": "learning rate",
    "learning_rate": "learning rate",
    "grad_norm": "gradient norm before clipping",
    "gradient_norm": "gradient norm before clipping",
    "reward_map": "mean of the reward map",
    "likelihood": "mean log-likelihood of the tokens",
}
"""Key in the log -> words above its chart; any other key is its own."""


def names_of(steps: Sequence[Mapping[str, float]]) -> list[str]:
    """The numbers of a step log that are worth a curve: the loss, the method's own, then the optimiser's."""
    names = list(dict.fromkeys(key for step in steps for key in step if key not in APART))
    rank = {name: place - len(FIRST) for place, name in enumerate(FIRST)}
    rank |= {name: place + 1 for place, name in enumerate(LAST)}
    return sorted(names, key=lambda name: rank.get(name, 0))


def step_charts(steps: Sequence[Mapping[str, float]]) -> list[Drawing]:
    """One chart for every number of a step log."""
    breaks = [b["step"] for a, b in pairwise(steps) if a.get("round") != b.get("round")]
    charts = []
    for name in names_of(steps):
        points = tuple((step["step"], step[name]) for step in steps if name in step)
        title = TITLES.get(name, name.replace("_", " "))
        charts.append(
            line_chart(title, [Series(title, thinned(points))], axis_name="step", breaks=breaks, whole=True)
        )
    return charts
