"""Power curves: as a picture of their own, and on a page with the numbers behind them."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.files import write_page
from selfreward_eval.harness.power.power import Answer, Plan, curve, largest_sd, plan, resized
from selfreward_eval.harness.report.drawing import Disc, Drawing, Line, Shape, Word, to_svg, write_drawing
from selfreward_eval.harness.report.notation import ABSENT, count
from selfreward_eval.harness.report.plots import Axis, ticks

if TYPE_CHECKING:
    from selfreward_eval.harness.stats.power import Needed

__all__ = ["power_drawing", "write_power"]

WIDTH, HEIGHT = 590.0, 330.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 400.0, 52.0, 268.0
"""Frame of the plot; the legend is right of it."""

COLOURS = ("accent", "second", "third")

POINTS = 60
"""Points of one curve."""


def lines_of(answer: Answer) -> list[tuple[str, Plan]]:
    """The curves that answer, at most three, with their labels: alternatives beside each other, or
    other numbers of images where their noise is known, else the headline's own."""
    first = answer.plans[0]
    spread = first.spread
    if spread.omega2 is None or spread.noise is None:
        shown = answer.plans[: len(COLOURS)] if answer.alternatives else answer.plans[:1]
        return [(one.spread.label, one) for one in shown if one.detectable is not None]
    numbers = sorted({1, spread.images, 4 * spread.images})
    found = [plan(resized(spread, images=m), first.question) for m in numbers]
    return [
        (count(m, "image") + (" (this design)" if m == spread.images else ""), one)
        for m, one in zip(numbers, found, strict=True)
        if one.detectable is not None
    ]


def power_drawing(answer: Answer) -> Drawing:
    """Power against the true difference, one curve for each of :func:`lines_of`.

    Raises:
        ValueError: no plan has a detectable difference.
    """
    lines = lines_of(answer)
    if not lines:
        raise ValueError(f"{answer.name}: nothing varied, so there is no power to draw")
    question, spread = answer.plans[0].question, answer.plans[0].spread
    reach = max([one.detectable or 0.0 for _, one in lines] + [question.effect or 0.0]) * 1.25
    x, y = Axis(0.0, reach, LEFT, RIGHT), Axis(0.0, 1.0, BOTTOM, TOP)
    shapes: list[Shape] = [Word(8, 22, answer.name, 14, bold=True), Word(8, 40, "power", 12, colour="soft")]
    for value in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        shapes.append(Line(((LEFT, y.at(value)), (RIGHT, y.at(value))), "grid"))
        shapes.append(Word(LEFT - 8, y.at(value) + 4, f"{100 * value:.0f} %", 11, "end", "soft"))
    for value in ticks(0.0, reach):
        shapes.append(Line(((x.at(value), TOP), (x.at(value), BOTTOM)), "grid"))
        shapes.append(Word(x.at(value), BOTTOM + 18, f"{value:g}", 11, "middle", "soft"))
    shapes.append(Word((LEFT + RIGHT) / 2, BOTTOM + 38, "true difference B − A", 12, "middle", "soft"))
    shapes.append(Line(((LEFT, y.at(question.power)), (RIGHT, y.at(question.power))), "open", dash=True))
    if question.effect is not None:
        at = x.at(question.effect)
        shapes.append(Line(((at, TOP), (at, BOTTOM)), "ink", dash=True))
        shapes.append(Word(at, TOP - 6, f"{question.effect:g}", 11, "middle"))
    effects = [reach * k / (POINTS - 1) for k in range(POINTS)]
    for place, (label, one) in enumerate(lines):
        colour, level = COLOURS[place], TOP + 14 + 40 * place
        curve_points = zip(effects, curve(one, effects), strict=True)
        shapes.append(Line(tuple((x.at(e), y.at(power)) for e, power in curve_points), colour, 2.0))
        shapes.append(Disc(x.at(one.detectable or 0.0), y.at(question.power), 4.5, colour))
        shapes.append(Line(((RIGHT + 16, level - 4), (RIGHT + 36, level - 4)), colour, 2.0))
        shapes.append(Word(RIGHT + 42, level, label, 12))
        shapes.append(Word(RIGHT + 42, level + 15, f"detects {one.detectable:.3g}", 11, colour="soft"))
    sides = "two-sided" if question.sided == 2 else "one-sided"
    test = f"{sides} test at {100 * answer.plans[0].alpha:.3g} %"
    note = f"{spread.units:,} units, {test}; dots: {100 * question.power:g} % power"
    shapes.append(Word(8, HEIGHT - 8, note, 11, colour="soft"))
    return Drawing(WIDTH, HEIGHT, f"{answer.name}: power", tuple(shapes))


