"""The audit of several rewarders on the same pictures: statistics of each, and their agreement.

Rewards are turned so that more is better, and so are measurements. A reward that is missing is left out
of every number and counted with its reason; each rewarder's numbers are over the pictures that it scored,
agreement over those that both scored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from selfreward_eval.rewarders.auditing.calibration import Bin, by_rank, reliability
from selfreward_eval.rewarders.auditing.clusters import Estimate
from selfreward_eval.rewarders.auditing.ranking import (
    RocPoint,
    area,
    inside_area,
    inside_order,
    rank_correlation,
    roc,
    separation,
    spearman,
)
from selfreward_eval.rewarders.auditing.rightness import RightRule

__all__ = ["Agreement", "Audit", "Column", "Pictures", "RewarderAudit", "audit"]

MIN_PICTURES = 3
"""Pictures below which no rank correlation is given."""


@dataclass(frozen=True)
class Pictures:
    """What was measured, one entry per picture.

    Attributes:
        measured: the benchmark's value; None where there is none.
        items: of every picture; items are compared within.
        clusters: of every picture; pictures that share one are not independent.
        categories: of every picture.
    """

    measured: Sequence[float | None]
    items: Sequence[Hashable]
    clusters: Sequence[Hashable]
    categories: Sequence[str]


@dataclass(frozen=True)
class Column:
    """One rewarder's rewards of these pictures.

    Attributes:
        label: its name in tables.
        source: name and fingerprint.
        kind: ``self``, ``external`` or ``control``.
        title: one line.
        values: aligned with the pictures; None where there is none.
        reasons: why there is none, aligned; empty where there is a value.
        seconds: per picture; empty where they are not known.
        probability: whether the values are read as probabilities of being right.
        higher_is_better: direction.
        shared: instruments that the benchmark measures with too.
    """

    label: str
    source: str
    kind: str
    title: str
    values: Sequence[float | None]
    reasons: Sequence[str]
    seconds: Sequence[float] = ()
    probability: bool = False
    higher_is_better: bool = True
    shared: tuple[str, ...] = ()


@dataclass(frozen=True)
class RewarderAudit:
    """The statistics of one rewarder.

    Attributes:
        label: its name in tables.
        source: name and fingerprint.
        kind: ``self``, ``external`` or ``control``.
        title: one line.
        scored: pictures with a reward and a measurement.
        unscored: reason -> pictures without a reward.
        correlation: Spearman's, with the measurement, over all pictures.
        auc: right against wrong, over all pictures.
        separation: mean of the right minus mean of the wrong, in standard deviations.
        inside_auc: right against wrong among the pictures of one item.
        inside_order: Somers' D among the pictures of one item.
        by_category: category -> ``correlation`` and ``auc``.
        calibration: bins of the reliability table, or of equal rank.
        calibration_error: expected calibration error; None unless the reward is a probability.
        roc: the curve behind ``auc``.
        seconds: median per picture; None where it is not known.
        shared: instruments that the benchmark measures with too.
    """

    label: str
    source: str
    kind: str
    title: str
    scored: int
    unscored: Mapping[str, int]
    correlation: Estimate
    auc: Estimate
    separation: Estimate
    inside_auc: Estimate
    inside_order: Estimate
    by_category: Mapping[str, Mapping[str, Estimate]]
    calibration: tuple[Bin, ...]
    calibration_error: float | None
    roc: tuple[RocPoint, ...] = field(repr=False)
    seconds: float | None = None
    shared: tuple[str, ...] = ()


@dataclass(frozen=True)
class Agreement:
    """Rank correlation of two rewarders over the pictures that both scored.

    Attributes:
        value: Spearman's; None where one of them never varies or fewer than three are shared.
        n: pictures.
    """

    value: float | None
    n: int


@dataclass(frozen=True)
class Audit:
    """All rewarders on the pictures of one task.

    Attributes:
        task: its name.
        metric: what was measured.
        right_rule: when a picture is right, in words.
        pictures: how many there are.
        measured: how many of them have a measurement.
        right: how many of these are right.
        items: how many items they belong to.
        rewarders: one audit each.
        agreement: label -> label -> agreement, both ways.
    """

    task: str
    metric: str
    right_rule: str
    pictures: int
    measured: int
    right: int
    items: int
    rewarders: tuple[RewarderAudit, ...]
    agreement: Mapping[str, Mapping[str, Agreement]]

    def to_json(self) -> dict[str, Any]:
        """Everything, the points of the curves included."""
        return asdict(self)


def audit(task: str, metric: str, rule: RightRule, pictures: Pictures, columns: Sequence[Column]) -> Audit:
    """The audit of ``columns``.

    Args:
        task: its name.
        metric: what was measured.
        rule: when a measurement is right.
        pictures: what was measured.
        columns: the rewards, each aligned with the pictures.

    Raises:
        ValueError: columns of different length, or two of one label.
    """
    n = len(pictures.measured)
    if any(len(column.values) != n or len(column.reasons) != n for column in columns):
        raise ValueError(f"every rewarder needs one entry for each of {n} pictures")
    labels = [column.label for column in columns]
    if len(set(labels)) < len(labels):
        raise ValueError(f"two rewarders are called alike: {', '.join(labels)}")
    measured = [value for value in pictures.measured if value is not None]
    return Audit(
        task=task,
        metric=metric,
        right_rule=rule.description,
        pictures=n,
        measured=len(measured),
        right=sum(map(rule.right, measured)),
        items=len(set(pictures.items)),
        rewarders=tuple(_of_one(column, rule, pictures) for column in columns),
        agreement={a.label: {b.label: _agreement(a, b) for b in columns} for a in columns},
    )


def _of_one(column: Column, rule: RightRule, pictures: Pictures) -> RewarderAudit:
    """One rewarder's numbers, over the pictures that have both a reward and a measurement."""
    kept = [
        (k, _oriented(value, column.higher_is_better), float(truth))
        for k, (value, truth) in enumerate(zip(column.values, pictures.measured, strict=True))
        if value is not None and truth is not None
    ]
    numbers = [k for k, _, _ in kept]
    rewards = [value for _, value, _ in kept]
    right = [rule.right(truth) for _, _, truth in kept]
    truths = [_oriented(truth, rule.higher_is_better) for _, _, truth in kept]
    items = [pictures.items[k] for k in numbers]
    clusters = [pictures.clusters[k] for k in numbers]
    categories = [pictures.categories[k] for k in numbers]
    bins, error = _calibration(column, rewards, right, clusters)
    return RewarderAudit(
        label=column.label,
        source=column.source,
        kind=column.kind,
        title=column.title,
        scored=len(kept),
        unscored=dict(Counter(reason for reason in column.reasons if reason).most_common()),
        correlation=rank_correlation(rewards, truths, clusters),
        auc=area(rewards, right, clusters),
        separation=separation(rewards, right, clusters),
        inside_auc=inside_area(rewards, right, items, clusters),
        inside_order=inside_order(rewards, truths, items, clusters),
        by_category={
            name: _of_category(
                [k for k, category in enumerate(categories) if category == name],
                rewards,
                truths,
                right,
                clusters,
            )
            for name in dict.fromkeys(pictures.categories)
        },
        calibration=tuple(bins),
        calibration_error=error,
        roc=tuple(roc(rewards, right)) if rewards else (),
        seconds=median(column.seconds) if column.seconds else None,
        shared=column.shared,
    )


