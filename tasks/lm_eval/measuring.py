"""Scores a model's responses with lm-eval's own filters, ``process_results`` and aggregation.

A sample's text encodes the responses: a generated answer as it is, or for scored
texts a JSON list of ``[text, log-probability, greedy]``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Measurement, SampleRecord, Status
from selfreward_eval.harness.task import Metric
from selfreward_eval.tasks.lm_eval.documents import Document, plain
from selfreward_eval.tasks.lm_eval.loading import Aggregate

GENERATED = "generate_until"


def encode_responses(document: Document, responses: Sequence[Any]) -> str:
    """The responses to a document's requests, as the text of a sample."""
    if document.task.OUTPUT_TYPE == GENERATED:
        (answer,) = responses
        return str(answer)
    texts = [str(instance.args[1]) for instance in document.instances]
    rows = [[text, *response] for text, response in zip(texts, responses, strict=True)]
    return json.dumps(rows, ensure_ascii=False)


def decode_responses(document: Document, text: str) -> list[Any]:
    """The inverse of :func:`encode_responses`: one response per request."""
    if document.task.OUTPUT_TYPE == GENERATED:
        return [text]
    return [(float(score), bool(greedy)) for _, score, greedy in json.loads(text)]


def headline(
    tasks: Mapping[str, Any], aggregate: Aggregate | None, wanted: str | None, low: float, high: float
) -> Metric:
    """The metric that samples are compared by.

    Args:
        tasks: name -> task.
        aggregate: of a group.
        wanted: its name, with ``@filter`` where the task has several filters; by default the group's own,
            or the first of the task that is a mean over documents.
        low: smallest possible value.
        high: largest possible value.

    Raises:
        UsageError: the task has no such metric, or none that is a mean over documents.
    """
    first = next(iter(tasks.values()))
    means = [name for name, function in first.aggregation().items() if _is_mean(function)]
    filters = [task_filter.name for task_filter in first._filters]
    if wanted is None and aggregate is not None:
        wanted = metric_key(aggregate.metric, aggregate.filter or filters[0], filters)
    if wanted is None:
        if not means:
            raise UsageError(
                f"lm-eval's task {next(iter(tasks))!r} has no metric that is a mean over documents (it has "
                f"{', '.join(first.aggregation()) or 'none'}); samples cannot be compared by it"
            )
        wanted = metric_key(means[0], filters[0], filters)
    known = [metric_key(name, filter_name, filters) for name in means for filter_name in filters]
    # A task with its own process_results may return more metrics than it declares.
    if wanted not in known and first.config.process_results is None:
        raise UsageError(
            f"--task-args metric: {wanted!r} is no mean over documents of lm-eval's task "
            f"{next(iter(tasks))!r}; it has {', '.join(known) or 'none'}"
        )
    higher_is_better = first.higher_is_better().get(wanted.split("@")[0])
    macro = aggregate is not None and not aggregate.weighted
    return Metric(wanted, (float(low), float(high)), higher_is_better is not False, macro)


def metric_key(metric: str, filter_name: str, filters: Sequence[str]) -> str:
    """Our key of a metric: its name, with the filter if the task has several."""
    return metric if len(filters) == 1 else f"{metric}@{filter_name}"


def measure(document: Document, text: str, metric: Metric) -> Measurement:
    """All metrics of lm-eval for one document.

    Scalars become values. Other results, such as pairs for F1, are kept as evidence for the aggregation.
    """
    task = document.task
    instances = [
        replace(instance, resps=[response] * (instance.repeats or 1), filtered_resps={})
        for instance, response in zip(document.instances, decode_responses(document, text), strict=True)
    ]
    filters = [task_filter.name for task_filter in task._filters]
    values: dict[str, float] = {}
    raw: dict[str, Any] = {}
    filtered: dict[str, Any] = {}
    for task_filter in task._filters:
        task_filter.apply(instances)
        results = [instance.filtered_resps[task_filter.name] for instance in instances]
        filtered[task_filter.name] = plain(results)
        for name, value in task.process_results(document.doc, results).items():
            key = metric_key(name, task_filter.name, filters)
            number = _number(value)
            if number is None:
                raw[key] = plain(value)
            else:
                values[key] = number
    evidence = {"target": document.item.metadata["target"], "filtered": filtered, "raw": raw}
    value = values.get(metric.name)
    if value is None or not metric.range[0] <= value <= metric.range[1]:
        problem = (
            f"lm-eval gave no number {metric.name!r}, only {', '.join([*values, *raw]) or 'nothing'}"
            if value is None
            else f"{metric.name} = {value:g} is outside {metric.range[0]:g} to {metric.range[1]:g}; give the "
            "metric's range with --task-args low=...,high=..."
        )
        return Measurement(Status.MEASUREMENT_ERROR, reason=problem, evidence=evidence)
    reason = f"{metric.name} {value:g}: {_verdict(document, text)}, target {_short(evidence['target'])}"
    return Measurement(Status.SUCCESS, values, reason, evidence)


def _verdict(document: Document, text: str) -> str:
    """The answer, or the most likely texts, for human readers."""
    if document.task.OUTPUT_TYPE == GENERATED:
        return f"said {_short(text)}"
    rows = sorted(json.loads(text), key=lambda row: -row[1])
    likeliest = ", ".join(f"{_short(row[0])} {row[1]:.3g}" for row in rows[:3])
    return f"log-likelihoods {likeliest}" + (", ..." if len(rows) > 3 else "")


def lm_eval_numbers(documents: Mapping[str, Document], records: Sequence[SampleRecord]) -> dict[str, float]:
    """The numbers that lm-eval prints for these samples: ``task/metric,filter`` -> aggregate.

    The task's name is left out if there is one task. A number is absent if lm-eval's aggregation fails on
    these samples.
    """
    columns: dict[tuple[str, str, str], list[Any]] = {}
    for record in records:
        document = documents[record.item.id]
        if not record.measurement.ok:
            continue
        task = document.task
        filters = [task_filter.name for task_filter in task._filters]
        measured = {**record.measurement.values, **record.measurement.evidence.get("raw", {})}
        for key, value in measured.items():
            metric, _, chosen = key.partition("@")
            column_key = (task.task_name, metric, chosen or filters[0])
            columns.setdefault(column_key, []).append(tuple(value) if isinstance(value, list) else value)
    by_name = {document.task.task_name: document.task for document in documents.values()}
    numbers: dict[str, float] = {}
    for (name, metric, chosen), column in columns.items():
        number = _aggregated(by_name[name], metric, column)
        if number is not None:
            numbers[f"{name}/{metric},{chosen}" if len(by_name) > 1 else f"{metric},{chosen}"] = number
    return numbers


def _aggregated(task: Any, metric: str, column: list[Any]) -> float | None:
    from lm_eval.api.metrics import mean

    function = task.aggregation().get(metric, mean)
    try:
        return _number(function(column))
    except Exception:  # The task's own function; a subset of the documents may lack what it needs.
        return None


def _is_mean(function: Any) -> bool:
    from lm_eval.api.metrics import mean

    return function is mean


def _number(value: Any) -> float | None:
    """A finite scalar, or None."""
    if isinstance(value, str | bytes) or hasattr(value, "__len__"):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if isfinite(number) else None


def _short(value: Any, longest: int = 120) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= longest else text[: longest - 3] + "..."
