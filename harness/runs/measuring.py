"""Measures a batch so that one bad sample costs one status, not the batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from traceback import TracebackException
from typing import TYPE_CHECKING

from selfreward_eval.harness.attempts import attempt_each, reason_of
from selfreward_eval.harness.errors import BrokenPlugin
from selfreward_eval.harness.models.base import NotServed
from selfreward_eval.harness.plugins import place_of
from selfreward_eval.harness.records import Measurement, Sample, Status
from selfreward_eval.harness.registry import responsible
from selfreward_eval.harness.runs.contract import ContractError, checked, named
from selfreward_eval.harness.runs.plan import Planned
from selfreward_eval.harness.task import Task

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class Raised(Measurement):
    """The measurement of a sample over which a plug-in raised; recorded as a plain measurement.

    Attributes:
        place: `` at file:line`` of the code that raised.
        whose: the plug-in of another package in whose code it was raised, or None.
        trace: the traceback, without the values in it, which may be large; None where it is dropped.
    """

    place: str = ""
    whose: str | None = None
    trace: TracebackException | None = None

    def plain(self) -> Measurement:
        """What is recorded of it."""
        return Measurement(self.status, reason=self.reason)


def measure_each(
    task: Task, batch: Sequence[Planned], samples: Sequence[Sample], pictures: Sequence[Image]
) -> list[Measurement]:
    """One measurement per sample; a sample that cannot be measured has the status and the reason.

    Args:
        task: measures.
        batch: what was planned.
        samples: aligned with ``batch``.
        pictures: RGB, aligned with ``batch``.

    Raises:
        BrokenPlugin: the task gave more or fewer measurements than samples, so that none can be trusted
            to belong to its sample.
        SelfRewardError: the task cannot measure at all.
    """

    def measure(members: Sequence[tuple[Planned, Sample, Image]]) -> list[Measurement]:
        items = [planned.item for planned, _, _ in members]
        return measured(
            task,
            task.measure(items, [sample for _, sample, _ in members], [shown for _, _, shown in members]),
            len(members),
        )

    return attempt_each(
        measure,
        list(zip(batch, samples, pictures, strict=True)),
        lambda _, error: unmeasured(error),
        repeat_single=True,
    )


def measured(task: Task, measurements: Sequence[Measurement], count: int) -> list[Measurement]:
    """What a task measured, if it keeps the contract.

    Raises:
        BrokenPlugin: not ``count`` measurements.
        ContractError: one that is no measurement of this task.
    """
    results = [checked(task, measurement) for measurement in measurements]
    if len(results) != count:
        raise BrokenPlugin(
            f"{named(task)}: measure() returned {len(results)} measurements for {count} samples; it must "
            "return one per sample, in order, with a status where there is no number"
        )
    return results


def unmeasured(error: Exception) -> Raised:
    """The measurement of a sample over which measuring raised ``error``."""
    return _raised(Status.MEASUREMENT_ERROR, error)


def not_generated(error: Exception) -> Measurement:
    """The measurement of a sample over which the model raised ``error``, or which it could not serve."""
    if isinstance(error, NotServed):
        return Measurement(error.status, reason=str(error))
    return _raised(Status.GENERATION_ERROR, error)


def _raised(status: Status, error: Exception) -> Raised:
    trace = error.__traceback__
    return Raised(
        status,
        reason=reason_of(error),
        # Where a contract is checked says nothing about who broke it.
        place="" if isinstance(error, ContractError) else place_of(error),
        whose=responsible(trace),
        trace=TracebackException.from_exception(error, lookup_lines=False),
    )
