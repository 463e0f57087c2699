"""Two runs over the same items and seeds: paired differences with intervals and p-values.

>>> comparison = compare_runs(load_run(before), load_run(after))  # doctest: +SKIP
>>> comparison.tasks["shapes_geneval"].overall.verdict  # doctest: +SKIP
'B is better than A'

The unit is the item: its difference is the mean, over the samples scored in both
arms, of second minus first. Nothing is paired in silence: an item that has no
such sample is listed with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import fsum
from typing import Any

from harness.comparable import require_comparable, shared_tasks
from harness.comparison import ALPHA, Arm, Comparison, Contrast, TaskComparison, Unmatched, write_comparison
from harness.errors import InputError
from harness.records import Item, Status
from harness.run_reader import Run, load_run
from harness.scores import NOT_RECORDED, SampleTable, TaskScores
from harness.stats.means import Values, cluster_values, icc, macro_interval, mean_interval
from harness.stats.paired import PairedResult, correlation, paired, paired_macro, se_ratio

__all__ = ["Comparison", "Run", "compare_runs", "load_run", "write_comparison"]


@dataclass(frozen=True)
class _Pair:
    """One item's samples in both arms, aligned by index; None where there is no number."""

    item: Item
    a: list[float | None]
    b: list[float | None]

    @property
    def both(self) -> list[tuple[float, float]]:
        return [(x, y) for x, y in zip(self.a, self.b, strict=True) if x is not None and y is not None]


def compare_runs(a: Run, b: Run) -> Comparison:
    """The paired comparison of two finished runs.

    Raises:
        NotComparable: the runs differ in more than the model.
        InputError: sample records that contradict their own run.
    """
    require_comparable(a, b)
    tasks = {task: _compare_task(task, a, b) for task in shared_tasks(a, b)}
    only = {task: str(a.folder) for task in a.scores if task not in b.scores}
    only |= {task: str(b.folder) for task in b.scores if task not in a.scores}
    return Comparison(_arm(a), _arm(b), tasks, only)


def _arm(run: Run) -> Arm:
    model = dict(run.manifest.identity.get("model", {}))
    return Arm(str(run.folder), run.name, model, run.manifest.fingerprint)


def _compare_task(task: str, a: Run, b: Run) -> TaskComparison:
    scores = a.scores[task]
    plan = a.manifest.identity["tasks"][task]
    planned, images = int(plan["n_items"]), int(plan["images_per_item"])
    items: dict[str, Item] = {}
    # By line number, so that categories come in the task's own order in spite of failures and resumes.
    for record in sorted((*a.records[task], *b.records[task]), key=lambda one: one.doc_id):
        items.setdefault(record.item.id, record.item)
    tables = [_table(run, task, list(items.values()), images, scores) for run in (a, b)]
    pairs = [_Pair(item, tables[0].rows[name], tables[1].rows[name]) for name, item in items.items()]
    strata: dict[str, list[_Pair]] = {}
    for pair in pairs:
        strata.setdefault(pair.item.category, []).append(pair)
    unmatched = tuple(
        Unmatched(
            pair.item.id,
            pair.item.category,
            _reason(tables[0].statuses[pair.item.id], tables[1].statuses[pair.item.id]),
        )
        for pair in pairs
        if not pair.both
    )
    return TaskComparison(
        task=task,
        version=scores.version,
        metric=scores.metric,
        macro=scores.macro,
        higher_is_better=scores.higher_is_better,
        planned_items=planned,
        overall=_contrast(strata if scores.macro else {"": pairs}, planned, images, scores),
        categories={
            name: _contrast({name: members}, len(members), images, scores) for name, members in strata.items()
        },
        unmatched=unmatched,
    )


def _table(run: Run, task: str, items: Sequence[Item], images: int, scores: TaskScores) -> SampleTable:
    try:
        return SampleTable(items, run.records[task], images, scores.metric, scores.range)
    except InputError as error:
        raise InputError(f"{run.folder}: {task}: {error}") from error


