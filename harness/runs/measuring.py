"""Measures a batch so that one bad sample costs one status, not the batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from selfreward_eval.harness.attempts import attempt_each, reason_of
from selfreward_eval.harness.records import Measurement, Sample, Status
from selfreward_eval.harness.runs.plan import Planned
from selfreward_eval.harness.task import Task

if TYPE_CHECKING:
    from PIL.Image import Image


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
        SelfRewardError: the task cannot measure at all.
    """

    def measure(members: Sequence[tuple[Planned, Sample, Image]]) -> list[Measurement]:
        items = [planned.item for planned, _, _ in members]
        return task.measure(items, [sample for _, sample, _ in members], [shown for _, _, shown in members])

    return attempt_each(
        measure,
        list(zip(batch, samples, pictures, strict=True)),
        lambda _, error: unmeasured(error),
        repeat_single=True,
    )


def unmeasured(error: Exception) -> Measurement:
    """The measurement of a sample over which measuring raised ``error``."""
    return Measurement(Status.MEASUREMENT_ERROR, reason=reason_of(error))


def not_generated(error: Exception) -> Measurement:
    """The measurement of a sample over which the model raised ``error``."""
    return Measurement(Status.GENERATION_ERROR, reason=reason_of(error))
