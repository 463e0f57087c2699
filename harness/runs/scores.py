"""From sample records to a task's scores: values with intervals, coverage and bounds.

A sample without a number is never a zero. It is left out of the value, counted
in ``n_failed`` and ``coverage``, and answered for by two bounds: the value had
every failure scored the worst, and had every failure scored the best.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from math import fsum, isfinite
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.records import Item, SampleRecord, Status
from selfreward_eval.harness.stats.choosing import choose_interval
from selfreward_eval.harness.stats.means import icc
from selfreward_eval.harness.task import Metric, TaskInfo
from selfreward_eval.harness.user_files.text_files import is_number, require

__all__ = ["NOT_RECORDED", "SampleTable", "Score", "TaskScores", "summarise"]

NOT_RECORDED = "not_recorded"
"""Failure status of a planned sample without any record."""


@dataclass(frozen=True)
class Score:
    """One number with all that a reader needs to judge it.

    Attributes:
        value: the mean over items of each item's mean over its scored samples, or the unweighted
            mean of the categories' values; None where nothing was scored (for a macro
            mean: where a category has nothing scored).
        se: standard error of ``value`` over items (or clusters of items), None where it cannot be estimated.
        df: degrees of freedom of the interval.
        low: lower end of the 95 % interval, within the metric's range and never equal to ``high``
            (:func:`selfreward_eval.harness.stats.choosing.choose_interval`); None with ``se``.
        high: upper end of it.
        n_items: items with at least one scored sample.
        n_expected: planned samples, recorded or not.
        n_scored: samples with a number.
        n_failed: the others; n_scored + n_failed = n_expected.
        coverage: n_scored / n_expected, in [0, 1].
        bound_low: the value with every failure at the bottom of the metric's range; None at full coverage.
        bound_high: the value with every failure at its top; None at full coverage.
        icc: how alike the samples of one item are (at most 1), None where undefined.
    """

    value: float | None
    se: float | None
    df: float | None
    low: float | None
    high: float | None
    n_items: int
    n_expected: int
    n_scored: int
    n_failed: int
    coverage: float
    bound_low: float | None
    bound_high: float | None
    icc: float | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Score:
        """The score that :meth:`to_json` wrote; KeyError, TypeError or ValueError for anything else."""
        given = {field.name: data[field.name] for field in fields(cls)}
        for name, value in given.items():
            if name.startswith("n_"):
                require(isinstance(value, int) and not isinstance(value, bool) and value >= 0, name, value)
            elif value is not None or name == "coverage":
                require(is_number(value), name, value)
        return cls(**given)


@dataclass(frozen=True)
class TaskScores:
    """What a run says about one task.

    Attributes:
        task: registry name.
        version: protocol version.
        metric: name of the number.
        overall: the headline score.
        categories: one score per category, in item order.
        failures: status -> samples that ended with it, ``not_recorded`` included.
        extra: further official numbers of the task, by name.
        comparable: whether the numbers may stand beside published ones, and why not.
        macro: whether ``overall`` is the unweighted mean of the categories.
        range: smallest and largest possible value of the metric.
        higher_is_better: direction of the metric.
        reference: name of the value that the metric is also told as a share of, see
            :class:`selfreward_eval.harness.task.Metric`; None, and not in the file, where there is none.
    """

    task: str
    version: str
    metric: str
    overall: Score
    categories: dict[str, Score]
    failures: dict[str, int]
    extra: dict[str, float]
    comparable: str
    macro: bool
    range: tuple[float, float] = (0.0, 1.0)
    higher_is_better: bool = True
    reference: str | None = None

    def to_json(self) -> dict[str, Any]:
        content = {**asdict(self), "range": list(self.range)}
        if self.reference is None:
            del content["reference"]
        return content

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TaskScores:
        """The scores that :meth:`to_json` wrote; KeyError, TypeError or ValueError for anything else."""
        low, high = data.get("range", (0.0, 1.0))
        for name in ("task", "version", "metric", "comparable"):
            require(isinstance(data[name], str), name, data[name])
        reference = data.get("reference")
        require(reference is None or isinstance(reference, str), "reference", reference)
        for part in ("failures", "extra"):
            for name, number in data[part].items():
                require(is_number(number), f"{part}.{name}", number)
        require(is_number(low) and is_number(high) and low < high, "range", [low, high])
        return cls(
            task=data["task"],
            version=data["version"],
            metric=data["metric"],
            overall=Score.from_json(data["overall"]),
            categories={name: Score.from_json(score) for name, score in data["categories"].items()},
            failures=dict(data["failures"]),
            extra=dict(data["extra"]),
            comparable=data["comparable"],
            macro=bool(data["macro"]),
            range=(float(low), float(high)),
            higher_is_better=bool(data.get("higher_is_better", True)),
            reference=reference,
        )


class SampleTable:
    """One metric of every planned sample: item id -> a value or None per sample index.

    The order of the records does not matter.

    Attributes:
        rows: item id -> ``images_per_item`` values, None where the sample has no number; in item order.
        statuses: item id -> the status of every sample, aligned with ``rows``.

    Raises:
        InputError: a record of an unknown item or index, two of one sample, or a successful one whose
            value is missing, not finite or outside ``value_range``.
    """

    def __init__(
        self,
        items: Sequence[Item],
        records: Sequence[SampleRecord],
        images_per_item: int,
        metric: str,
        value_range: tuple[float, float],
    ) -> None:
        self.rows: dict[str, list[float | None]] = {item.id: [None] * images_per_item for item in items}
        self.statuses = {item.id: [NOT_RECORDED] * images_per_item for item in items}
        if len(self.rows) != len(items):
            twice = [name for name, count in Counter(item.id for item in items).items() if count > 1]
            raise InputError(f"the item ids must be unique; used more than once: {', '.join(twice[:3])}")
        for record in records:
            item, index = record.sample.item_id, record.sample.index
            where = f"sample {index} of item {item!r}"
            if item not in self.rows or not 0 <= index < images_per_item:
                raise InputError(f"{where} was never planned; its records are of another run or task version")
            if self.statuses[item][index] != NOT_RECORDED:
                raise InputError(f"{where} is recorded twice; remove one of the two lines")
            self.statuses[item][index] = str(record.measurement.status)
            if record.measurement.ok:
                value = record.measurement.values.get(metric)
                if value is None or not isfinite(value) or not value_range[0] <= value <= value_range[1]:
                    raise InputError(
                        f"{where} is a success with {metric} = {value}, which is not in "
                        f"[{value_range[0]:g}, {value_range[1]:g}]; measure it again"
                    )
                self.rows[item][index] = value


def summarise(
    info: TaskInfo,
    metric: Metric,
    items: Sequence[Item],
    records: Sequence[SampleRecord],
    images_per_item: int,
    extra: Mapping[str, float] | None = None,
) -> TaskScores:
    """The scores of one task from the records of its samples.

    Args:
        info: of the task.
        metric: which of the measured values is the score.
        items: every planned item (after ``--limit``), at least one.
        records: of the samples, in any order; missing ones count as failed.
        images_per_item: samples planned per item, at least 1.
        extra: further numbers to keep with the scores.

    Raises:
        InputError: records that do not belong to these items, or values outside the metric's range.
        ValueError: no items, or no samples per item.
    """
    if not items or images_per_item < 1:
        raise ValueError(f"{info.id}: nothing was planned ({len(items)} items x {images_per_item})")
    table = SampleTable(items, records, images_per_item, metric.name, metric.range)
    strata: dict[str, list[Item]] = {}
    for item in items:
        strata.setdefault(item.category, []).append(item)
    if metric.macro:
        _refuse_straddling_clusters(info, items)
    statuses = Counter(status for row in table.statuses.values() for status in row)
    return TaskScores(
        task=info.name,
        version=info.version,
        metric=metric.name,
        overall=_score(strata if metric.macro else {"": list(items)}, table, metric.range),
        categories={name: _score({name: members}, table, metric.range) for name, members in strata.items()},
        failures={status: n for status, n in sorted(statuses.items()) if status != Status.SUCCESS},
        extra=dict(extra or {}),
        comparable=info.comparable,
        macro=metric.macro,
        range=metric.range,
        higher_is_better=metric.higher_is_better,
        reference=metric.reference,
    )


def _refuse_straddling_clusters(info: TaskInfo, items: Sequence[Item]) -> None:
    """A macro mean takes its categories as independent; a cluster in two of them breaks that."""
    home: dict[str, str] = {}
    for item in items:
        if home.setdefault(item.cluster, item.category) != item.category:
            raise InputError(
                f"{info.id}: cluster {item.cluster!r} lies in the categories {home[item.cluster]!r} and "
                f"{item.category!r}; a macro score needs every cluster within one category"
            )


def _score(
    strata: Mapping[str, Sequence[Item]], table: SampleTable, value_range: tuple[float, float]
) -> Score:
    """The score of one stratum, or the macro mean of several."""
    scored: dict[str, list[list[float]]] = {}
    item_means: dict[str, list[float]] = {}
    clusters: dict[str, list[str]] = {}
    for name, members in strata.items():
        kept = [(item, [v for v in table.rows[item.id] if v is not None]) for item in members]
        kept = [(item, values) for item, values in kept if values]
        scored[name] = [values for _, values in kept]
        item_means[name] = [fsum(values) / len(values) for values in scored[name]]
        clusters[name] = [item.cluster for item, _ in kept]
    groups = [values for stratum in scored.values() for values in stratum]
    n_expected = sum(len(table.rows[item.id]) for members in strata.values() for item in members)
    n_scored = sum(len(values) for values in groups)
    interval = None
    if all(item_means.values()):
        interval = choose_interval(
            item_means,
            m=max(map(len, groups)),
            binary=value_range == (0.0, 1.0) and all(v in (0.0, 1.0) for values in groups for v in values),
            score_range=value_range,
            clusters=clusters,
        ).interval
    bounds = [_filled(strata, table, end) for end in value_range] if n_scored < n_expected else [None, None]
    return Score(
        value=interval.value if interval else None,
        se=interval.se if interval else None,
        df=interval.df if interval else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        n_items=len(groups),
        n_expected=n_expected,
        n_scored=n_scored,
        n_failed=n_expected - n_scored,
        coverage=n_scored / n_expected,
        bound_low=bounds[0],
        bound_high=bounds[1],
        icc=icc(groups),
    )


def _filled(strata: Mapping[str, Sequence[Item]], table: SampleTable, failure: float) -> float:
    """The value with every failed or missing sample counted as ``failure``."""
    means = []
    for members in strata.values():
        rows = [[failure if v is None else v for v in table.rows[item.id]] for item in members]
        means.append(fsum(fsum(row) / len(row) for row in rows) / len(rows))
    return fsum(means) / len(means)
