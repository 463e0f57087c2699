"""Has a task put a batch of items to the model itself, and measures what came back as text.

For tasks whose questions are not one picture and one text each: they compare
likelihoods of several texts, or go on with a text.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from selfreward_eval.harness.errors import SelfRewardError
from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord, Status
from selfreward_eval.harness.runs.answering import text_sample
from selfreward_eval.harness.runs.plan import Planned
from selfreward_eval.harness.runs.store import RunFolder
from selfreward_eval.harness.task import Task

if TYPE_CHECKING:
    from PIL.Image import Image


@runtime_checkable
class Responds(Protocol):
    """A task that asks the model in its own way."""

    def respond(self, model: Any, items: Sequence[Item]) -> list[str]:
        """What the model says to every item, as the text of its sample; from it alone the task measures.

        The same in any batch. ``model`` has the capability that the task's info names.
        """
        ...

    def shown(self, item: Item) -> Image | None:
        """The picture that ``item`` is about, to be kept beside the text; None if there is none."""
        ...


def respond_batch(
    model: Any, task: Task, folder: RunFolder, batch: Sequence[Planned]
) -> list[tuple[SampleRecord, bool]]:
    """Asks and measures; (record, newly answered) in plan order. A batch that fails is asked one by one."""
    assert isinstance(task, Responds)
    began = time.monotonic()
    said = _responses(model, task, [planned.item for planned in batch])
    per_answer = (time.monotonic() - began) / len(batch)
    records = []
    for planned, outcome in zip(batch, said, strict=True):
        began = time.monotonic()
        if isinstance(outcome, Measurement):
            sample, found = Sample(planned.item.id, planned.index, planned.seed), outcome
        else:
            sample = text_sample(task, folder, planned, task.shown(planned.item), outcome)
            found = _measured(task, planned.item, sample)
        timing = {"gen_s": round(per_answer, 4), "score_s": round(time.monotonic() - began, 4)}
        records.append((SampleRecord(planned.doc_id, planned.item, sample, found, timing), True))
    return records


def _responses(model: Any, task: Responds, items: Sequence[Item]) -> list[str | Measurement]:
    """Texts, or failures with their reason."""
    try:
        return list(task.respond(model, items))
    except SelfRewardError:
        raise
    except Exception as error:
        if len(items) == 1:
            return [Measurement(Status.GENERATION_ERROR, reason=f"{type(error).__name__}: {error}")]
        return [outcome for item in items for outcome in _responses(model, task, [item])]


def _measured(task: Task, item: Item, sample: Sample) -> Measurement:
    try:
        (found,) = task.measure([item], [sample], [])
    except SelfRewardError:
        raise
    except Exception as error:
        return Measurement(Status.MEASUREMENT_ERROR, reason=f"{type(error).__name__}: {error}")
    return found
