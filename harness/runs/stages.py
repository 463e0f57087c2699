"""The two stages of the work on a sample, made and measured, for whichever process does one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from selfreward_eval.harness.records import Measurement, Sample, SampleRecord, Status
from selfreward_eval.harness.runs.answering import answer, measure_answered
from selfreward_eval.harness.runs.aside import Made, asks_a_server
from selfreward_eval.harness.runs.drawing import Phase, draw, measure_drawn
from selfreward_eval.harness.runs.measuring import Raised
from selfreward_eval.harness.runs.plan import Planned
from selfreward_eval.harness.runs.responding import respond_batch
from selfreward_eval.harness.runs.store import RunFolder, sample_from_picture
from selfreward_eval.harness.task import Responds, Task

__all__ = ["Stages", "died", "plain", "stages_of"]


class Stages(NamedTuple):
    """How a batch of a task is made, and how it is measured.

    Attributes:
        make: draws or answers.
        measure: gives the records of what was made.
        apart: whether it may be measured while the model goes on.
    """

    make: Callable[..., Any]
    measure: Callable[[Task, Any], list[Made]]
    apart: bool


def stages_of(task: Task, phase: Phase) -> Stages:
    """The task itself makes a batch where it asks in its own way; else its capability says how."""
    if isinstance(task, Responds):
        return Stages(respond_batch, lambda _, made: made, False)
    apart = phase == "all" and asks_a_server(task)
    if task.info.capability == "answer":
        return Stages(answer, measure_answered, apart)
    return Stages(partial(draw, phase=phase), measure_drawn, apart)


def plain(record: SampleRecord) -> SampleRecord:
    """The record as a file gives it back: without the traceback of what was raised over it."""
    measurement = record.measurement
    return replace(record, measurement=measurement.plain()) if isinstance(measurement, Raised) else record


def died(folder: RunFolder, task: Task, planned: Planned) -> SampleRecord:
    """The record of a sample that is not tried again."""
    path = folder.picture_path(task.info.name, planned.item.id, planned.index, planned.seed)
    picture = folder.read_picture(path)
    sample = Sample(planned.item.id, planned.index, planned.seed)
    status, doing = Status.GENERATION_ERROR, "made"
    if picture is not None and task.info.capability == "generate":
        sample = sample_from_picture(planned.item.id, planned.index, planned.seed, path, picture[1])
        status, doing = Status.MEASUREMENT_ERROR, "measured"
    reason = (
        "process died twice: it ended without an error, such as by the kernel for lack of memory, while "
        f"this sample was being {doing}, the second time alone; --retry-failed tries it again"
    )
    failed = Measurement(status, reason=reason)
    return SampleRecord(planned.doc_id, planned.item, sample, failed, {"gen_s": 0.0, "score_s": 0.0})
