"""Drawings of rewards: beside the measurement, as ROC curves, and as calibration curves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import sqrt

from selfreward_eval.harness.report.drawing import Disc, Drawing, Line, Shape, Word
from selfreward_eval.harness.report.plots import Axis, ticks
from selfreward_eval.rewarders.auditing.audit import RewarderAudit

__all__ = ["boxes", "calibration", "curves", "scatter"]

WIDTH, HEIGHT = 420.0, 340.0
LEFT, RIGHT, TOP, BOTTOM = 62.0, 402.0, 50.0, 280.0
INKS = ("accent", "up", "second", "third", "down", "open", "ink", "soft")
CELLS = 48
"""Dots that fall into one cell of so many along each axis are drawn as one."""


def scatter(label: str, metric: str, pairs: Sequence[tuple[float, float]]) -> Drawing:
    """Reward against measurement, a dot's area the number of pictures; (measured, reward) pairs."""
    x, y = _axis([a for a, _ in pairs], LEFT, RIGHT), _axis([b for _, b in pairs], BOTTOM, TOP)
    shapes = _frame(f"{label} beside {metric}", "reward", metric, x, y)
    joined = Counter((_cell(a, x), _cell(b, y)) for a, b in pairs)
    most = max(joined.values())
    for (column, row), count in joined.most_common():
        radius = max(1.6, 9 * sqrt(count / most))
        shapes.append(
            Disc(_at(column, x), _at(row, y), radius, "accent", "paper" if radius > 4 else "accent")
        )
    note = f"{len(pairs)} pictures; a dot's area is their number"
    shapes.append(Word(8, HEIGHT - 8, note, 11, colour="soft"))
    return Drawing(WIDTH, HEIGHT, f"{label} beside {metric}, {len(pairs)} pictures", tuple(shapes))


def boxes(label: str, groups: Mapping[str, Sequence[float]]) -> Drawing:
    """Rewards by verdict: quartiles, median, and the 5th and 95th percentile."""
    import numpy as np

    every = [value for values in groups.values() for value in values]
    y = _axis(every, BOTTOM, TOP)
    shapes: list[Shape] = [
        Word(8, 22, f"{label} by verdict", 14, bold=True),
        Word(8, 42, "reward", 12, colour="soft"),
    ]
    shapes += _levels(y)
    wide = (RIGHT - LEFT) / max(len(groups), 1)
    for k, (name, values) in enumerate(groups.items()):
        x, colour = LEFT + wide * (k + 0.5), INKS[(1, 4)[k % 2]]
        shapes.append(Word(x, BOTTOM + 20, f"{name} ({len(values)})", 12, "middle", "soft"))
        if not values:
            continue
        ends = [float(end) for end in np.percentile(np.asarray(values), [5, 25, 50, 75, 95])]
        low, first, middle, third, high = (y.at(end) for end in ends)
        shapes.append(Line(((x, low), (x, high)), colour, 1.5))
        for a, b in (((x - 26, first), (x + 26, first)), ((x - 26, third), (x + 26, third))):
            shapes.append(Line((a, b), colour, 1.5))
        shapes.append(Line(((x - 26, first), (x - 26, third)), colour, 1.5))
        shapes.append(Line(((x + 26, first), (x + 26, third)), colour, 1.5))
        shapes.append(Line(((x - 26, middle), (x + 26, middle)), colour, 3.5))
    note = "box: quartiles and median; line: 5th to 95th percentile"
    shapes.append(Word(8, HEIGHT - 8, note, 11, colour="soft"))
    return Drawing(WIDTH, HEIGHT, f"{label} by verdict", tuple(shapes))


