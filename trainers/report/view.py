"""What the page of one training run says, as plain dictionaries. Pure: no file is opened here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.report.comparison_view import task_view
from selfreward_eval.harness.report.line_chart import POINTS
from selfreward_eval.harness.report.notation import count, notation_for
from selfreward_eval.harness.report.themed import inline_svg
from selfreward_eval.trainers.report.curves import step_charts
from selfreward_eval.trainers.report.guidance import chart, grids, sentence
from selfreward_eval.trainers.report.sections import (
    KINDS,
    adjusted_p,
    because,
    guidance_words,
    headline,
    outcome_view,
    reward_rows,
    round_charts,
    round_rows,
    settings,
    unaudited,
)
from selfreward_eval.trainers.report.selection import chosen
from selfreward_eval.trainers.verdict import improvement

if TYPE_CHECKING:
    from selfreward_eval.trainers.record import TrainingRecord
    from selfreward_eval.trainers.report.reading import Training

__all__ = ["kind_words", "training_view"]


def training_view(training: Training) -> dict[str, Any]:
    """The page of one training run without its pictures.

    Returns:
        ``name``, ``about`` (texts below the title), ``headline`` (sentences with a tone), ``notes``,
        ``tasks`` (:func:`selfreward_eval.harness.report.comparison_view.task_view`, each with ``outcome``,
        ``because`` and ``p_verdict``), ``only_in_one`` (sentences), ``rewards``, ``unaudited`` (sentences),
        ``rounds``, ``round_charts``, ``guidance`` (``charts`` and ``sentences``), ``charts`` of the steps,
        ``thinned`` (whether they show means of blocks), ``skipped`` (how many steps, maybe empty),
        ``settings`` and ``pairs``.
    """
    record, comparison = training.record, training.comparison
    tasks = []
    for name, task in comparison.tasks.items():
        value_range = training.before.scores[name].range
        outcome = training.verdicts[name]
        tasks.append(
            {
                **task_view(task, training.before, training.after, comparison.families),
                "outcome": outcome_view(outcome),
                "because": because(task, outcome, training.audits.get(name), value_range),
                "p_verdict": adjusted_p(task),
            }
        )
    return {
        "name": record.name,
        "about": about(record),
        "headline": headline(training.verdicts),
        "notes": [str(note) for note in record.notes],
        "tasks": tasks,
        "only_in_one": [
            f"{task} was run in {folder} alone and is not compared"
            for task, folder in comparison.only_in_one.items()
        ],
        "rewards": reward_rows(training),
        "unaudited": unaudited(training),
        "rounds": round_rows(training.rounds),
        "round_charts": [inline_svg(one) for one in round_charts(training.rounds)],
        "guidance": guidance(training),
        "charts": [inline_svg(one) for one in step_charts(training.steps)],
        "thinned": len(training.steps) > POINTS,
        "skipped": count(training.skipped, "step") if training.skipped else "",
        "settings": settings(record),
        "pairs": [
            pair for name in comparison.tasks for pair in chosen(name, training.before, training.after)
        ],
    }


def kind_words(record: TrainingRecord) -> str:
    """What its kind means for a reader; the kind itself where it is not one of ours."""
    kind = str(record.rewarder.get("kind", "of unknown kind"))
    return f"{kind}: {KINDS[kind]}" if kind in KINDS else kind


def about(record: TrainingRecord) -> list[str]:
    """The lines below the title."""
    return [
        f"trainer {record.trainer.get('name', 'unnamed')}",
        f"rewarder {record.rewarder.get('name', 'unnamed')} ({kind_words(record)})",
        f"model {record.model.get('name', 'unnamed')}",
        f"training seed {record.seed}",
        guidance_words(record),
    ]


def guidance(training: Training) -> dict[str, Any]:
    """Charts and sentences over the scale grid; both empty where no grid was measured in both arms."""
    charts, sentences = [], []
    for task, (before, after) in grids(training.record.before, training.record.after).items():
        compared = training.comparison.tasks.get(task)
        if compared is None:
            # A grid of a task that the evaluation lacks says nothing about its result.
            continue
        notation = notation_for(training.before.scores[task].range)
        better = compared.higher_is_better
        charts.append(inline_svg(chart(task, before, after, notation)))
        change = improvement(compared.overall, higher_is_better=better)
        sentences.append(sentence(task, before, after, change, notation, higher_is_better=better))
    return {"charts": charts, "sentences": sentences}
