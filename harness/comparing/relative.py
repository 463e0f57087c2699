"""The difference of two relative scores: 100 x a metric's total / a reference's total, in two runs.

A ratio of totals is not the mean of its items' ratios, so every run's ratio is linearised
(:mod:`selfreward_eval.harness.stats.ratio`): one value per item, whose mean is the ratio. The differences of
these values are paired, clustered and tested as any others are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from math import fsum
from typing import Any

from selfreward_eval.harness.comparing.contrast import difference_test, with_verdict
from selfreward_eval.harness.comparing.pairing import PairedItem, PairedTask, pair_task
from selfreward_eval.harness.comparing.records import Contrast, Relative, Robustness
from selfreward_eval.harness.runs.reader import Run
from selfreward_eval.harness.stats.means import cluster_values, mean_interval
from selfreward_eval.harness.stats.paired import correlation, se_ratio
from selfreward_eval.harness.stats.ratio import ratio_values

__all__ = ["relative"]

SCALE = 100.0
"""The ratio of equals: relative scores are printed in per cent."""

DIGITS = 9
"""Decimals of a linearised difference; linearising costs the last few of sixteen digits."""


def relative(paired: PairedTask, runs: Sequence[Run]) -> Relative | None:
    """The relative scores of a task beside its headline, or None where it has none.

    Args:
        paired: the two runs by the task's own metric.
        runs: the same two, A and B.

    Raises:
        InputError: a sample has the metric and no reference, or one outside the metric's range.
    """
    metric, reference = paired.scores.metric, paired.scores.reference
    if reference is None or any(run.scores[paired.scores.task].reference != reference for run in runs):
        return None
    beside = pair_task(paired.scores.task, runs, ("A", "B"), metric=reference)
    both = list(zip(paired.items, beside.items, strict=True))
    rows = {name: [pair for pair in both if pair[0].item.category == name] for name in paired.categories}
    return Relative(
        name=f"{SCALE:g} x {metric} / {reference}",
        overall=_contrast(paired, both, paired.planned_items),
        categories={name: _contrast(paired, pairs, len(pairs)) for name, pairs in rows.items()},
    )


def _contrast(task: PairedTask, pairs: Sequence[tuple[PairedItem, PairedItem]], planned: int) -> Contrast:
    """The difference over some items; each comes with its metric's values and its reference's."""
    kept = [pair for pair in pairs if pair[0].scored]
    n_scored, n_planned = sum(len(item.scored) for item, _ in kept), planned * task.images
    low, high = _bounds(pairs, task.scores.range) if n_scored < n_planned else (None, None)
    coverage_fields: dict[str, Any] = {
        "n_items": len(kept),
        "m": task.images,
        "coverage": n_scored / n_planned,
        "bound_low": low,
        "bound_high": high,
    }
    if not kept:
        why = "no sample is scored in both arms"
        return Contrast(method="none", why=why, verdict=f"cannot be compared: {why}", **coverage_fields)
    scores, references = ([[row[k].mean(run) for row in kept] for run in (0, 1)] for k in (0, 1))
    if any(fsum(column) == 0 for column in references):
        why = "the references of a run have a total of 0, so there is no ratio to it"
        return Contrast(method="none", why=why, verdict=f"cannot be compared: {why}", **coverage_fields)
    values = [ratio_values(score, base, SCALE) for score, base in zip(scores, references, strict=True)]
    clusters = [item.item.cluster for item, _ in kept]
    # Rounded, so that differences that are equal but for the last digits are ties, as they are in the scores.
    differences = [round(after - before, DIGITS) for before, after in zip(*values, strict=True)]
    # A ratio has no range.
    chosen = difference_test(
        {"": differences}, m=task.images, binary=False, width=None, clusters={"": clusters}
    )
    arm_intervals = [mean_interval(cluster_values(column, clusters)) for column in values]
    result = asdict(chosen.result)
    result["why"] = f"a ratio of totals, linearised item by item; {chosen.result.why}"
    bca = chosen.robustness
    difference = Contrast(
        a=arm_intervals[0].value,
        b=arm_intervals[1].value,
        correlation=correlation(*values),
        se_ratio=se_ratio(chosen.result.se, arm_intervals[0].se, arm_intervals[1].se),
        verdict="",
        n_units=result.pop("n"),
        bca=Robustness(bca.low, bca.high, chosen.agrees, bca.why, bca.method),
        **coverage_fields,
        **result,
    )
    return with_verdict(difference, task.scores.higher_is_better)


def _bounds(
    both: Sequence[tuple[PairedItem, PairedItem]], value_range: tuple[float, float]
) -> tuple[float | None, float | None]:
    """The difference had every unscored sample gone the way that lowers it, and that raises it.

    The worst is the lowest score beside the highest reference. Without a positive lower end of the range
    the ratio has no bounds.
    """
    low, high = value_range
    if low <= 0:
        return None, None

    def total(k: int, run: int, fill: float) -> float:
        sums = ([fill if one is None else one for one in pair[k].values[run]] for pair in both)
        return fsum(fsum(filled) / len(filled) for filled in sums)

    worst, best = (
        [SCALE * total(0, run, score) / total(1, run, base) for run in (0, 1)]
        for score, base in ((low, high), (high, low))
    )
    return worst[1] - best[0], best[1] - worst[0]
