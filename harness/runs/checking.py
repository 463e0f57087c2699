"""Whether a run's samples are those it planned, and its results those that its samples give.

A reader has the run's manifest and not its task, so it checks what the manifest knows: how many items and
samples there are, and the seed of each where seeds are hashed. The run itself, which has the task, compares
every record with its plan (:func:`selfreward_eval.harness.runs.plan.require_planned`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, isfinite
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError, RunFolderError
from selfreward_eval.harness.records import Item, Manifest, SampleRecord, Status
from selfreward_eval.harness.runs.plan import Planned
from selfreward_eval.harness.runs.scores import Score, TaskScores
from selfreward_eval.harness.seeds import sample_seed
from selfreward_eval.harness.task import Task

__all__ = ["OWN_SEEDS", "TOLERANCE", "TaskPlan", "require_agreement", "require_plan"]

OWN_SEEDS = "own_seeds"
"""In a manifest's environment: the tasks whose hashed seeds follow from another id than ``name@version``,
such as one whose pictures are the same for several versions. Of these a reader cannot work out a seed."""

TOLERANCE = 1e-9
"""Relative to the metric's range: how far a recorded score may lie from the one its samples give."""


def has_own_seeds(task: Task, planned: Sequence[Planned], run_seed: int) -> bool:
    """Whether the hashed seeds of ``task`` follow from another id than its own."""
    if type(task).seed is Task.seed:
        return False
    return any(one.seed != sample_seed(task.info.id, one.item.id, one.index, run_seed) for one in planned)


@dataclass(frozen=True)
class TaskPlan:
    """What the manifest of a run says about one of its tasks.

    Attributes:
        task: its id, ``name@version``.
        items: how many.
        images: samples per item.
        seed: the run's, where every sample's seed follows from it; None under another policy.
    """

    task: str
    items: int
    images: int
    seed: int | None

    @classmethod
    def of(cls, manifest: Manifest, task: str) -> TaskPlan:
        """The plan of ``task``.

        Raises:
            KeyError, TypeError, ValueError: the manifest has none, or another layout.
        """
        plan: Mapping[str, Any] = manifest.identity["tasks"][task]
        hashed = manifest.identity.get("seed_policy") == "hashed"
        hashed = hashed and task not in manifest.environment.get(OWN_SEEDS, ())
        return cls(
            f"{task}@{plan.get('version', '')}",
            int(plan["n_items"]),
            int(plan["images_per_item"]),
            int(manifest.identity["seed"]) if hashed else None,
        )

    @property
    def samples(self) -> int:
        """Planned samples."""
        return self.items * self.images

    def differs(self, item: str, index: int, seed: int) -> str:
        """How a sample differs from the plan; empty if it may be one of it."""
        if not 0 <= index < self.images:
            return f"its index is {index}, the plan has {self.images} samples per item"
        if self.seed is not None:
            planned = sample_seed(self.task, item, index, self.seed)
            return "" if seed == planned else f"its seed is {seed}, the plan has {planned}"
        return "" if 0 <= seed < 2**63 else f"its seed is {seed}"


def require_plan(path: Path, plan: TaskPlan, records: Iterable[SampleRecord]) -> None:
    """Returns if the records can all be of the plan.

    Args:
        path: of the records, for messages.
        plan: of their task.
        records: one per sample.

    Raises:
        InputError: one that cannot; the message says what differs.
    """
    items: dict[str, Item] = {}
    for record in records:
        sample = record.sample
        differs = plan.differs(sample.item_id, sample.index, sample.seed)
        if not differs and items.setdefault(record.item.id, record.item) != record.item:
            differs = "its prompt, category, cluster or metadata is not that of the item's other samples"
        if differs:
            raise not_planned(path, sample.item_id, sample.index, differs)
    require_item_count(path, plan, items)


def not_planned(path: Path, item: object, index: object, differs: str) -> InputError:
    """The error for a sample that the run did not plan."""
    return InputError(
        f"{path} holds sample {index} of item {item!r}, which is not of this run ({differs}); restore the "
        "file, or move it away and run again"
    )


def require_item_count(path: Path, plan: TaskPlan, items: Sequence[str] | Mapping[str, Any]) -> None:
    """Returns if there are no more items than were planned.

    Raises:
        InputError: there are.
    """
    if len(items) > plan.items:
        raise InputError(
            f"{path} holds {len(items)} items, the plan of the run has {plan.items}; restore the file, or "
            "move it away and run again"
        )


