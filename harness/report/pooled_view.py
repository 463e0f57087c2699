"""What the page of several training runs says, as plain dictionaries. Pure: no file is opened here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.comparing.wording import interval_note, t_freedom
from selfreward_eval.harness.report.comparison_view import headline_p, imbalance, robustness, tone
from selfreward_eval.harness.report.identity import flatten_all
from selfreward_eval.harness.report.notation import ABSENT, Notation, notation_for, p_number, share
from selfreward_eval.harness.report.plots import Axis, difference_axis, interval_mark, scale_marks

if TYPE_CHECKING:
    from selfreward_eval.harness.comparing.claims import Claims, PooledComparison, PooledTask
    from selfreward_eval.harness.comparing.families import Family
    from selfreward_eval.harness.comparing.records import Contrast

DESIGNS = {
    "independent": "every run had its own training seed",
    "paired": "run k of both arms shared its training seed and the order of the data",
    "untrained-a": "A is one given checkpoint that was not trained here",
}

NO_CLAIM = "No claim about the method"


def pooled_view(pooled: PooledComparison, value_ranges: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    """The page without its pictures.

    Args:
        pooled: of several training runs.
        value_ranges: task -> range of its metric.

    Returns:
        ``a`` and ``b`` (names of the runs), ``design`` (a sentence), ``tasks`` (:func:`task_view`),
        ``not_compared`` (sentences), ``letters`` and ``runs`` (rows of letter, name, fingerprint, folder and
        one score per task), and ``model_differences`` (rows of key and one text per run).
    """
    letters = [f"A{k}" for k in range(1, len(pooled.a) + 1)] + [f"B{k}" for k in range(1, len(pooled.b) + 1)]
    arms = [*pooled.a, *pooled.b]
    return {
        "a": names([arm.name for arm in pooled.a]),
        "b": names([arm.name for arm in pooled.b]),
        "design": DESIGNS[str(pooled.design)],
        "tasks": [
            task_view(task, value_ranges[name], pooled.families) for name, task in pooled.tasks.items()
        ],
        "not_compared": [
            f"{task} is not compared: it was run only in {', '.join(folders)}"
            for task, folders in pooled.not_compared.items()
        ],
        "letters": letters,
        "runs": [
            {
                "letter": letter,
                "name": arm.name,
                "fingerprint": arm.fingerprint,
                "folder": arm.folder,
                "scores": [
                    _score(task, place, notation_for(value_ranges[name]))
                    for name, task in pooled.tasks.items()
                ],
            }
            for place, (letter, arm) in enumerate(zip(letters, arms, strict=True))
        ],
        "model_differences": model_differences([arm.model for arm in arms]),
    }


def names(runs: Sequence[str]) -> str:
    """The runs of an arm for a heading.

    >>> names(["s0", "s1"]), names(["s0", "s1", "s2", "s3", "s4"])
    ('s0, s1', 's0, s1, s2 and 2 more')
    """
    return ", ".join(runs) if len(runs) < 5 else f"{', '.join(runs[:3])} and {len(runs) - 3} more"


def _score(task: PooledTask, place: int, notation: Notation) -> str:
    scores = (*task.overall.scores_a, *task.overall.scores_b)
    return notation.value(scores[place]) if scores else ABSENT


def model_differences(models: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """Where the models are not all the same: (key, one text per model)."""
    rows = [dict(flatten_all(model)) for model in models]
    keys = dict.fromkeys(chain.from_iterable(rows))
    every = [(key, [row.get(key, "absent") for row in rows]) for key in keys]
    return [(key, texts) for key, texts in every if len(set(texts)) > 1]


def task_view(
    task: PooledTask, value_range: tuple[float, float], families: Sequence[Family]
) -> dict[str, Any]:
    """One task's claims, table and components.

    Returns:
        ``name``, ``version``, ``metric``, ``effect``, ``unit``, ``a`` and ``b`` (texts), ``claims``
        (:func:`claim_view` of the checkpoints and of the method), ``refused`` (why there is no method claim,
        maybe empty), ``components`` (:func:`components`, maybe empty), ``rows`` (the overall one last),
        ``scale``, ``zero``, ``method`` (whether any row has such a claim), ``adjusted``, ``remarks`` and
        ``notice`` (texts), ``facts`` and ``unmatched``.
    """
    notation, claims, better = notation_for(value_range), task.overall, task.higher_is_better
    every = [*task.categories.values(), claims]
    axis = difference_axis(
        end
        for one in every
        for contrast in (one.checkpoint, one.method)
        if contrast is not None
        for end in (contrast.effect, contrast.low, contrast.high)
    )
    overall = claims.checkpoint
    rows = [row_view(name, one, notation, axis, better) for name, one in task.categories.items()]
    return {
        "name": task.task,
        "version": task.version,
        "metric": task.metric,
        "effect": notation.difference(overall.effect),
        "unit": notation.difference_unit if overall.effect is not None else "",
        "a": notation.value(overall.a),
        "b": notation.value(overall.b),
        "claims": [
            claim_view("These checkpoints", "on prompts like these", overall, notation, better),
            claim_view("The method", "trained again, on prompts like these", claims.method, notation, better),
        ],
        "refused": claims.refused,
        "components": components(claims, notation),
        "rows": [*rows, {**row_view("Overall", claims, notation, axis, better), "overall": True}],
        "scale": scale_marks(axis, notation, signed=True),
        "zero": axis.at(0.0),
        "method": any(one.method is not None for one in every),
        "adjusted": any(one.checkpoint.family for one in task.categories.values()),
        "facts": facts(task),
        "remarks": [
            *robustness(overall, notation),
            *corrections(task, families),
            *filter(None, [interval_note([part for one in every for part in (one.checkpoint, one.method)])]),
        ],
        "notice": notice(overall, notation),
        "unmatched": [(one.item, one.category, one.reason) for one in task.unmatched],
    }


def claim_view(
    name: str, scope: str, contrast: Contrast | None, notation: Notation, higher_is_better: bool
) -> dict[str, str]:
    """One claim as texts: ``name``, ``scope``, ``verdict``, ``tone``, ``interval``, ``p``, ``df`` and how.

    ``method`` says how it was tested. A claim that could not be made has the verdict :data:`NO_CLAIM` and
    empty numbers.
    """
    if contrast is None:
        empty = dict.fromkeys(("interval", "p", "df", "method"), "")
        return {"name": name, "scope": scope, "verdict": NO_CLAIM, "tone": "open", **empty}
    interval = contrast.low is not None and contrast.high is not None
    return {
        "name": name,
        "scope": scope,
        "verdict": contrast.verdict,
        "tone": tone(contrast, higher_is_better=higher_is_better),
        "interval": notation.difference_interval(contrast.low, contrast.high) if interval else "",
        "p": headline_p(contrast),
        "df": "" if (df := t_freedom(contrast)) is None else f"{df:,.1f}",
        "method": contrast.why if contrast.method == "none" else f"{contrast.method}: {contrast.why}",
    }


def components(claims: Claims, notation: Notation) -> list[dict[str, Any]]:
    """Standard errors of the difference by what they generalise over; empty without a method claim.

    Returns:
        ``name``, ``text`` and ``share`` (of the longest, in [0, 1]).
    """
    if claims.method is None or claims.method.se is None:
        return []
    parts = [
        ("over prompts", claims.se_prompts),
        ("over training runs", claims.se_runs),
        ("over both", claims.method.se),
    ]
    longest = max((error or 0.0 for _, error in parts), default=0.0)
    unit = notation.difference_unit
    return [
        {
            "name": name,
            "text": ABSENT if error is None else f"{notation.number(error)}{unit}",
            "share": (error or 0.0) / longest if longest else 0.0,
        }
        for name, error in parts
    ]


def row_view(
    name: str, claims: Claims, notation: Notation, axis: Axis, higher_is_better: bool
) -> dict[str, Any]:
    """One row of the table: texts, a mark per claim, and the tone of the checkpoint claim."""
    checkpoint, method = claims.checkpoint, claims.method
    return {
        "name": name,
        "overall": False,
        "effect": notation.difference(checkpoint.effect),
        "checkpoint": notation.difference_interval(checkpoint.low, checkpoint.high),
        "method": ABSENT if method is None else notation.difference_interval(method.low, method.high),
        "p_checkpoint": p_number(_deciding(checkpoint)),
        "p_method": p_number(_deciding(method)),
        "df": ABSENT if method is None or (df := t_freedom(method)) is None else f"{df:,.1f}",
        "tone": tone(checkpoint, higher_is_better=higher_is_better),
        "mark": interval_mark(axis, checkpoint.effect, checkpoint.low, checkpoint.high),
        "wide": method and interval_mark(axis, method.effect, method.low, method.high),
    }


def _deciding(contrast: Contrast | None) -> float | None:
    if contrast is None:
        return None
    return contrast.p if contrast.p_adjusted is None else contrast.p_adjusted


def notice(overall: Contrast, notation: Notation) -> str:
    """What samples without a score could change, and whether one arm has more of them; empty at full
    coverage."""
    if overall.bound_low is None or overall.bound_high is None:
        return ""
    low, high = (
        f"{notation.difference(bound)}{notation.difference_unit}"
        for bound in (overall.bound_low, overall.bound_high)
    )
    return (
        "Some samples have no score in one run or more and are left out of all. Had they all gone against B, "
        f"the difference would be {low}; had they all gone for B, {high}.{imbalance(overall)}"
    )


def facts(task: PooledTask) -> list[tuple[str, str]]:
    """What stands behind the difference: (label, text)."""
    overall = task.overall.checkpoint
    planned = task.planned_items * overall.m
    return [
        ("Items compared", f"{overall.n_items:,} of {task.planned_items:,}"),
        ("Samples per item", f"{overall.m}"),
        ("Scored in every run", share(round(overall.coverage * planned), planned)),
    ]


def corrections(task: PooledTask, families: Sequence[Family]) -> list[str]:
    """Which p-values the verdicts go by, as sentences."""
    said = []
    for family in families:
        inside = [key for key in family.members if key == task.task or key.startswith(f"{task.task}/")]
        if inside and len(family.members) > 1:
            what = "The headline's verdicts go" if inside == [task.task] else "Verdicts go"
            said.append(
                f"{what} by p-values adjusted within their family, each claim by itself: {family.how}."
            )
    if len(task.categories) > 1 and all(one.checkpoint.family is None for one in task.categories.values()):
        said.append(
            "The p-values of single categories are not adjusted for their number: read them as hints."
        )
    return said
