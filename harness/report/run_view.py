"""What the page of one run says, as plain dictionaries: records and scores in, a template's words out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.records import Manifest, SampleRecord
from selfreward_eval.harness.report.cards import VerdictRule, card, status_words
from selfreward_eval.harness.report.identity import groups
from selfreward_eval.harness.report.notation import Notation, count, moment, notation_for, share, signed
from selfreward_eval.harness.report.plots import Axis, interval_mark, scale_marks, score_axis

if TYPE_CHECKING:
    from selfreward_eval.harness.runs.scores import Score, TaskScores


def model_name(manifest: Manifest) -> str:
    """How a run's model is called on a page."""
    model = manifest.identity.get("model", {})
    if isinstance(model, Mapping):
        return str(model.get("name") or model.get("path") or "unnamed model")
    return str(model)


def run_view(
    manifest: Manifest,
    scores: Mapping[str, TaskScores],
    records: Mapping[str, Sequence[SampleRecord]],
    torn: Sequence[str] = (),
) -> dict[str, Any]:
    """The page of one run without its pictures.

    Args:
        manifest: ``run.json``.
        scores: task name -> its scores.
        records: task name -> its sample lines.
        torn: names of sample files whose last line was torn and left out.

    Returns:
        ``model``, ``status``, ``created``, ``finished``, ``fingerprint``, ``torn``, ``tasks``
        (:func:`task_view`), ``cards`` (:func:`selfreward_eval.harness.report.cards.card`, in the task's
        order), ``identity`` and ``environment`` (groups of rows).
    """
    cards: list[dict[str, Any]] = []
    for name, task in scores.items():
        # By line number: a resumed run has its lines in the order in which they were drawn.
        lines = sorted(records.get(name, []), key=lambda record: record.doc_id)
        rule = VerdictRule.of(task, lines)
        cards += [card(line, name, rule) for line in lines]
    return {
        "model": model_name(manifest),
        "status": manifest.status,
        "created": moment(manifest.created),
        "finished": moment(manifest.finished) if manifest.finished else "",
        "fingerprint": manifest.fingerprint,
        "torn": list(torn),
        "tasks": [task_view(task) for task in scores.values()],
        "cards": cards,
        "identity": groups(manifest.identity),
        "environment": groups(manifest.environment),
    }


def task_view(task: TaskScores) -> dict[str, Any]:
    """One task's headline and table.

    Returns:
        ``name``, ``version``, ``metric``, ``comparable``, ``value``, ``unit`` and ``interval`` (text),
        ``meaning`` (what the value is the mean of), ``facts`` (label, text), ``bounds`` and ``failures``
        (text, empty where nothing failed), ``extra`` (name, text), ``rows`` (:func:`row_view`, the overall
        one last) and ``scale`` (ticks).
    """
    notation, overall = notation_for(task.range), task.overall
    axis = score_axis(task.range)
    rows = [row_view(name, score, notation, axis) for name, score in task.categories.items()]
    return {
        "name": task.task,
        "version": task.version,
        "metric": task.metric,
        "comparable": task.comparable,
        "value": notation.number(overall.value),
        "unit": notation.unit if overall.value is not None else "",
        "interval": notation.interval(overall.low, overall.high) if overall.low is not None else "",
        "meaning": meaning(task),
        "facts": facts(overall, notation),
        "failures": failures_text(task.failures, overall),
        "bounds": bounds_text(overall, notation),
        "extra": [(name.replace("_", " "), f"{value:.4g}") for name, value in task.extra.items()],
        "rows": [*rows, {**row_view("Overall", overall, notation, axis), "overall": True}],
        "scale": scale_marks(axis, notation),
        "axis": axis,
    }


def meaning(task: TaskScores) -> str:
    """What the headline is the mean of.

    Both kinds of mean are in use, and they differ where categories differ in size.
    """
    if task.macro:
        return f"unweighted mean of {count(len(task.categories), 'category', 'categories')}"
    return f"mean of {count(task.overall.n_items, 'item')}"


def row_view(name: str, score: Score, notation: Notation, axis: Axis) -> dict[str, Any]:
    """One row of the table: texts, and ``mark`` for the plot beside them."""
    return {
        "name": name,
        "overall": False,
        "value": notation.number(score.value),
        "interval": notation.interval(score.low, score.high),
        "items": f"{score.n_items:,}",
        "scored": f"{score.n_scored:,}",
        "failed": f"{score.n_failed:,}",
        "any_failed": score.n_failed > 0,
        "mark": interval_mark(axis, score.value, score.low, score.high),
    }


def facts(score: Score, notation: Notation) -> list[tuple[str, str]]:
    """What stands behind a value: (label, text)."""
    rows = [
        ("Items", f"{score.n_items:,}"),
        ("Samples scored", f"{score.n_scored:,} of {score.n_expected:,}"),
        ("Coverage", share(score.n_scored, score.n_expected)),
    ]
    if score.se is not None and score.df is not None:
        rows.append(
            ("Standard error", f"{notation.number(score.se)}{notation.difference_unit} (df {score.df:.0f})")
        )
    if score.icc is not None:
        rows.append(("Likeness within an item", f"{signed(score.icc)} (ICC)"))
    return rows


def failures_text(failures: Mapping[str, int], score: Score) -> str:
    """``12 samples have no score: 8 missing image, 4 generation error``; empty where all are scored."""
    if not score.n_failed:
        return ""
    verb = "has" if score.n_failed == 1 else "have"
    parts = ", ".join(f"{number:,} {status_words(name)}" for name, number in failures.items() if number)
    return f"{count(score.n_failed, 'sample')} {verb} no score" + (f": {parts}" if parts else "")


def bounds_text(score: Score, notation: Notation) -> str:
    """The value had every failed sample scored lowest or highest; empty at full coverage."""
    if score.bound_low is None or score.bound_high is None:
        return ""
    low, high = notation.value(score.bound_low), notation.value(score.bound_high)
    return f"With every one of them scored lowest the value would be {low}, scored highest {high}"
