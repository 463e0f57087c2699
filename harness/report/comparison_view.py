"""What the page of a comparison says, as plain dictionaries. Pure: no file is opened here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.comparing.wording import interval_note
from selfreward_eval.harness.report.identity import differences, flatten, groups
from selfreward_eval.harness.report.notation import (
    RELATIVE,
    Notation,
    count,
    notation_for,
    p_number,
    p_value,
    share,
    signed,
)
from selfreward_eval.harness.report.pairs import item_means, pair_cards, tally
from selfreward_eval.harness.report.plots import (
    Axis,
    bubbles,
    difference_axis,
    interval_mark,
    scale_marks,
    tick_label,
)

if TYPE_CHECKING:
    from selfreward_eval.harness.comparing.compare import Comparison, Run
    from selfreward_eval.harness.comparing.families import Family
    from selfreward_eval.harness.comparing.records import Contrast, TaskComparison

SIGNIFICANT = 0.05
"""Level of the 95 % intervals; only the dots' colour follows it, the verdicts come with the comparison."""


def comparison_view(comparison: Comparison, a: Run, b: Run) -> dict[str, Any]:
    """The page of one comparison without its pictures.

    Args:
        comparison: of ``a`` and ``b``.
        a: the run before.
        b: the run after.

    Returns:
        ``a`` and ``b`` (name, fingerprint, folder), ``tasks`` (:func:`task_view`), ``only_in_one``
        (sentences, and how samples are paired where not by seed), ``by_seed`` (whether they are),
        ``model_differences`` (rows of key, a, b), ``settings`` (shared rows) and ``pairs``
        (:func:`selfreward_eval.harness.report.pairs.pair_cards`).
    """
    arms = {
        side: {"name": arm.name, "fingerprint": arm.fingerprint, "folder": arm.folder}
        for side, arm in (("a", comparison.a), ("b", comparison.b))
    }
    only = [comparison.pairing] if comparison.pairing else []
    only += [
        f"{task} was run in {folder} alone and is not compared"
        for task, folder in comparison.only_in_one.items()
    ]
    return {
        **arms,
        "tasks": [task_view(task, a, b, comparison.families) for task in comparison.tasks.values()],
        "only_in_one": only,
        "by_seed": not comparison.pairing,
        "model_differences": differences(comparison.a.model, comparison.b.model),
        "settings": settings(a.manifest.identity),
        "pairs": [pair for name in comparison.tasks for pair in pair_cards(name, a, b)],
    }