def _reason(a: Sequence[str], b: Sequence[str]) -> str:
    """Why two arms have no scored sample in common, from their statuses."""
    parts = []
    for arm, statuses in (("A", a), ("B", b)):
        failed = Counter(status for status in statuses if status != Status.SUCCESS)
        if failed.total() == len(statuses):
            what = "not recorded" if set(failed) == {NOT_RECORDED} else "no sample scored"
            detail = ", ".join(f"{n} {status}" for status, n in sorted(failed.items()))
            parts.append(f"{what} in {arm}" + (f" ({detail})" if what != "not recorded" else ""))
    return "; ".join(parts) or "no sample scored in both A and B"


def _means(pairs: Sequence[_Pair], which: int) -> list[float]:
    return [fsum(both[which] for both in pair.both) / len(pair.both) for pair in pairs]


def _contrast(
    strata: Mapping[str, Sequence[_Pair]], planned_items: int, images: int, scores: TaskScores
) -> Contrast:
    """The difference in one stratum, or the macro mean of several."""
    kept = {name: [pair for pair in pairs if pair.both] for name, pairs in strata.items()}
    matched = [pair for pairs in kept.values() for pair in pairs]
    # An item's difference is the mean of its samples' differences, not the difference of two
    # means: for marks of 0 and 1 it is then exact, and equal differences are equal numbers.
    gaps = [[y - x for x, y in pair.both] for pair in matched]
    done, planned = sum(map(len, gaps)), planned_items * images
    bounds = _bounds(strata, scores.range) if done < planned else (None, None)
    about: dict[str, Any] = {
        "n_items": len(matched),
        "m": images,
        "coverage": done / planned,
        "bound_low": bounds[0],
        "bound_high": bounds[1],
        "icc": icc(gaps),
    }
    empty = [name for name, pairs in kept.items() if not pairs]
    if empty:
        why = "no sample is scored in both arms" + (f" in {', '.join(empty)}" if any(empty) else "")
        return Contrast(method="none", why=why, verdict=f"cannot be compared: {why}", **about)

    def units(values: Sequence[float]) -> dict[str, Values]:
        """Item values (in the order of ``matched``) per stratum, as one per cluster."""
        left = iter(values)
        return {
            name: cluster_values([next(left) for _ in pairs], [pair.item.cluster for pair in pairs])
            for name, pairs in kept.items()
        }

    means_a, means_b = _means(matched, 0), _means(matched, 1)
    strata_a, strata_b = units(means_a), units(means_b)
    gap_units = units([fsum(gap) / len(gap) for gap in gaps])
    if len(kept) > 1:
        result = paired_macro(gap_units)
        arm_a, arm_b = macro_interval(strata_a), macro_interval(strata_b)
    else:
        (only,) = kept
        result = paired(gap_units[only])
        arm_a, arm_b = mean_interval(strata_a[only]), mean_interval(strata_b[only])
    tested = {name: value for name, value in asdict(result).items() if name != "n"}
    return Contrast(
        a=arm_a.value,
        b=arm_b.value,
        correlation=correlation(means_a, means_b),
        se_ratio=se_ratio(result.se, arm_a.se, arm_b.se),
        verdict=_verdict(result, bounds, scores.higher_is_better),
        **about,
        **tested,
    )


def _bounds(
    strata: Mapping[str, Sequence[_Pair]], value_range: tuple[float, float]
) -> tuple[float | None, float | None]:
    """The effect with every unscored sample at the end of the range that lowers it, and that raises it."""
    low, high = value_range

    def effect(fill_a: float, fill_b: float) -> float:
        means = []
        for pairs in strata.values():
            gaps = [
                fsum(
                    (fill_b if y is None else y) - (fill_a if x is None else x)
                    for x, y in zip(pair.a, pair.b, strict=True)
                )
                / len(pair.a)
                for pair in pairs
            ]
            means.append(fsum(gaps) / len(gaps))
        return fsum(means) / len(means)

    return effect(high, low), effect(low, high)


def _verdict(result: PairedResult, bounds: tuple[float | None, float | None], higher_is_better: bool) -> str:
    """The outcome in words."""
    if result.p is None:
        return f"cannot be tested: {result.why}"
    if result.p > ALPHA:
        return "no evidence of a difference"
    better = (result.effect > 0) == higher_is_better
    words = f"B is {'better' if better else 'worse'} than A"
    low, high = bounds
    if low is not None and high is not None and (low <= 0 if result.effect > 0 else high >= 0):
        words += ", where both have scores; the samples without one could undo it"
    return words