def write_power(answers: Sequence[Answer], folder: Path) -> list[Path]:
    """Writes ``power_<name>.svg`` and ``.png`` per answer and ``power.html`` with all; returns the files.

    Args:
        answers: of one question.
        folder: where; made if missing.
    """
    from selfreward_eval.harness.report.rendering import render_page

    written, sections = [], []
    for answer in answers:
        picture = None
        if lines_of(answer):
            drawing = power_drawing(answer)
            written += write_drawing(
                drawing, folder / f"power_{re.sub(r'[^A-Za-z0-9_.-]+', '_', answer.name)}"
            )
            picture = _data_url(drawing)
        sections.append(_section(answer, picture))
    page = folder / "power.html"
    folder.mkdir(parents=True, exist_ok=True)
    write_page(page, render_page("power.jinja", sections=sections))
    return [*written, page]


def _data_url(drawing: Drawing) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(to_svg(drawing).encode("utf-8")).decode("ascii")


def _section(answer: Answer, picture: str | None) -> dict[str, Any]:
    first, name = answer.plans[0], answer.name
    question = first.question
    return {
        "name": name,
        "source": source(answer),
        "picture": picture,
        "alt": f"Power against the true difference for {name}",
        "size": (WIDTH, HEIGHT),
        "verdicts": verdicts(answer),
        "effect": None if question.effect is None else f"{question.effect:g}",
        "power": f"{100 * question.power:g} %",
        "rows": [_row(one) for one in answer.plans],
        "remarks": [*remarks(first), *_correction(answer)],
    }


def _correction(answer: Answer) -> list[str]:
    return [f"tested at {levels(answer)}"] if answer.plans[0].question.scores > 1 else []


def _row(one: Plan) -> dict[str, str]:
    return {
        "name": one.spread.label,
        "units": f"{one.spread.units:,}",
        "images": f"{one.spread.images}",
        "sd": f"{one.spread.sd:.3f}",
        "detects": ABSENT if one.detectable is None else f"{one.detectable:.3f}",
        "power": chance(one.power),
        "prompts": needed(one.prompts),
        "pictures": needed(one.pictures),
        "best": needed(one.best_pictures),
    }


def source(answer: Answer) -> str:
    """Where an answer's numbers come from."""
    if answer.alternatives:
        return "nothing is known of its items' spread, so three are assumed beside each other"
    return answer.plans[0].spread.source


def verdicts(answer: Answer) -> list[str]:
    """Whether the effect in question is detectable: for the headline, or under every assumption."""
    if answer.alternatives:
        return [f"{one.spread.label}: {one.verdict}" for one in answer.plans if one.verdict]
    return [one.verdict or one.why for one in answer.plans[:1] if one.verdict or one.why]


def levels(answer: Answer) -> str:
    """The level of the tests, with the correction that was planned for.

    Several headline scores are corrected after Holm. Its first step is the plan: the level is then at least
    this one, whatever the other scores show.
    """
    first = answer.plans[0]
    question = first.question
    if question.scores == 1:
        return f"{100 * question.alpha:g} %"
    text = (
        f"{100 * question.alpha / question.scores:.3g} %: {100 * question.alpha:g} % over "
        f"{question.scores} headline scores, Holm's first step and the safe plan"
    )
    return (
        text
        if answer.alternatives or len(answer.plans) == 1
        else f"{text}; categories at {100 * question.alpha:g} %"
    )


def chance(power: float | None) -> str:
    """A power for a table; it is never certain.

    >>> chance(0.9996), chance(0.5), chance(None)
    ('> 0.99', '0.50', '–')
    """
    return ABSENT if power is None else "> 0.99" if power > 0.99 else f"{power:.2f}"


def needed(number: Needed | None) -> str:
    """A number that is needed, or a dash where there is none."""
    return ABSENT if number is None or number.count is None else f"{number.count:,}"


def remarks(one: Plan) -> list[str]:
    """What the headline's numbers mean, and why some are missing; sentences without a full stop."""
    question, spread, said = one.question, one.spread, []
    if one.why:
        return []
    missing: dict[str, list[str]] = {}
    for what, number in (
        ("how many items it takes", one.prompts),
        ("how many images it takes", one.pictures),
        ("which number of images is best", one.best_pictures),
    ):
        if number is not None and number.count is None:
            missing.setdefault(number.why, []).append(what)
    said += [f"{' and '.join(what)}: {why}" for why, what in missing.items()]
    if one.test and one.test != "t":
        how = "computed" if one.test == "exact McNemar" else "simulated"
        said.append(
            f"{one.test} will decide with {spread.units:,} units, and the power is {how} for that test"
        )
    most = largest_sd(one)
    if most is not None:
        said.append(
            f"{question.effect:g} is detectable with {spread.units:,} units as long as a unit's difference "
            f"has an sd of {most:.3f} or less"
        )
    if one.best_pictures.count is not None:
        ratio = "" if question.cost_ratio == 1 else f"{question.cost_ratio:g} times "
        said.append(
            f"the best number of images per item is {one.best_pictures.count} if an item before its images "
            f"costs {ratio}as much as one image"
        )
    return said
