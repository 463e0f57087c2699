"""From scored pictures to audits: one per task, because two tasks' measurements are no one scale."""

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
class Scored:
    """One rewarder with its lines, aligned with the entries."""

    label: str
    rewarder: Rewarder
    lines: Sequence[Line]


def rules(
    run: Run, entries: Sequence[PictureEntry], threshold: float | None = None
) -> dict[str, tuple[TaskScores, RightRule]]:
    """Task -> its scores and when a picture of it is right."""
    found = {}
    for name in dict.fromkeys(one.task for one in entries):
        scores = run.scores[name]
        values = [one.measured for one in entries if one.task == name and one.measured is not None]
        made = rule(values, scores.range, higher_is_better=scores.higher_is_better, threshold=threshold)
        found[name] = (scores, made)
    return found


def audits(
    run: Run,
    entries: Sequence[PictureEntry],
    scored: Sequence[Scored],
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
    found = {}
    for name, (scores, made) in rules(run, entries, threshold).items():
        members = [k for k, one in enumerate(entries) if one.task == name]
        mine = [entries[k] for k in members]
        pictures = Pictures(
            measured=[one.measured for one in mine],
            items=[one.item for one in mine],
            clusters=[one.unit for one in mine],
            categories=[one.category for one in mine],
        )
        instruments = run.manifest.identity["tasks"][name].get("instruments", {})
        columns = [_column(one, members, instruments) for one in scored]
        found[name] = audit(name, scores.metric, made, pictures, columns)
    return found


def _column(one: Scored, members: Sequence[int], instruments: Mapping[str, Any]) -> Column:
    info = one.rewarder.info
    lines = [one.lines[k] for k in members]
    return Column(
        label=one.label,
        source=one.rewarder.source(),
        kind=info.kind,
        title=info.title,
        values=[line.reward.value for line in lines],
        reasons=[
            line.reward.reason or str(line.reward.status) if not line.reward.ok else "" for line in lines
        ],
        seconds=[line.seconds for line in lines if line.seconds is not None],
        probability=info.range == PROBABILITY and info.higher_is_better,
        higher_is_better=info.higher_is_better,
        shared=shared(one.rewarder.identity(), instruments),
    )


def shared(identity: Mapping[str, Any], instruments: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the benchmark's instruments that a rewarder uses too.

    Such a reward agrees with the benchmark partly because both look through the same eyes.
    """
    mine = set(_names({key: value for key, value in identity.items() if key != "name"}))
    return tuple(dict.fromkeys(name for name in _names(instruments) if name in mine))


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