def settings(identity: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What both runs share: how pictures were drawn, and all that is not the model."""
    model = identity.get("model", {})
    generation = model.get("generation", {}) if isinstance(model, Mapping) else {}
    sampling = [{"title": "sampling", "rows": flatten(generation)}] if generation else []
    return sampling + groups({key: value for key, value in identity.items() if key != "model"})


def task_view(task: TaskComparison, a: Run, b: Run, families: Sequence[Family] = ()) -> dict[str, Any]:
    """One task's verdict, table and plots.

    Returns:
        ``name``, ``version``, ``metric``, ``verdict``, ``tone`` (up, down or open), ``effect``, ``unit``,
        ``interval``, ``p``, ``a`` and ``b`` (texts), ``facts``, ``method``, ``notice`` (texts, maybe empty),
        ``remarks`` (sentences), ``adjusted`` (whether rows have adjusted p-values),
        ``rows`` (the overall one last), ``scale``, ``tally`` (B better, equal, worse, by item), ``scatter``,
        ``unmatched`` (item, category, reason) and ``relative`` (:func:`relative_view`, or None).
    """
    value_range = a.scores[task.task].range
    notation, overall = notation_for(value_range), task.overall
    every = [*task.categories.values(), overall]
    axis = difference_axis(
        end for contrast in every for end in (contrast.effect, contrast.low, contrast.high)
    )
    means = item_means(a.records[task.task], b.records[task.task], task.metric)
    rows = [row_view(name, contrast, notation, axis, task) for name, contrast in task.categories.items()]
    return {
        "name": task.task,
        "version": task.version,
        "metric": task.metric,
        "percent": notation.unit.strip(),
        "verdict": overall.verdict,
        "tone": tone(overall, higher_is_better=task.higher_is_better),
        "effect": notation.difference(overall.effect),
        "unit": notation.difference_unit if overall.effect is not None else "",
        "interval": notation.difference_interval(overall.low, overall.high)
        if overall.low is not None
        else "",
        "p": headline_p(overall),
        "a": notation.value(overall.a),
        "b": notation.value(overall.b),
        "facts": facts(task),
        "method": f"{overall.method}: {overall.why}" if overall.method != "none" else overall.why,
        "remarks": [
            *robustness(overall, notation),
            *corrections(task, families),
            *filter(None, [interval_note(every)]),
        ],
        "adjusted": any(one.p_adjusted is not None for one in task.categories.values()),
        "notice": notice(overall, notation),
        "rows": [*rows, {**row_view("Overall", overall, notation, axis, task), "overall": True}],
        "scale": scale_marks(axis, notation, signed=True),
        "zero": axis.at(0.0),
        "tally": tally(means, higher_is_better=task.higher_is_better),
        "scatter": scatter(list(means.values()), value_range, notation),
        "unmatched": [(one.item, one.category, one.reason) for one in task.unmatched],
        "relative": relative_view(task),
    }


def relative_view(task: TaskComparison) -> dict[str, Any] | None:
    """A task's relative score, or None where it has none.

    Returns:
        ``name``, ``verdict``, ``tone``, ``effect``, ``unit``, ``interval``, ``p``, ``a``, ``b``, ``percent``,
        ``method``, ``remarks``, ``notice``, ``adjusted``, ``rows``, ``scale`` and ``zero``, as in
        :func:`task_view`.
    """
    score = task.relative
    if score is None:
        return None
    every = [*score.categories.values(), score.overall]
    axis = difference_axis(end for one in every for end in (one.effect, one.low, one.high))
    rows = [row_view(name, one, RELATIVE, axis, task) for name, one in score.categories.items()]
    overall = score.overall
    said = "Its p-values are not adjusted: the headline above decides, this is another reading of it."
    return {
        "name": score.name,
        "verdict": overall.verdict,
        "tone": tone(overall, higher_is_better=task.higher_is_better),
        "effect": RELATIVE.difference(overall.effect),
        "unit": RELATIVE.difference_unit if overall.effect is not None else "",
        "interval": RELATIVE.difference_interval(overall.low, overall.high)
        if overall.low is not None
        else "",
        "p": headline_p(overall),
        "a": RELATIVE.value(overall.a),
        "b": RELATIVE.value(overall.b),
        "percent": RELATIVE.unit.strip(),
        "method": f"{overall.method}: {overall.why}" if overall.method != "none" else overall.why,
        "remarks": [*robustness(overall, RELATIVE), said],
        "notice": notice(overall, RELATIVE),
        "adjusted": False,
        "rows": [*rows, {**row_view("Overall", overall, RELATIVE, axis, task), "overall": True}],
        "scale": scale_marks(axis, RELATIVE, signed=True),
        "zero": axis.at(0.0),
    }


def tone(contrast: Contrast, *, higher_is_better: bool) -> str:
    """``up`` where B is better beyond chance, ``down`` where it is worse, ``open`` elsewhere.

    Where a p-value was adjusted, both have to be small, as for the verdict.
    """
    if contrast.p is None or not contrast.effect or max(contrast.p, contrast.p_adjusted or 0.0) > SIGNIFICANT:
        return "open"
    return "up" if (contrast.effect > 0) == higher_is_better else "down"


def row_view(
    name: str, contrast: Contrast, notation: Notation, axis: Axis, task: TaskComparison
) -> dict[str, Any]:
    """One row of the table: texts, and ``mark`` and ``tone`` for the plot beside them."""
    return {
        "name": name,
        "overall": False,
        "a": notation.number(contrast.a),
        "b": notation.number(contrast.b),
        "effect": notation.difference(contrast.effect),
        "interval": notation.difference_interval(contrast.low, contrast.high),
        "p": p_number(contrast.p),
        "p_adjusted": p_number(contrast.p_adjusted),
        "items": f"{contrast.n_items:,}",
        "verdict": contrast.verdict,
        "tone": tone(contrast, higher_is_better=task.higher_is_better),
        "mark": interval_mark(axis, contrast.effect, contrast.low, contrast.high),
    }


def facts(task: TaskComparison) -> list[tuple[str, str]]:
    """What stands behind the verdict: (label, text)."""
    overall = task.overall
    planned, paired = task.planned_items * overall.m, round(overall.coverage * task.planned_items * overall.m)
    rows = [
        ("Items compared", f"{overall.n_items:,} of {task.planned_items:,}"),
        *(
            [("Clusters of items", f"{overall.n_units:,}")]
            if overall.n_units not in (None, overall.n_items)
            else []
        ),
        ("Samples per item", f"{overall.m}"),
        ("Pairs scored", share(paired, planned)),
    ]
    if overall.correlation is not None:
        rows.append(("Correlation of A and B", signed(overall.correlation)))
    if overall.se_ratio is not None:
        rows.append(("Paired error / unpaired", f"{overall.se_ratio:.2f}"))
    if overall.icc is not None:
        rows.append(("Likeness within an item", f"{signed(overall.icc)} (ICC)"))
    return rows


def headline_p(overall: Contrast) -> str:
    """The p-value beside the effect, with the adjusted one where it is another; empty without a test."""
    if overall.p is None:
        return ""
    if overall.p_adjusted in (None, overall.p):
        return p_value(overall.p)
    return f"{p_value(overall.p)}, adjusted {p_value(overall.p_adjusted)}"


def robustness(overall: Contrast, notation: Notation) -> list[str]:
    """What the bootstrap says beside the test, as a sentence; empty without an effect."""
    if overall.bca is None:
        return []
    if overall.bca.low is None:
        return [f"There is no BCa bootstrap beside it: {overall.bca.why}."]
    interval = notation.difference_interval(overall.bca.low, overall.bca.high)
    says = {
        True: "which says the same",
        False: "which does not say the same: a few items carry the result, look at the scatter",
        None: "which has no test to agree with",
    }
    return [f"The BCa bootstrap gives {interval}, {says[overall.bca.agrees]}."]


def corrections(task: TaskComparison, families: Sequence[Family]) -> list[str]:
    """Which p-values the verdicts go by, as sentences."""
    said = []
    for family in families:
        inside = [key for key in family.members if key == task.task or key.startswith(f"{task.task}/")]
        if inside and len(family.members) > 1:
            what = "The headline's verdict goes" if inside == [task.task] else "Verdicts go"
            said.append(f"{what} by p-values adjusted within their family: {family.how}.")
    if len(task.categories) > 1 and all(one.family is None for one in task.categories.values()):
        said.append(
            "The p-values of single categories are not adjusted for their number: with many categories, some "
            "fall below 0.05 by chance."
        )
    return said


def notice(overall: Contrast, notation: Notation) -> str:
    """What pairs without a score could change, and which arm has more of them; empty at full coverage."""
    if overall.bound_low is None or overall.bound_high is None:
        return ""
    low, high = notation.difference(overall.bound_low), notation.difference(overall.bound_high)
    return (
        "Some samples have no score in one run or both. Had they all gone against B, the difference would be "
        f"{low}{notation.difference_unit}; had they all gone for B, {high}{notation.difference_unit}."
        f"{imbalance(overall)}"
    )


def imbalance(overall: Contrast) -> str:
    """The warning of unequal failures as a sentence after others, or empty."""
    return f" {overall.imbalance}." if overall.imbalance else ""


def scatter(
    pairs: list[tuple[float, float]], value_range: tuple[float, float], notation: Notation
) -> dict[str, Any]:
    """Item means of A against B as bubbles, with a title for each and labelled ends of the axes."""
    plot = bubbles(pairs, value_range)
    for point in plot["points"]:
        where = f"A {notation.value(point['a'])}, B {notation.value(point['b'])}"
        point["title"] = f"{where}: {count(point['n'], 'item')}"
    middle = (value_range[0] + value_range[1]) / 2
    labels = [(value, tick_label(value, notation)) for value in (value_range[0], middle, value_range[1])]
    plot["ticks"] = [{"x": plot["x"].at(v), "y": plot["y"].at(v), "label": label} for v, label in labels]
    return plot
