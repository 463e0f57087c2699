"""Measures a batch so that one bad sample costs one status, not the batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from selfreward_eval.harness.errors import SelfRewardError
from selfreward_eval.harness.records import Measurement, Sample, Status
from selfreward_eval.harness.runs.plan import Planned
from selfreward_eval.harness.task import Task

if TYPE_CHECKING:
    from PIL.Image import Image


def measure_each(
    task: Task, batch: Sequence[Planned], samples: Sequence[Sample], pictures: Sequence[Image]
) -> list[Measurement]:
    """Measurements; a batch that fails is measured again one by one, so one bad picture costs one status."""
    if not batch:
        return []
    try:
        return task.measure([p.item for p in batch], samples, pictures)
    except SelfRewardError:
        raise
    except Exception:
        out = []
        for p, sample, picture in zip(batch, samples, pictures, strict=True):
            try:
                out += task.measure([p.item], [sample], [picture])
            except SelfRewardError:
                raise
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                out.append(Measurement(Status.MEASUREMENT_ERROR, reason=reason))
        return out
