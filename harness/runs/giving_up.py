"""When a model or a task is taken for broken: it raised on every one of the first samples.

One sample over which a plug-in raises costs one status. A plug-in that has raised on each of the first
:data:`GIVE_UP` samples it was tried on (or on all, where there are fewer), while the task has not one
number yet, is broken: nothing of it is recorded, and the run ends with its own error. Pictures that were
drawn stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from selfreward_eval.harness.errors import BrokenPlugin
from selfreward_eval.harness.records import NOT_MADE, SampleRecord, Status
from selfreward_eval.harness.runs.contract import named
from selfreward_eval.harness.runs.measuring import Raised
from selfreward_eval.harness.task import Task

__all__ = ["GIVE_UP", "broken", "has_number", "tried_in_vain"]

GIVE_UP = 16
"""Samples that a plug-in may fail on, from the first on, before it is taken for broken."""

_UNTRIED = NOT_MADE | {Status.MISSING_IMAGE, Status.UNREADABLE_IMAGE}
"""What a sample without a picture is recorded with: the task was not tried on it."""


def has_number(records: Mapping[int, SampleRecord]) -> bool:
    """Whether any sample was measured with success."""
    return any(record.measurement.ok for record in records.values())


def tried_in_vain(pending: Sequence[SampleRecord]) -> int:
    """On how many samples a plug-in raised; 0 as soon as one was measured, or failed for another reason."""
    raised = 0
    for record in pending:
        if isinstance(record.measurement, Raised):
            raised += 1
        elif record.measurement.status not in _UNTRIED:
            return 0
    return raised


def broken(task: Task, pending: Sequence[SampleRecord]) -> BrokenPlugin:
    """The error of a plug-in that raised on every sample it was tried on; at least one is in ``pending``."""
    raised = [(record, record.measurement) for record in pending if isinstance(record.measurement, Raised)]
    measuring = [pair for pair in raised if pair[1].status is Status.MEASUREMENT_ERROR]
    tried = measuring or raised
    record, first = tried[0]
    what = named(task) if measuring else "the model"
    verb = "failed to measure" if measuring else "failed on"
    through = f" in {first.whose}," if first.whose and first.whose.partition(" of ")[0] != what else ""
    return BrokenPlugin(
        f"{what} {verb} each of the first {len(tried)} samples; the first, {record.item.text!r}, with"
        f"{through} {' '.join(first.reason.split())}{first.place}. Nothing was recorded: mend "
        f"{'it' if measuring else 'the model'} and run the same command again",
        trace="".join(first.trace.format()) if first.trace is not None else None,
    )
