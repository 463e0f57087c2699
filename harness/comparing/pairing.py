"""The samples of several runs, paired item by item.

Unpaired items are reported: an item without a sample that every run scored is listed with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import fsum

from selfreward_eval.harness.comparing.comparable import repeats_itself
from selfreward_eval.harness.comparing.records import Unmatched
from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.records import Item, Status
from selfreward_eval.harness.runs.reader import Run
from selfreward_eval.harness.runs.scores import NOT_RECORDED, SampleTable, TaskScores

__all__ = ["PairedItem", "PairedTask", "pair_task"]


@dataclass(frozen=True)
class PairedItem:
    """One item's samples in every run.

    Attributes:
        item: the item.
        values: per run one value per sample index, None where there is no number.
        by_seed: whether samples of one index were drawn with the same noise. Without it an index says
            nothing, and what each run scored is matched in order.
    """

    item: Item
    values: tuple[Sequence[float | None], ...]
    by_seed: bool = True

    @cached_property
    def scored(self) -> list[tuple[float, ...]]:
        """The samples that every run scored: per sample one number per run."""
        if not self.by_seed:
            known = [[value for value in values if value is not None] for values in self.values]
            return list(zip(*known, strict=False))
        rows = []
        for row in zip(*self.values, strict=True):
            values = tuple(value for value in row if value is not None)
            if len(values) == len(row):
                rows.append(values)
        return rows

    def mean(self, run: int) -> float:
        """The mean of one run over :attr:`scored`, which must not be empty."""
        return fsum(row[run] for row in self.scored) / len(self.scored)


@dataclass(frozen=True)
class PairedTask:
    """One task in several comparable runs.

    Attributes:
        scores: of the first run; what its number means holds for all.
        planned_items: how many items every run planned.
        images: samples planned per item.
        items: every item that a run recorded, in the task's order.
        unmatched: those of them without a sample that every run scored.
    """

    scores: TaskScores
    planned_items: int
    images: int
    items: tuple[PairedItem, ...]
    unmatched: tuple[Unmatched, ...]

    @cached_property
    def categories(self) -> dict[str, list[PairedItem]]:
        """Category -> its items, in the task's order."""
        categories: dict[str, list[PairedItem]] = {}
        for paired in self.items:
            categories.setdefault(paired.item.category, []).append(paired)
        return categories

    @cached_property
    def binary(self) -> bool:
        """Whether every scored sample is right or wrong, 1 or 0."""
        return all(value in (0.0, 1.0) for paired in self.items for row in paired.scored for value in row)


def pair_task(
    task: str, runs: Sequence[Run], letters: Sequence[str], metric: str | None = None
) -> PairedTask:
    """Joins the records of comparable runs.

    Args:
        task: done by all of them.
        runs: at least one; see :mod:`selfreward_eval.harness.comparing.comparable`.
        letters: what a reason calls each run.
        metric: which of the measured values is paired, on the headline's range; the headline's by default.

    Raises:
        InputError: sample records that contradict their own run.
    """
    scores = runs[0].scores[task]
    plan = runs[0].manifest.identity["tasks"][task]
    images = int(plan["images_per_item"])
    items: dict[str, Item] = {}
    # By line number, so that categories come in the task's own order in spite of failures and resumes.
    for record in sorted(
        (record for run in runs for record in run.records[task]), key=lambda record: record.doc_id
    ):
        items.setdefault(record.item.id, record.item)
    names = list(items.values())
    tables = [_table(run, task, names, images, scores, metric or scores.metric) for run in runs]
    by_seed = all(map(repeats_itself, runs))
    paired = tuple(
        PairedItem(item, tuple(table.rows[name] for table in tables), by_seed) for name, item in items.items()
    )
    unmatched = tuple(
        Unmatched(
            paired_item.item.id,
            paired_item.item.category,
            _reason(
                {
                    letter: table.statuses[paired_item.item.id]
                    for letter, table in zip(letters, tables, strict=True)
                }
            ),
        )
        for paired_item in paired
        if not paired_item.scored
    )
    return PairedTask(scores, int(plan["n_items"]), images, paired, unmatched)


def _table(
    run: Run, task: str, items: Sequence[Item], images: int, scores: TaskScores, metric: str
) -> SampleTable:
    try:
        return SampleTable(items, run.records[task], images, metric, scores.range)
    except InputError as error:
        raise InputError(f"{run.folder}: {task}: {error}") from error


def _reason(statuses: dict[str, list[str]]) -> str:
    """Why the runs have no scored sample in common, from their statuses."""
    parts = []
    for letter, found in statuses.items():
        failed = Counter(status for status in found if status != Status.SUCCESS)
        if failed.total() == len(found):
            what = "not recorded" if set(failed) == {NOT_RECORDED} else "no sample scored"
            detail = ", ".join(f"{n} {status}" for status, n in sorted(failed.items()))
            parts.append(f"{what} in {letter}" + (f" ({detail})" if what != "not recorded" else ""))
    *others, last = statuses
    every = "both" if len(others) == 1 else "all of"
    return "; ".join(parts) or f"no sample scored in {every} {', '.join(others)} and {last}"
