"""Learning curves on a page: charts, a table of all points, and from which budget on a gain is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from selfreward_eval.harness.report.line_chart import Series, line_chart
from selfreward_eval.harness.report.notation import ABSENT, notation_for, p_number, signed
from selfreward_eval.harness.report.themed import inline_svg

if TYPE_CHECKING:
    from selfreward_eval.harness.report.drawing import Drawing

__all__ = ["CAPTION", "curve_charts", "gain_words", "learning_rows", "learning_view", "task_charts"]

COLOURS = ("accent", "second", "third", "up", "down", "ink", "soft")
"""Of the methods, in their order; the next seven have them with rings for dots, and more share them."""

CAPTION = (
    "Broken lines are the lowest and the highest seed, where a method has several. A reward is the mean over "
    "the pictures of the round that ends at the point; rewards of different rewarders have no common scale."
)

Curve = Mapping[str, Any]
Ranges = Mapping[str, tuple[float, float]]


class Look(TypedDict):
    """What tells a method's curve from the others."""

    colour: str
    hollow: bool


def learning_view(curves: Mapping[str, Curve], ranges: Ranges) -> dict[str, Any] | None:
    """What a template shows of several methods' curves; None without any.

    Args:
        curves: method -> its curve, see :func:`selfreward_eval.trainers.learning_curves.learning_curve`.
        ranges: task -> range of its metric.

    Returns:
        ``charts`` (SVG), ``tasks`` (names), ``rows`` (see :func:`learning_rows`), ``words`` and ``caption``.
    """
    if not curves:
        return None
    return {
        "charts": [inline_svg(chart) for chart in curve_charts(curves, ranges)],
        "tasks": _tasks(curves),
        "rows": learning_rows(curves, ranges),
        "words": [word for name, curve in curves.items() for word in gain_words(name, curve)],
        "caption": CAPTION,
    }


def curve_charts(curves: Mapping[str, Curve], ranges: Ranges) -> list[Drawing]:
    """Per task its score against pictures and against CPU-seconds, then every method's reward."""
    charts = [chart for task in _tasks(curves) for chart in task_charts(task, curves, ranges)]
    for place, (name, curve) in enumerate(curves.items()):
        points = tuple(
            (float(p["pictures"]), float(p["reward"])) for p in curve["points"] if p["reward"] is not None
        )
        if points:
            series = [Series(name, points, dots=True, **_look(place))]
            charts.append(line_chart(f"reward of {name}", series, axis_name="pictures", whole=True))
    return charts


def task_charts(task: str, curves: Mapping[str, Curve], ranges: Ranges) -> list[Drawing]:
    """A task's score against pictures and against CPU-seconds; without points, none.

    Args:
        task: its name.
        curves: as for :func:`learning_view`; a method's place decides on its colour.
        ranges: task -> range of its metric.
    """
    charts = []
    for key, axis in (("pictures", "pictures"), ("cpu_seconds", "CPU-seconds of training")):
        series = [
            _series(name, curve, task, key, _look(place))
            for place, (name, curve) in enumerate(curves.items())
            if task in curve["tasks"]
        ]
        series = [one for one in series if one.points]
        if series:
            notation = notation_for(ranges[task])
            unit = f", {notation.unit.strip()}" if notation.unit else ""
            charts.append(
                line_chart(f"{task}{unit}", series, axis_name=axis, factor=notation.factor, whole=True)
            )
    return charts


def _look(place: int) -> Look:
    return {"colour": COLOURS[place % len(COLOURS)], "hollow": place // len(COLOURS) % 2 == 1}


def _series(name: str, curve: Curve, task: str, key: str, look: Look) -> Series:
    told = [(float(point[key]), point["tasks"][task]) for point in curve["points"] if point[key] is not None]
    points = [(x, float(at["score"])) for x, at in told if at["score"] is not None]
    band = [
        (x, float(min(at["scores"])), float(max(at["scores"])))
        for x, at in told
        if len(at["scores"]) > 1 and at["score"] is not None
    ]
    start = curve["before"][task]
    if start is not None:
        points = [(0.0, float(start)), *points]
        band = [(0.0, float(start), float(start)), *band] if band else []
    return Series(name, tuple(points), dots=True, band=tuple(band), **look)


def _tasks(curves: Mapping[str, Curve]) -> list[str]:
    return list(dict.fromkeys(task for curve in curves.values() for task in curve["tasks"]))


def learning_rows(curves: Mapping[str, Curve], ranges: Ranges) -> list[dict[str, Any]]:
    """A row for every point of every method.

    Returns:
        ``method``, ``pictures``, ``seeds``, ``cpu``, ``judgements``, ``reward`` and ``cells``: per task
        ``score``, ``effect``, ``interval``, ``p``, ``of`` and ``tone``, or None.
    """
    tasks = _tasks(curves)
    return [
        {
            "method": name,
            "pictures": f"{point['pictures']:,}",
            "seeds": ", ".join(str(seed) for seed in point["seeds"]),
            "cpu": ABSENT if point["cpu_seconds"] is None else f"{point['cpu_seconds']:,.0f}",
            "judgements": ABSENT if point["judgements"] is None else f"{point['judgements']:,.0f}",
            "reward": ABSENT if point["reward"] is None else signed(point["reward"], 3),
            "cells": [_cell(point["tasks"].get(task), ranges[task]) for task in tasks],
        }
        for name, curve in curves.items()
        for point in curve["points"]
    ]


def _cell(told: Mapping[str, Any] | None, value_range: tuple[float, float]) -> dict[str, str] | None:
    if told is None:
        return None
    notation = notation_for(value_range)
    return {
        "score": notation.value(told["score"]),
        "effect": notation.difference(told["effect"]),
        "interval": notation.difference_interval(told["low"], told["high"]),
        "p": p_number(told["p_adjusted"]),
        "of": str(told["of"]),
    }


def gain_words(name: str, curve: Curve) -> list[str]:
    """Sentences: from how many pictures on a gain is shown, and how far that reaches; equal ones are one."""
    kinds = {at["of"] for point in curve["points"] for at in point["tasks"].values()}
    whose = "" if kinds == {"method"} else f" This is about {_those(curve['points'])}, not about the method."
    last = curve["points"][-1]["pictures"]
    alike: dict[str, list[str]] = {}
    for task in curve["tasks"]:
        since = curve["gain_from"][task]
        if since is None:
            words = f"no gain is shown at the last point, {last:,} pictures."
        elif since == last:
            words = f"a gain is shown at the last point, {last:,} pictures, and not before."
        else:
            words = f"a gain is shown from {since:,} pictures on, up to {last:,}."
        alike.setdefault(words, []).append(task)
    said = [f"{name}, {', '.join(tasks)}: {words}" for words, tasks in alike.items()]
    said.append(
        f"{name}: p-values are adjusted over {curve['family']} pairs of a point and a task (Holm).{whose}"
    )
    return said


def _those(points: Sequence[Mapping[str, Any]]) -> str:
    most = max(len(point["seeds"]) for point in points)
    return "one run's checkpoints" if most == 1 else "checkpoints where a point has one seed"
