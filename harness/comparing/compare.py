"""Two runs over the same items and seeds: paired differences with intervals and p-values.

>>> comparison = compare_runs(load_run(before), load_run(after))  # doctest: +SKIP
>>> comparison.tasks["shapes_geneval"].overall.verdict  # doctest: +SKIP
'B is better than A'

How items are paired is in :mod:`selfreward_eval.harness.comparing.pairing`, how one difference is judged in
:mod:`selfreward_eval.harness.comparing.contrast`, relative scores in
:mod:`selfreward_eval.harness.comparing.relative`, what is corrected together in
:mod:`selfreward_eval.harness.comparing.families`, and several training runs per arm in
:mod:`selfreward_eval.harness.comparing.pooled`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from selfreward_eval.harness.comparing.comparable import pairing_note, require_comparable, shared_tasks
from selfreward_eval.harness.comparing.contrast import contrast, corrected
from selfreward_eval.harness.comparing.families import Family, declare, key_of
from selfreward_eval.harness.comparing.pairing import pair_task
from selfreward_eval.harness.comparing.records import Arm, Comparison, TaskComparison, write_comparison
from selfreward_eval.harness.comparing.relative import relative
from selfreward_eval.harness.runs.reader import Run, load_run

__all__ = ["Comparison", "Run", "arm_of", "compare_runs", "load_run", "write_comparison"]


def compare_runs(
    a: Run, b: Run, *, family: str = "headlines", correction: str = "holm", own: Collection[str] = ()
) -> Comparison:
    """The paired comparison of two finished runs.

    Args:
        a: the run before.
        b: the run after.
        family: what is corrected together, see :func:`selfreward_eval.harness.comparing.families.declare`.
        correction: ``holm``, ``bh`` or ``by``.
        own: generation settings that each arm chose for itself, see
            :func:`selfreward_eval.harness.comparing.comparable.require_comparable`.

    Raises:
        NotComparable: the runs differ in more than the model.
        InputError: sample records that contradict their own run.
        UsageError: a family of scores that are not compared, or an unknown correction.
    """
    require_comparable(a, b, own)
    tasks = {task: _compare_task(task, a, b) for task in shared_tasks(a, b)}
    families = declare(family, correction, {name: list(task.categories) for name, task in tasks.items()})
    only = {task: str(a.folder) for task in a.scores if task not in b.scores}
    only |= {task: str(b.folder) for task in b.scores if task not in a.scores}
    note = pairing_note({"A": a, "B": b})
    return Comparison(arm_of(a), arm_of(b), _corrected(tasks, families), only, families, note)


def arm_of(run: Run) -> Arm:
    """What a comparison says of a run."""
    model = dict(run.manifest.identity.get("model", {}))
    return Arm(str(run.folder), run.name, model, run.manifest.fingerprint)


def _compare_task(task: str, a: Run, b: Run) -> TaskComparison:
    paired = pair_task(task, (a, b), ("A", "B"))
    scores = paired.scores
    return TaskComparison(
        task=task,
        version=scores.version,
        metric=scores.metric,
        macro=scores.macro,
        higher_is_better=scores.higher_is_better,
        planned_items=paired.planned_items,
        overall=contrast(paired),
        categories={name: contrast(paired, name) for name in paired.categories},
        unmatched=paired.unmatched,
        relative=relative(paired, (a, b)),
    )


def _corrected(tasks: Mapping[str, TaskComparison], families: Sequence[Family]) -> dict[str, TaskComparison]:
    """The same with adjusted p-values, and verdicts that go by them."""
    contrasts = {key_of(name): (task.overall, task.higher_is_better) for name, task in tasks.items()}
    for name, task in tasks.items():
        for category, contrast_ in task.categories.items():
            contrasts[key_of(name, category)] = (contrast_, task.higher_is_better)
    with_verdicts = corrected(contrasts, families)
    return {
        name: replace(
            task,
            overall=with_verdicts[key_of(name)],
            categories={category: with_verdicts[key_of(name, category)] for category in task.categories},
        )
        for name, task in tasks.items()
    }
