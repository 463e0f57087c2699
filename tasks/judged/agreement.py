"""Agreement of the members of a judge panel on a task's scores, from the recorded replies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.judge_panel import panel_replies
from selfreward_eval.harness.instruments.judging import Reply
from selfreward_eval.harness.records import SampleRecord
from selfreward_eval.harness.stats.agreement import krippendorff_alpha
from selfreward_eval.harness.task import Remeasures
from selfreward_eval.tasks.judged.evidence import JudgeSetup, recorded_replies

__all__ = ["Agreement", "panel_agreement"]


@dataclass(frozen=True)
class Agreement:
    """Agreement of a panel on one metric.

    Attributes:
        alpha: Krippendorff's alpha for interval data, at most 1; None where it is not defined.
        samples: number of samples with scores of at least two members.
        failed: per member, in order: number of samples without a score.
    """

    alpha: float | None
    samples: int
    failed: tuple[int, ...]


def panel_agreement(task: Remeasures, records: Sequence[SampleRecord], metric: str) -> Agreement | None:
    """The agreement of the panel that judged ``records``; None if none did.

    The task parses every member's replies as if that member were the only judge. The description that
    later questions refer to is the first member's.

    Raises:
        InputError: a sample's replies are damaged; the message names it.
    """
    rows = [row for record in records if (row := _scores(task, record, metric))]
    if not rows:
        return None
    members = max(map(len, rows))
    return Agreement(
        krippendorff_alpha(rows),
        sum(sum(value is not None for value in row) > 1 for row in rows),
        tuple(sum(k >= len(row) or row[k] is None for row in rows) for k in range(members)),
    )


def _scores(task: Remeasures, record: SampleRecord, metric: str) -> list[float | None]:
    """Every member's score of a sample; empty if the judge was not a panel."""
    evidence = record.measurement.evidence
    if "replies" not in evidence:
        return []
    try:
        stages = {stage: (reply, panel_replies(reply)) for stage, reply in recorded_replies(evidence).items()}
        setup = JudgeSetup.read(evidence, str(evidence.get("parser", "")))
        members = max((len(panel) for _, panel in stages.values()), default=0)
        return [_score(task, record, setup, stages, k, metric) for k in range(members)]
    except (InputError, ValueError) as error:
        raise InputError(f"sample {record.sample.index} of item {record.item.id!r}: {error}") from error


def _score(
    task: Remeasures,
    record: SampleRecord,
    setup: JudgeSetup,
    stages: dict[str, tuple[Reply, list[Reply]]],
    member: int,
    metric: str,
) -> float | None:
    replies: dict[str, Any] = {
        stage: panel[member] if member < len(panel) else reply for stage, (reply, panel) in stages.items()
    }
    as_single_judge = replace(
        record, measurement=replace(record.measurement, evidence=setup.evidence(replies))
    )
    return task.remeasure(as_single_judge).values.get(metric)
