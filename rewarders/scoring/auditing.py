"""From scored pictures to audits: one per task, because tasks measure on different scales."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from selfreward_eval.rewarders.auditing.audit import Audit, Column, Pictures, audit
from selfreward_eval.rewarders.auditing.rightness import RightRule, rule
from selfreward_eval.rewarders.base import Rewarder
from selfreward_eval.rewarders.scoring.log import Line
from selfreward_eval.rewarders.scoring.pictures import PictureEntry

if TYPE_CHECKING:
    from selfreward_eval.harness.runs.reader import Run
    from selfreward_eval.harness.runs.scores import TaskScores

PROBABILITY = (0.0, 1.0)
"""A rewarder that declares this range is read as a probability of being right."""


@dataclass(frozen=True, eq=False)
class RewarderLines:
    """One rewarder with its lines, aligned with the entries."""

    label: str
    rewarder: Rewarder
    lines: Sequence[Line]


def rules(
    run: Run, entries: Sequence[PictureEntry], threshold: float | None = None
) -> dict[str, tuple[TaskScores, RightRule]]:
    """Task -> its scores and when a picture of it is right."""
    by_task = {}
    for name in dict.fromkeys(entry.task for entry in entries):
        scores = run.scores[name]
        values = [entry.measured for entry in entries if entry.task == name and entry.measured is not None]
        right = rule(values, scores.range, higher_is_better=scores.higher_is_better, threshold=threshold)
        by_task[name] = (scores, right)
    return by_task


def audits(
    run: Run,
    entries: Sequence[PictureEntry],
    scored: Sequence[RewarderLines],
    threshold: float | None = None,
) -> dict[str, Audit]:
    """Task -> the audit of all rewarders on its pictures.

    Args:
        run: where the pictures and their measurements are from.
        entries: the pictures.
        scored: the rewarders' lines.
        threshold: the measurement from which on a picture is right; None for the rule of
            :mod:`selfreward_eval.rewarders.auditing.rightness`.
    """
    by_task = {}
    for name, (scores, right) in rules(run, entries, threshold).items():
        members = [k for k, entry in enumerate(entries) if entry.task == name]
        of_task = [entries[k] for k in members]
        pictures = Pictures(
            measured=[entry.measured for entry in of_task],
            items=[entry.item for entry in of_task],
            clusters=[entry.unit for entry in of_task],
            categories=[entry.category for entry in of_task],
        )
        instruments = run.manifest.identity["tasks"][name].get("instruments", {})
        columns = [_column(rewarder_lines, members, instruments) for rewarder_lines in scored]
        by_task[name] = audit(name, scores.metric, right, pictures, columns)
    return by_task


def _column(scored: RewarderLines, members: Sequence[int], instruments: Mapping[str, Any]) -> Column:
    info = scored.rewarder.info
    lines = [scored.lines[k] for k in members]
    return Column(
        label=scored.label,
        source=scored.rewarder.source(),
        kind=info.kind,
        title=info.title,
        values=[line.reward.value for line in lines],
        reasons=[
            line.reward.reason or str(line.reward.status) if not line.reward.ok else "" for line in lines
        ],
        seconds=[line.seconds for line in lines if line.seconds is not None],
        probability=info.range == PROBABILITY and info.higher_is_better,
        higher_is_better=info.higher_is_better,
        shared=shared(scored.rewarder.identity(), instruments),
    )


def shared(identity: Mapping[str, Any], instruments: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the benchmark's instruments that a rewarder uses too.

    Such a reward agrees with the benchmark partly because both use the same instrument.
    """
    used = set(_names({key: value for key, value in identity.items() if key != "name"}))
    return tuple(dict.fromkeys(name for name in _names(instruments) if name in used))


def _names(value: Any) -> Iterator[str]:
    """Every ``name`` inside nested identities."""
    if isinstance(value, Mapping):
        if isinstance(value.get("name"), str):
            yield value["name"]
        for inner in value.values():
            yield from _names(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _names(inner)
