"""What the pages of one method and of several methods say, as plain dictionaries. Pure.

The claim is about the method: it generalises over training runs, not only over prompts. Where there
is none (a single training seed), the page says why, and shows the checkpoints' difference as such.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.comparing.wording import interval_note
from selfreward_eval.harness.errors import NotComparable
from selfreward_eval.harness.report.comparison_view import tone
from selfreward_eval.harness.report.notation import Notation, count, notation_for, p_number
from selfreward_eval.harness.report.plots import difference_axis, interval_mark, scale_marks
from selfreward_eval.harness.report.pooled_view import DESIGNS
from selfreward_eval.harness.report.pooled_view import task_view as pooled_task_view
from selfreward_eval.trainers.report.sections import guidance_words, outcome_view
from selfreward_eval.trainers.report.view import kind_words
from selfreward_eval.trainers.verdict import GUARDING, Outcome, guard_claim, improvement

if TYPE_CHECKING:
    from selfreward_eval.harness.comparing.claims import Claims, PooledComparison, PooledTask
    from selfreward_eval.harness.comparing.records import Contrast
    from selfreward_eval.trainers.report.reading import Training

__all__ = [
    "NO_CLAIM",
    "Entry",
    "budget_words",
    "claimed",
    "forest_view",
    "imbalance_words",
    "interval_words",
    "method_view",
    "methods_view",
    "pool_words",
]

NO_CLAIM = "checkpoints only"
"""The badge of a difference that says nothing about the method."""

Ranges = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Entry:
    """One line of a forest table.

    Attributes:
        name: on the left.
        contrast: the difference; None where there is none.
        badge: its verdict, see :func:`selfreward_eval.trainers.report.sections.outcome_view`; None for no
            verdict.
        link: where the name leads; empty for nowhere.
        overall: whether it is the headline.
        neutral: whether its colour is to say nothing, as no claim is made.
        own: the method's claim from its own runs alone, where ``contrast`` pools several methods'.
    """

    name: str
    contrast: Contrast | None
    badge: dict[str, Any] | None = None
    link: str = ""
    overall: bool = False
    neutral: bool = False
    own: Contrast | None = None


def forest_view(entries: Sequence[Entry], notation: Notation, *, higher_is_better: bool) -> dict[str, Any]:
    """Differences with their intervals below each other, on one axis.

    Returns:
        ``rows`` (name, link, badge, overall, a, b, effect, interval, p, own, tone and mark), ``scale``,
        ``zero`` and ``unit``. ``own`` is the interval and p of :attr:`Entry.own`, empty without one.
    """
    contrasts = [one.contrast for one in entries if one.contrast is not None]
    axis = difference_axis(end for one in contrasts for end in (one.effect, one.low, one.high))
    rows = [
        {
            "name": one.name,
            "link": one.link,
            "badge": one.badge,
            "overall": one.overall,
            "tone": "open"
            if one.contrast is None or one.neutral
            else tone(one.contrast, higher_is_better=higher_is_better),
            "mark": one.contrast
            and interval_mark(axis, one.contrast.effect, one.contrast.low, one.contrast.high),
            **_texts(one.contrast, notation),
            "own": _own(one.own, notation),
        }
        for one in entries
    ]
    return {
        "rows": rows,
        "scale": scale_marks(axis, notation, signed=True),
        "zero": axis.at(0.0),
        "unit": notation.unit.strip(),
    }


def _texts(contrast: Contrast | None, notation: Notation) -> dict[str, str]:
    if contrast is None:
        return dict.fromkeys(("a", "b", "effect", "interval", "p"), notation.number(None))
    return {
        "a": notation.number(contrast.a),
        "b": notation.number(contrast.b),
        "effect": notation.difference(contrast.effect),
        "interval": notation.difference_interval(contrast.low, contrast.high),
        "p": p_number(contrast.p if contrast.p_adjusted is None else contrast.p_adjusted),
    }


def _own(contrast: Contrast | None, notation: Notation) -> str:
    if contrast is None:
        return ""
    texts = _texts(contrast, notation)
    return f"{texts['interval']}, adjusted p {texts['p']}"


def claimed(
    claims: Claims, *, higher_is_better: bool, guarded: tuple[float, float] | None = None
) -> Outcome | None:
    """What the method did to a task; None where there is no claim about it.

    Args:
        claims: about the task's headline.
        higher_is_better: direction of the metric.
        guarded: the range of the metric where the task is a guard, else None.
    """
    claim = claims.deciding
    if claim is None:
        return None
    if guarded is not None:
        return guard_claim(claim, guarded, higher_is_better=higher_is_better)
    change = improvement(claim, higher_is_better=higher_is_better)
    return {1: Outcome.HELPED, -1: Outcome.HURT, 0: Outcome.NO_EVIDENCE}[change]


def _badge(task: PooledTask, guarded: tuple[float, float] | None) -> dict[str, Any]:
    outcome = claimed(task.overall, higher_is_better=task.higher_is_better, guarded=guarded)
    if outcome is None:
        return {"word": NO_CLAIM, "tone": "open", "symbol": "–", "guard": guarded is not None}
    return outcome_view(outcome)


def method_view(
    trainings: Sequence[Training], links: Sequence[str], pooled: PooledComparison, ranges: Ranges
) -> dict[str, Any]:
    """The page of one trainer with several seeds.

    Args:
        trainings: the training runs, in the order of the page.
        links: the address of each one's page; empty where it has none.
        pooled: of their runs.
        ranges: task -> range of its metric.

    Returns:
        ``name``, ``about`` (texts), ``design``, ``notes``, ``seeds`` (name, seed, link and guidance),
        ``not_compared`` (sentences) and ``tasks``: each
        :func:`selfreward_eval.harness.report.pooled_view.task_view` with ``outcome`` and ``forest`` (every
        seed, the checkpoints and the method).
    """
    first = trainings[0].record
    guards = {task for one in trainings for task, verdict in one.verdicts.items() if verdict in GUARDING}
    pairs = list(zip(trainings, links, strict=True))
    return {
        "name": str(first.trainer.get("name", "unnamed trainer")),
        "about": [
            f"rewarder {first.rewarder.get('name', 'unnamed')} ({kind_words(first)})",
            f"model {first.model.get('name', 'unnamed')}",
            count(len(trainings), "training run"),
        ],
        "design": DESIGNS[str(pooled.design)],
        "notes": list(dict.fromkeys(str(note) for one in trainings for note in one.record.notes)),
        "seeds": [
            {
                "name": one.record.name,
                "seed": f"{one.record.seed}",
                "link": link,
                "guidance": guidance_words(one.record),
            }
            for one, link in pairs
        ],
        "not_compared": [
            f"{task} is not compared: it was run only in {', '.join(folders)}"
            for task, folders in pooled.not_compared.items()
        ],
        "tasks": [
            {
                **pooled_task_view(task, ranges[name], pooled.families),
                **_seeds(pairs, task, ranges[name], guarded=name in guards),
            }
            for name, task in pooled.tasks.items()
        ],
    }


def _seeds(
    pairs: Sequence[tuple[Training, str]],
    task: PooledTask,
    value_range: tuple[float, float],
    *,
    guarded: bool,
) -> dict[str, Any]:
    claims, badge = task.overall, _badge(task, value_range if guarded else None)
    entries = [
        Entry(
            f"seed {one.record.seed}",
            one.comparison.tasks[task.task].overall,
            outcome_view(one.verdicts[task.task]),
            link,
        )
        for one, link in pairs
        if task.task in one.comparison.tasks
    ]
    entries.append(Entry("these checkpoints", claims.checkpoint))
    entries.append(Entry("the method", claims.method, badge, overall=True))
    forest = forest_view(entries, notation_for(value_range), higher_is_better=task.higher_is_better)
    return {"outcome": badge, "forest": forest}


def methods_view(
    claims: Mapping[str, PooledComparison],
    ranges: Ranges,
    guards: Collection[str] = (),
    drawn: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The page of several methods side by side.

    Args:
        claims: method -> what its runs say against those before.
        ranges: task -> range of its metric.
        guards: tasks that no method may cost anything.
        drawn: method -> pictures that a run of it drew to learn from, where known.

    Returns:
        ``methods`` (name, runs, and ``cells``: per task what :func:`forest_view` says of a row, with
        ``claim``, or None), ``tasks`` (name, version, metric and ``forest``) and ``remarks`` (sentences).

    Raises:
        NotComparable: a task is not the same in two methods.
    """
    tasks = list(dict.fromkeys(task for pooled in claims.values() for task in pooled.tasks))
    forests = {task: _methods_forest(task, claims, ranges[task], guarded=task in guards) for task in tasks}
    rows = {task: {row["name"]: row for row in forests[task]["forest"]["rows"]} for task in tasks}
    return {
        "methods": [
            {
                "name": method,
                "runs": count(len(pooled.b), "run"),
                "cells": [rows[task].get(method) for task in tasks],
            }
            for method, pooled in claims.items()
        ],
        "tasks": [{"name": task, **forests[task]} for task in tasks],
        "remarks": [
            *_remarks(claims),
            *pool_words(claims),
            *imbalance_words(claims),
            *interval_words(claims),
            *budget_words(drawn or {}),
        ],
    }


