"""Recomputes measurements from recorded replies, without judge, model or pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.records import SampleRecord
from selfreward_eval.harness.task import Remeasures


def rescored(task: Remeasures, records: Sequence[SampleRecord]) -> list[SampleRecord]:
    """The records with new measurements. Records without a judge's replies are unchanged.

    Raises:
        InputError: a sample's evidence is damaged; the message names it.
    """
    return [_rescored(task, record) for record in records]


def _rescored(task: Remeasures, record: SampleRecord) -> SampleRecord:
    if "replies" not in record.measurement.evidence:
        return record
    try:
        return replace(record, measurement=task.remeasure(record))
    except InputError as error:
        raise InputError(f"sample {record.sample.index} of item {record.item.id!r}: {error}") from error
