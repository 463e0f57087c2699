"""Rescores the judged tasks of a recorded run from stored replies; no judge is asked, no file overwritten."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from selfreward_eval.harness.errors import RunFolderError, UsageError
from selfreward_eval.harness.records import Item, SampleRecord
from selfreward_eval.harness.runs.reader import Run
from selfreward_eval.harness.runs.scores import TaskScores, summarise
from selfreward_eval.harness.task import Remeasures, Task
from selfreward_eval.tasks.judged.agreement import Agreement, panel_agreement
from selfreward_eval.tasks.judged.rescoring import rescored

__all__ = ["Rescored", "is_rescorable", "recorded_settings", "rescore_task"]

Move = tuple[str, str]
"""(status that was recorded, status now)."""


@dataclass(frozen=True)
class Rescored:
    """One task of a run, as recorded and as rescored.

    Attributes:
        recorded: the run's own scores.
        scores: the rescored ones, from the same replies.
        settings: the task's arguments for rescoring, such as its parser.
        with_replies: number of samples that hold a judge's replies; the others are unchanged.
        changed: number of samples whose status or values changed.
        moves: (recorded status, new status) -> number of samples, for changed statuses only.
        records: the rescored samples.
        agreement: of the panel of judges, on the headline's metric; None for a single judge.
    """

    recorded: TaskScores
    scores: TaskScores
    settings: Mapping[str, Any]
    with_replies: int
    changed: int
    moves: Mapping[Move, int]
    records: tuple[SampleRecord, ...]
    agreement: Agreement | None = None

    @property
    def parser(self) -> str | None:
        """Name of the parser, if the task has parsers."""
        return self.settings.get("parser")

    def to_json(self, *, samples: bool = False) -> dict[str, Any]:
        """JSON values; with the new measurement of every sample if ``samples``."""
        out: dict[str, Any] = {
            "task": self.scores.task,
            "settings": dict(self.settings),
            "recorded": self.recorded.to_json(),
            "rescored": self.scores.to_json(),
            "samples_with_replies": self.with_replies,
            "samples_changed": self.changed,
            "status_changes": [
                {"recorded": old, "rescored": new, "samples": count}
                for (old, new), count in self.moves.items()
            ],
        }
        if self.agreement is not None:
            out["agreement"] = asdict(self.agreement)
        if samples:
            out["samples"] = [
                {
                    "item": record.item.id,
                    "index": record.sample.index,
                    "status": str(record.measurement.status),
                    "values": dict(record.measurement.values),
                    "reason": record.measurement.reason,
                }
                for record in self.records
            ]
        return out


def is_rescorable(factory: Callable[..., Any]) -> bool:
    """Whether the task class ``factory`` can measure recorded replies; no task is built to find out."""
    return isinstance(factory, type) and issubclass(factory, Remeasures)


def recorded_settings(factory: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of ``factory`` that are in a run's recorded options, such as its parser.

    They are the defaults for rescoring; the user may change them.
    """
    known = inspect.signature(factory).parameters
    return {
        name: value
        for name, value in options.items()
        if name in known and isinstance(value, str | bool | int | float)
    }


def rescore_task(run: Run, task: Task, settings: Mapping[str, Any]) -> Rescored:
    """The scores of ``task`` in ``run``, recomputed from the recorded replies.

    Args:
        run: a finished run with the task.
        task: the same task, possibly with another parser. Neither its judge nor its data is needed.
        settings: the arguments that ``task`` was built with, recorded beside the numbers.

    Raises:
        UsageError: the run has no such task, or it cannot be scored without its judge.
        RunFolderError: the run lacks items that it planned.
        InputError: a sample's replies are damaged; the message names it.
    """
    name = task.info.name
    if name not in run.scores:
        raise UsageError(f"the run in {run.folder} has no task {name!r}; it has {', '.join(run.scores)}")
    if not isinstance(task, Remeasures):
        raise UsageError(f"task {name!r} keeps no judge's replies, so it cannot be scored anew; run it again")
    before = run.records[name]
    after = rescored(task, before)
    planned = run.manifest.identity["tasks"][name]
    items = _items(run, name, after)
    scores = summarise(
        task.info, task.metrics[0], items, after, int(planned["images_per_item"]), task.extra(after)
    )
    pairs = [(old.measurement, new.measurement) for old, new in zip(before, after, strict=True)]
    moves = Counter((str(old.status), str(new.status)) for old, new in pairs if old.status != new.status)
    return Rescored(
        recorded=run.scores[name],
        scores=scores,
        settings=dict(settings),
        with_replies=sum("replies" in old.evidence for old, _ in pairs),
        changed=sum((old.status, old.values) != (new.status, new.values) for old, new in pairs),
        moves=dict(sorted(moves.items())),
        records=tuple(after),
        agreement=panel_agreement(task, before, task.metrics[0].name),
    )


def _items(run: Run, name: str, records: Sequence[SampleRecord]) -> list[Item]:
    """The planned items in the benchmark's order, as the records hold them."""
    ordered = sorted(records, key=lambda record: record.doc_id)
    items = list({record.item.id: record.item for record in ordered}.values())
    planned = int(run.manifest.identity["tasks"][name]["n_items"])
    if len(items) != planned:
        raise RunFolderError(
            f"{run.folder} holds samples of {len(items)} of the {planned} items of {name!r}; "
            "run the same command again to complete it, then rescore"
        )
    return items
