"""The numbers a rule is judged by: gains or scores of its items, and how many items were planned.

All numbers are signed so that larger is better, whatever the direction of the metric.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import fsum

from selfreward_eval.harness.comparing.pairing import PairedItem, PairedTask, pair_task
from selfreward_eval.harness.gating.policy import Kind, Rule
from selfreward_eval.harness.runs.reader import Run
from selfreward_eval.harness.runs.scores import TaskScores

__all__ = ["Evidence", "TaskRuns", "gather", "mean_over"]


@dataclass(frozen=True)
class TaskRuns:
    """One task in both runs.

    Attributes:
        task: registry name.
        base: the run before; it is finished.
        candidate: the run after; what it lacks counts as not recorded.
    """

    task: str
    base: Run
    candidate: Run

    @cached_property
    def pair(self) -> PairedTask:
        """Both runs, sample by sample."""
        return pair_task(self.task, (self.base, self.candidate), ("base", "candidate"))

    @cached_property
    def alone(self) -> PairedTask:
        """The candidate by itself."""
        return pair_task(self.task, (self.candidate,), ("candidate",))

    @property
    def scores(self) -> TaskScores:
        """What the number means; of the base."""
        return self.base.scores[self.task]

    def planned(self, category: str) -> int:
        """Items planned in a category, recorded or not."""
        return self.scores.categories[category].n_expected // self.pair.images


@dataclass(frozen=True)
class Evidence:
    """The numbers behind one rule.

    Attributes:
        rule: the rule.
        strata: stratum -> gains (for a floor: scores) of its items that have one, larger is better.
        clusters: stratum -> the cluster of every such item.
        ids: stratum -> the id of every such item.
        samples: stratum -> the same item by item and sample by sample.
        base: the base's score over the same samples, in the metric's own direction; None for a floor,
            or where nothing was scored.
        candidate: the candidate's, likewise.
        items: items with a number.
        planned: items that should have one.
        images: samples planned per item.
        coverage: samples with a number over those planned, in [0, 1].
        best: the mean with every missing sample at its most favourable value for the candidate, None
            where none is missing.
        sign: 1, or -1 where lower is better.
        limit: that the mean is tested against.
        width: of the metric's range.
        range: of the metric, in its own direction.
        binary: whether every sample scores 0 or 1.
    """

    rule: Rule
    strata: dict[str, list[float]]
    clusters: dict[str, list[str]]
    ids: dict[str, list[str]]
    samples: dict[str, list[list[float]]]
    base: float | None
    candidate: float | None
    items: int
    planned: int
    images: int
    coverage: float
    best: float | None
    sign: int
    limit: float
    width: float
    range: tuple[float, float]
    binary: bool

    @property
    def empty(self) -> list[str]:
        """Strata without any number; a mean over strata does not exist then."""
        return [name for name, values in self.strata.items() if not values]


def gather(rule: Rule, task_runs: TaskRuns, seen: Collection[str] | None = None) -> Evidence:
    """The evidence for a rule.

    Args:
        rule: on ``task_runs``'s task; its category is one of the base's.
        task_runs: both runs.
        seen: ids of the items that count, as if no other had been planned; None for all.
    """
    scores = task_runs.scores
    sign = 1 if scores.higher_is_better else -1
    task = task_runs.alone if rule.kind is Kind.FLOOR else task_runs.pair
    names = list(scores.categories) if rule.category is None else [rule.category]
    items_of = {name: _items_of(task, name, seen) for name in names}
    planned = {name: task_runs.planned(name) if seen is None else len(items_of[name]) for name in names}
    # Items that neither run recorded were planned too; without a record they can only be counted.
    n_unrecorded = {name: max(0, planned[name] - len(items_of[name])) for name in names}
    if not (scores.macro and rule.category is None):
        items_of = {"": [paired for items in items_of.values() for paired in items]}
        n_unrecorded, planned = {"": sum(n_unrecorded.values())}, {"": sum(planned.values())}
    kept = {name: [paired for paired in items if paired.scored] for name, items in items_of.items()}
    samples = {
        name: [[sign * _gain(row) for row in paired.scored] for paired in items]
        for name, items in kept.items()
    }
    n_scored = sum(len(paired.scored) for items in kept.values() for paired in items)
    n_planned = sum(planned.values()) * task.images
    complete = all(kept.values())
    return Evidence(
        rule=rule,
        strata={name: [fsum(gains) / len(gains) for gains in items] for name, items in samples.items()},
        clusters={name: [paired.item.cluster for paired in items] for name, items in kept.items()},
        ids={name: [paired.item.id for paired in items] for name, items in kept.items()},
        samples=samples,
        base=_score(kept, 0) if complete and rule.kind is not Kind.FLOOR else None,
        candidate=_score(kept, -1) if complete else None,
        items=sum(map(len, kept.values())),
        planned=sum(planned.values()),
        images=task.images,
        coverage=n_scored / n_planned if n_planned else 0.0,
        best=_best(items_of, n_unrecorded, sign, scores.range, rule.kind is not Kind.FLOOR)
        if n_scored < n_planned
        else None,
        sign=sign,
        limit={Kind.MARGIN: -1, Kind.IMPROVE: 1, Kind.FLOOR: sign}[rule.kind] * rule.number,
        width=scores.range[1] - scores.range[0],
        range=scores.range,
        binary=all(
            value in (0.0, 1.0)
            for items in kept.values()
            for paired in items
            for row in paired.scored
            for value in row
        ),
    )


def mean_over(strata: Mapping[str, Sequence[float]]) -> float:
    """The unweighted mean of the strata's means."""
    return fsum(fsum(values) / len(values) for values in strata.values()) / len(strata)


def _items_of(task: PairedTask, category: str, seen: Collection[str] | None) -> list[PairedItem]:
    items = task.categories.get(category, [])
    return items if seen is None else [paired for paired in items if paired.item.id in seen]


def _gain(row: Sequence[float]) -> float:
    """Candidate minus base, or the candidate alone."""
    return row[1] - row[0] if len(row) == 2 else row[0]


def _score(kept: Mapping[str, Sequence[PairedItem]], run: int) -> float:
    means = {}
    for name, items in kept.items():
        place = run % len(items[0].values)
        means[name] = [paired.mean(place) for paired in items]
    return mean_over(means)


def _best(
    items_of: Mapping[str, Sequence[PairedItem]],
    n_unrecorded: Mapping[str, int],
    sign: int,
    value_range: tuple[float, float],
    has_base: bool,
) -> float | None:
    """The mean with every missing sample of the candidate at the best end, of the base at the worst."""
    worst, best = value_range[::sign]
    means = []
    for name, items in items_of.items():
        gains = []
        for paired in items:
            fills = [worst, best] if has_base else [best]
            rows = zip(*paired.values, strict=True)
            filled = [[f if v is None else v for v, f in zip(row, fills, strict=True)] for row in rows]
            gains.append(fsum(sign * _gain(row) for row in filled) / len(filled))
        # An item that was not recorded scores the best; in a pair it gains the whole range.
        gains += [sign * (best - worst if has_base else best)] * n_unrecorded[name]
        if not gains:
            return None
        means.append(fsum(gains) / len(gains))
    return fsum(means) / len(means)