def require_agreement(
    path: Path, plan: TaskPlan, scores: TaskScores, records: Sequence[SampleRecord]
) -> None:
    """Returns if the results can be those of the samples: the same values, counts and failures.

    Where samples are missing (a torn last line), the results must be possible whatever those were.

    Args:
        path: of the records, for messages.
        plan: of the task.
        scores: what the results say.
        records: one per sample.

    Raises:
        InputError: they are not; or a success without a number in the metric's range.
        RunFolderError: results of another layout.
    """
    rows: dict[str, dict[str, list[float | None]]] = {}
    for record in records:
        row = rows.setdefault(record.item.category, {}).setdefault(record.item.id, [])
        row.append(_value(path, scores, record))
    try:
        cells = {name: _Cell(rows.get(name, {}), plan, scores) for name in {**scores.categories, **rows}}
        for name, cell in cells.items():
            recorded = scores.categories.get(name)
            if recorded is None:
                raise _disagreement(path, scores, name, cell.text(), "nothing")
            cell.require(path, name, recorded)
        if not scores.macro:
            every = {item: row for members in rows.values() for item, row in members.items()}
            _Cell(every, plan, scores).require(path, "overall", scores.overall)
            return
        values = [score.value for score in scores.categories.values()]
        known = [value for value in values if value is not None]
        mean = fsum(known) / len(known) if known and len(known) == len(values) else None
        if not _equal(scores, mean, scores.overall.value):
            raise _disagreement(path, scores, "overall", _text(mean), _text(scores.overall.value))
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise RunFolderError(
            f"the results beside {path} were written in another layout ({type(error).__name__}: {error}); "
            "run the same command again to rewrite them"
        ) from error


class _Cell:
    """The samples of one category, or of all, against the score that the results give it."""

    def __init__(
        self, rows: Mapping[str, Sequence[float | None]], plan: TaskPlan, scores: TaskScores
    ) -> None:
        self.plan, self.scores = plan, scores
        self.scored = [[value for value in row if value is not None] for row in rows.values()]
        self.lacking = [plan.images - len(row) for row in rows.values()]
        self.recorded = sum(len(row) for row in rows.values())

    def text(self) -> str:
        return _text(self.mean())

    def mean(self) -> float | None:
        """The mean over items of each item's mean over its scored samples."""
        means = [fsum(row) / len(row) for row in self.scored if row]
        return fsum(means) / len(means) if means else None

    def require(self, path: Path, name: str, told: Score) -> None:
        n_scored = sum(map(len, self.scored))
        missing = told.n_expected - self.recorded
        if missing < 0 or not n_scored <= told.n_scored <= n_scored + missing:
            raise _disagreement(
                path,
                self.scores,
                name,
                f"{n_scored} scored of {self.recorded}",
                f"{told.n_scored} of {told.n_expected}",
            )
        if told.n_scored == n_scored:  # Nothing that is missing had a number.
            agrees = _equal(self.scores, self.mean(), told.value)
        else:
            agrees = self._possible(told)
        if not agrees:
            raise _disagreement(path, self.scores, name, self.text(), _text(told.value))

    def _possible(self, told: Score) -> bool:
        """Whether the recorded value can be had by numbers for the missing samples."""
        if told.value is None:
            return False
        low, high = self.scores.range
        others = told.n_items - sum(1 for row in self.scored if row)
        if others < 0:
            return False
        ends = []
        for end in (low, high):
            filled = [
                (fsum(row) + lacking * end) / (len(row) + lacking)
                for row, lacking in zip(self.scored, self.lacking, strict=True)
                if row
            ]
            ends.append((fsum(filled) + others * end) / told.n_items)
        allowed = _allowed(self.scores)
        return ends[0] - allowed <= told.value <= ends[1] + allowed


def _value(path: Path, scores: TaskScores, record: SampleRecord) -> float | None:
    if record.measurement.status is not Status.SUCCESS:
        return None
    value = record.measurement.values.get(scores.metric)
    low, high = scores.range
    if value is None or not isfinite(value) or not low <= value <= high:
        raise InputError(
            f"{path}: sample {record.sample.index} of item {record.item.id!r} is a success with "
            f"{scores.metric} = {value}, which is not in [{low:g}, {high:g}]; measure it again"
        )
    return value


def _allowed(scores: TaskScores) -> float:
    return TOLERANCE * max(1.0, scores.range[1] - scores.range[0])


def _equal(scores: TaskScores, a: float | None, b: float | None) -> bool:
    return a is b if a is None or b is None else abs(a - b) <= _allowed(scores)


def _text(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.6g}"


def _disagreement(path: Path, scores: TaskScores, name: str, samples: str, results: str) -> InputError:
    return InputError(
        f"{path}: the samples give {scores.task} ({name}) {samples}, the results say {results}; restore the "
        "file, or run the same command again to rewrite the results"
    )