def _methods_forest(
    task: str, claims: Mapping[str, PooledComparison], value_range: tuple[float, float], *, guarded: bool
) -> dict[str, Any]:
    compared = {method: pooled.tasks[task] for method, pooled in claims.items() if task in pooled.tasks}
    (first, reference), *others = compared.items()
    for method, one in others:
        for field in ("version", "metric", "planned_items", "higher_is_better"):
            left, right = getattr(reference, field), getattr(one, field)
            if left != right:
                raise NotComparable(
                    f"{task} is not the same for {first} and {method}: {field} is {left} and {right}; "
                    "run both on the same one"
                )
    better = reference.higher_is_better
    entries = [
        Entry(
            method,
            one.overall.deciding or one.overall.checkpoint,
            _badge(one, value_range if guarded else None),
            neutral=one.overall.method is None,
            own=one.overall.method if one.overall.pooled else None,
        )
        for method, one in compared.items()
    ]
    forest = forest_view(entries, notation_for(value_range), higher_is_better=better)
    return {"version": reference.version, "metric": reference.metric, "forest": forest}


def budget_words(drawn: Mapping[str, int]) -> list[str]:
    """Whether the methods drew the same number of pictures; empty for fewer than two of them."""
    if len(drawn) < 2:
        return []
    if len(set(drawn.values())) == 1:
        return [f"Every run of every method drew {next(iter(drawn.values())):,} pictures to learn from."]
    each = ", ".join(f"{name} {number:,}" for name, number in drawn.items())
    return [f"The methods drew unequal numbers of pictures ({each}): a difference may be one of budget."]