def _of_category(
    members: Sequence[int],
    rewards: Sequence[float],
    truths: Sequence[float],
    right: Sequence[bool],
    clusters: Sequence[Hashable],
) -> dict[str, Estimate]:
    part = [clusters[k] for k in members]
    values = [rewards[k] for k in members]
    return {
        "correlation": rank_correlation(values, [truths[k] for k in members], part),
        "auc": area(values, [right[k] for k in members], part),
    }


def _calibration(
    column: Column, rewards: Sequence[float], right: Sequence[bool], clusters: Sequence[Hashable]
) -> tuple[list[Bin], float | None]:
    if not rewards:
        return [], None
    return (
        reliability(rewards, right, clusters)
        if column.probability
        else (by_rank(rewards, right, clusters), None)
    )


def _agreement(a: Column, b: Column) -> Agreement:
    both = [
        (_oriented(one, a.higher_is_better), _oriented(other, b.higher_is_better))
        for one, other in zip(a.values, b.values, strict=True)
        if one is not None and other is not None
    ]
    if len(both) < MIN_PICTURES:
        return Agreement(None, len(both))
    return Agreement(spearman([one for one, _ in both], [other for _, other in both]), len(both))


def _oriented(value: float, higher_is_better: bool) -> float:
    """So that more is better."""
    return value if higher_is_better else -value
