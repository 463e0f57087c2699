"""Lets a task ask the model itself about a batch of items, and measures the texts that come back.

For tasks whose questions are not one picture and one text each, such as multiple
choice by likelihood, or continuing a text.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.attempts import attempt_each
from selfreward_eval.harness.plugins import calling
from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord
from selfreward_eval.harness.runs.answering import text_sample
from selfreward_eval.harness.runs.contract import named
from selfreward_eval.harness.runs.measuring import measured, not_generated, unmeasured
from selfreward_eval.harness.runs.plan import Planned
from selfreward_eval.harness.runs.store import RunFolder
from selfreward_eval.harness.task import Responds, Task
from selfreward_eval.harness.user_files.pictures import Unreadable, as_rgb

if TYPE_CHECKING:
    from PIL.Image import Image


def respond_batch(
    model: Any, task: Task, folder: RunFolder, batch: Sequence[Planned]
) -> list[tuple[SampleRecord, bool]]:
    """Asks and measures; (record, newly answered) in plan order. ``task`` is one that :class:`Responds`."""
    assert isinstance(task, Responds)
    began = time.monotonic()
    responses = _responses(model, task, [planned.item for planned in batch])
    per_answer = (time.monotonic() - began) / len(batch)
    records = []
    for planned, outcome in zip(batch, responses, strict=True):
        began = time.monotonic()
        if isinstance(outcome, Measurement):
            sample, measurement = Sample(planned.item.id, planned.index, planned.seed), outcome
        else:
            sample = text_sample(task, folder, planned, _shown(task, planned.item), outcome)
            measurement = _measured(task, planned.item, sample)
        timing = {"gen_s": round(per_answer, 4), "score_s": round(time.monotonic() - began, 4)}
        records.append((SampleRecord(planned.doc_id, planned.item, sample, measurement, timing), True))
    return records


def _responses(model: Any, task: Responds, items: Sequence[Item]) -> list[str | Measurement]:
    """Texts, or failures with their reason."""

    def ask(members: Sequence[Item]) -> list[str | Measurement]:
        return list(task.respond(model, members))

    return attempt_each(ask, items, lambda _, error: not_generated(error))


def _shown(task: Task, item: Item) -> Image | None:
    """The picture for the item's page; none where it cannot be shown, as the answer does not need it."""
    assert isinstance(task, Responds)
    with calling(named(task), f"shown() of item {item.id!r}"):
        picture = task.shown(item)
    try:
        return None if picture is None else as_rgb(picture)
    except Unreadable:
        return None


def _measured(task: Task, item: Item, sample: Sample) -> Measurement:
    (measurement,) = attempt_each(
        lambda items: measured(task, task.measure(items, [sample], []), 1),
        [item],
        lambda _, error: unmeasured(error),
    )
    return measurement