def pool_words(claims: Mapping[str, PooledComparison]) -> list[str]:
    """Over which methods the variance between runs was pooled, task by task, and who was left out."""
    said: dict[str, None] = {}
    for task in dict.fromkeys(name for pooled in claims.values() for name in pooled.tasks):
        compared = [pooled.tasks[task].overall for pooled in claims.values() if task in pooled.tasks]
        for pool in (one.pool for one in compared if one.pool is not None):
            words = (
                f"{task}: the variance between training runs is pooled over {', '.join(pool.members)} "
                f"({pool.df:.0f} degrees of freedom)"
            )
            if pool.left_out:
                words += f", without {', '.join(pool.left_out)}, whose runs vary more"
            said[f"{words}."] = None
    if not said:
        return []
    return [
        *said,
        "Verdicts go by the pooled interval; 'own' is the interval from the method's own runs. With few runs "
        "the check of equal variances misses a method that varies up to three times as much, and its pooled "
        "claim then errs in up to one case of eight: where pooled and own disagree, train more seeds.",
    ]


def imbalance_words(claims: Mapping[str, PooledComparison]) -> list[str]:
    """Warnings that one arm has more samples without a score."""
    return [
        f"{method}, {name}: {task.overall.checkpoint.imbalance}."
        for method, pooled in claims.items()
        for name, task in pooled.tasks.items()
        if task.overall.checkpoint.imbalance
    ]


def interval_words(claims: Mapping[str, PooledComparison]) -> list[str]:
    """The sentence about intervals that leave out 0 beside an adjusted p above 0.05, where one does."""
    overall = [task.overall for pooled in claims.values() for task in pooled.tasks.values()]
    note = interval_note(part for one in overall for part in (one.pooled, one.method or one.checkpoint))
    return [note] if note else []


def _remarks(claims: Mapping[str, PooledComparison]) -> list[str]:
    """What a reader has to know before holding two rows against each other."""
    said = [
        "Every row is a method against the model before. That one is significant and another is not does not "
        "show that they differ: compare their runs with each other for that.",
        "p-values are adjusted within each method's own family of tasks, not over the methods.",
    ]
    if any(task.overall.method is None for pooled in claims.values() for task in pooled.tasks.values()):
        said.append(
            f"Where it says '{NO_CLAIM}', the difference is that of these checkpoints and holds for no other "
            "training run."
        )
    starts = {frozenset(arm.fingerprint for arm in pooled.a) for pooled in claims.values()}
    if len(starts) > 1:
        said.append(
            "The methods did not start from the same runs before training, so their gains have other bases."
        )
    return said