def curves(audits: Sequence[RewarderAudit]) -> Drawing:
    """ROC curves of all rewarders that have one, the best first in the legend."""
    shown = sorted((one for one in audits if one.roc and one.auc.value is not None), key=_area, reverse=True)
    inset = Axis(0.0, 1.0, LEFT, 322.0)
    y = Axis(0.0, 1.0, BOTTOM + 30, TOP)
    shapes = _frame("Right against wrong", "right accepted", "wrong accepted", inset, y)
    shapes.append(Line(((inset.at(0), y.at(0)), (inset.at(1), y.at(1))), "open", dash=True))
    for k, one in enumerate(shown):
        ink, dash = INKS[k % len(INKS)], k >= len(INKS)
        points = tuple((inset.at(point.wrong), y.at(point.right)) for point in one.roc)
        shapes.append(Line(points, ink, 1.8, dash))
        row = TOP + 16 + 34 * k
        shapes.append(Line(((342, row - 4), (362, row - 4)), ink, 3.0, dash))
        shapes.append(Word(368, row, one.label[:22], 12))
        shapes.append(Word(368, row + 14, f"AUC {one.auc.value:.3f}", 11, colour="soft"))
    return Drawing(520.0, HEIGHT + 20, "ROC curves of the rewarders", tuple(shapes))


def calibration(one: RewarderAudit) -> Drawing:
    """Share of right pictures by reward: a reliability diagram, or a curve over equal ranks."""
    probability = one.calibration_error is not None
    ends = [0.0, 1.0] if probability else [part.reward for part in one.calibration]
    x, y = _axis(ends, LEFT, RIGHT), Axis(-0.04, 1.04, BOTTOM, TOP)
    shapes = _frame(one.label, "share right", "mean reward of the bin", x, y)
    if probability:
        shapes.append(Line(((x.at(0), y.at(0)), (x.at(1), y.at(1))), "open", dash=True))
    most = max(part.n for part in one.calibration)
    for part in one.calibration:
        at = x.at(part.reward)
        if part.low is not None and part.high is not None:
            shapes.append(Line(((at, y.at(part.low)), (at, y.at(part.high))), "accent", 2.0))
        shapes.append(Disc(at, y.at(part.right), 3 + 5 * sqrt(part.n / most), "accent"))
    how = (
        f"bins of equal width, 95 % intervals; calibration error {one.calibration_error:.3f}"
        if probability
        else "bins of equal rank, 95 % intervals over items"
    )
    shapes.append(Word(8, HEIGHT - 8, how, 11, colour="soft"))
    return Drawing(WIDTH, HEIGHT, f"{one.label}: share of right pictures by reward", tuple(shapes))


def _frame(title: str, up: str, along: str, x: Axis, y: Axis) -> list[Shape]:
    """Title, grid and names of both axes."""
    shapes: list[Shape] = [Word(8, 22, title, 14, bold=True), Word(8, 42, up, 12, colour="soft")]
    shapes += _levels(y, x)
    for value in ticks(x.low, x.high):
        shapes.append(Line(((x.at(value), y.end), (x.at(value), y.start)), "grid"))
        shapes.append(Word(x.at(value), y.start + 18, f"{value:g}", 11, "middle", "soft"))
    shapes.append(Word((x.start + x.end) / 2, y.start + 36, along, 12, "middle", "soft"))
    return shapes


def _levels(y: Axis, x: Axis | None = None) -> list[Shape]:
    start, end = (LEFT, RIGHT) if x is None else (x.start, x.end)
    shapes: list[Shape] = []
    for value in ticks(y.low, y.high):
        shapes.append(Line(((start, y.at(value)), (end, y.at(value))), "grid"))
        shapes.append(Word(start - 8, y.at(value) + 4, f"{value:g}", 11, "end", "soft"))
    return shapes


def _axis(values: Sequence[float], start: float, end: float) -> Axis:
    """From the smallest to the largest value, with room beyond them."""
    low, high = min(values), max(values)
    room = (high - low) * 0.05 or 0.5
    return Axis(low - room, high + room, start, end)


def _cell(value: float, axis: Axis) -> int:
    return round((value - axis.low) / (axis.high - axis.low) * CELLS)


def _at(cell: int, axis: Axis) -> float:
    return axis.at(axis.low + cell / CELLS * (axis.high - axis.low))


def _area(one: RewarderAudit) -> float:
    return one.auc.value or 0.0
