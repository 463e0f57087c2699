"""Seed noise: how far a score moves when only the run seed changes (A/A runs), and margins from it.

The same checkpoint is run again with another run seed, and every difference is noise.
Given the checkpoint, items are drawn independently, so the noise of a score follows from
how much each item's mean varies between the runs; two runs give one difference of the
score but as many differences of items as there are items. With s_p^2 the variance of item
p between the runs and w_p its weight in the score, a difference of two runs has variance
2 sum(w_p^2 s_p^2), and its size stays below t sqrt(that) as often as Student's t does.
The observed differences of the pairs of runs are reported beside it.

A margin of a gate has to be wider than this noise, and wide enough that a model which
did not change passes the gate as a rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from math import ceil, floor, fsum, log10, sqrt
from typing import Any

from selfreward_eval.harness.comparing.pairing import PairedItem, PairedTask, pair_task
from selfreward_eval.harness.errors import NotComparable, UsageError
from selfreward_eval.harness.identity import differing
from selfreward_eval.harness.runs.reader import Run
from selfreward_eval.harness.stats.means import mean_and_variance, t_quantile

__all__ = ["GATE_ALPHA", "GATE_POWER", "SeedNoise", "TaskNoise", "measure_noise", "noise_json"]

GATE_ALPHA, GATE_POWER = 0.05, 0.8
"""A suggested margin lets an unchanged model pass a one-sided gate at this alpha with this chance."""

SURPRISE = 0.01
"""Error of :attr:`SeedNoise.surprising`: its chance if items are independent, over all pairs of runs."""


@dataclass(frozen=True)
class SeedNoise:
    """The noise of one score.

    Attributes:
        n_items: items scored in every run.
        scores: of every run over these items.
        deltas: second minus first for all pairs of runs.
        se: standard deviation of a difference of two runs, from the items.
        df: its degrees of freedom.
        median: what half of the differences of two runs stay below, in size.
        q95: what 95 % of them stay below.
        q99: what 99 % of them stay below.
        largest: the largest difference that was seen.
        surprising: whether that is more than independent items explain.
        margin: suggested for a gate, above ``q95``; None where no item varied.
        why: why no noise was estimated, else empty.
    """

    n_items: int
    scores: tuple[float, ...]
    deltas: tuple[float, ...]
    se: float | None = None
    df: float | None = None
    median: float | None = None
    q95: float | None = None
    q99: float | None = None
    largest: float | None = None
    surprising: bool = False
    margin: float | None = None
    why: str = ""


@dataclass(frozen=True)
class TaskNoise:
    """The seed noise of one task.

    Attributes:
        task: registry name.
        version: protocol version.
        metric: name of the number.
        overall: of the headline score.
        categories: category -> its noise.
    """

    task: str
    version: str
    metric: str
    overall: SeedNoise
    categories: dict[str, SeedNoise]


def measure_noise(runs: Sequence[Run]) -> dict[str, TaskNoise]:
    """Task -> its seed noise, for the tasks that all runs did.

    Args:
        runs: of one checkpoint with other run seeds, at least two.

    Raises:
        UsageError: fewer than two runs.
        NotComparable: they differ in more than the seed, or do not differ in it.
        InputError: sample records that contradict their own run.
    """
    if len(runs) < 2:
        raise UsageError("noise shows between runs: name two or more of the same checkpoint")
    tasks = [task for task in runs[0].scores if all(task in run.scores for run in runs)]
    if not tasks:
        raise NotComparable("no task was done by all of the runs; run them on the same one")
    for a, b in combinations(runs, 2):
        _require_other_seed(a, b, tasks)
    letters = [f"run {k}" for k in range(1, len(runs) + 1)]
    return {task: _noise_of(pair_task(task, runs, letters)) for task in tasks}


def noise_json(noise: Mapping[str, TaskNoise], runs: Sequence[Run]) -> dict[str, Any]:
    """The noise of every task as JSON values."""
    folders = [{"folder": str(run.folder), "seed": run.manifest.identity["seed"]} for run in runs]
    tasks = {name: asdict(task) for name, task in noise.items()}
    return {"schema": 1, "runs": folders, "gate": {"alpha": GATE_ALPHA, "power": GATE_POWER}, "tasks": tasks}


def _require_other_seed(a: Run, b: Run, tasks: Sequence[str]) -> None:
    first, second = ({**run.manifest.identity, "tasks": _planned(run, tasks)} for run in (a, b))
    others = [difference for difference in differing(first, second) if difference.field != "seed"]
    if others:
        fields = "; ".join(f"{difference.field}: {difference.a} != {difference.b}" for difference in others)
        raise NotComparable(
            f"{a.folder} and {b.folder} differ in more than the seed: {fields}; A/A runs are the same "
            "checkpoint with the same settings"
        )
    if first["seed"] == second["seed"]:
        raise NotComparable(
            f"{a.folder} and {b.folder} have the same seed ({first['seed']}), so nothing can differ; run one "
            "again with another --seed"
        )
    for task in tasks:
        seeds = {(r.sample.item_id, r.sample.index): r.sample.seed for r in a.records[task]}
        for record in b.records[task]:
            sample = record.sample
            if seeds.get((sample.item_id, sample.index)) == sample.seed:
                raise NotComparable(
                    f"{a.folder} and {b.folder} drew sample {sample.index} of {task} item "
                    f"{sample.item_id!r} from the same seed {sample.seed}: the seed policy "
                    f"{first.get('seed_policy')!r} does not follow --seed; use --seed-policy hashed"
                )


def _planned(run: Run, tasks: Sequence[str]) -> dict[str, Any]:
    return {task: run.manifest.identity["tasks"][task] for task in tasks}


def _noise_of(paired: PairedTask) -> TaskNoise:
    scores = paired.scores
    headline = paired.categories if scores.macro else {"": paired.items}
    return TaskNoise(
        task=scores.task,
        version=scores.version,
        metric=scores.metric,
        overall=_noise(headline),
        categories={name: _noise({name: items}) for name, items in paired.categories.items()},
    )


def _noise(strata: Mapping[str, Sequence[PairedItem]]) -> SeedNoise:
    """The noise of a mean, or of an unweighted mean over several strata."""
    tables = [[row for item in items if (row := _means(item))] for items in strata.values()]
    empty = [name for name, rows in zip(strata, tables, strict=True) if not rows]
    count = sum(map(len, tables))
    if empty:
        where = f" in {', '.join(empty)}" if any(empty) else ""
        return SeedNoise(count, (), (), why=f"no item is scored in every run{where}")
    columns = [[fsum(column) / len(rows) for column in zip(*rows, strict=True)] for rows in tables]
    scores = tuple(fsum(parts) / len(parts) for parts in zip(*columns, strict=True))
    deltas = tuple(second - first for first, second in combinations(scores, 2))
    freedom = len(scores) - 1
    parts = [
        (mean_and_variance(row)[1] or 0.0) / (len(tables) * len(rows)) ** 2 for rows in tables for row in rows
    ]
    variance = 2 * fsum(parts)
    largest = max(map(abs, deltas))
    if variance == 0:
        why = "every item had the same mean in every run: the seed changed nothing"
        return SeedNoise(count, scores, deltas, largest=largest, why=why)
    # Satterthwaite's, with the fourth powers freed of the bias that few runs give them.
    df = (freedom + 2) * fsum(parts) ** 2 / fsum(part**2 for part in parts)
    se = sqrt(variance)
    median, q95, q99 = (t_quantile(df, 0.5 + share / 2) * se for share in (0.5, 0.95, 0.99))
    passable = (t_quantile(df, 1 - GATE_ALPHA) + t_quantile(df, GATE_POWER)) * se
    limit = t_quantile(df, 1 - SURPRISE / len(deltas) / 2) * se
    margin = _rounded_up(max(q95, passable))
    return SeedNoise(count, scores, deltas, se, df, median, q95, q99, largest, largest > limit, margin)


def _means(item: PairedItem) -> list[float]:
    """An item's mean in every run over the samples scored there; empty where a run has none."""
    scored = [[value for value in run if value is not None] for run in item.values]
    return [fsum(values) / len(values) for values in scored] if all(scored) else []


def _rounded_up(value: float) -> float:
    """The next number of two digits above ``value``: 0.02341 becomes 0.024."""
    step = floor(log10(value)) - 1
    digits = floor(value / 10.0**step) + 1
    return round(digits * 10.0**step, max(0, -step)) if step < 0 else float(ceil(value))
