"""Hugging Face: ``.eval_results/*.yaml`` for the Hub's leaderboards, and ``model-index`` for a model card.

The live format has one file per benchmark and no field for uncertainty, so that goes
into ``notes``. A benchmark there is a data set with an ``eval.yaml`` of its own; its id
is the user's to give, as none is assumed. See the Hub's documentation, "Evaluation
results", and ``huggingface_hub.EvalResultEntry``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.runs.reader import Run
from selfreward_eval.leaderboards.export.common import (
    images_per_item,
    iso_time,
    model_of,
    rows_of,
    score_note,
)

__all__ = [
    "Benchmark",
    "eval_results",
    "model_index",
    "parse_benchmark",
    "parse_benchmarks",
    "yaml_text",
]

_BENCHMARK = re.compile(r"(?P<id>[\w.-]+/[\w.-]+):(?P<task>[\w.-]+)(@(?P<revision>[0-9a-f]{7,40}))?")

TASK_TYPES = {"generate": "text-to-image"}
"""Capability -> the Hub's task type; what answers questions about pictures is the other one."""


@dataclass(frozen=True)
class Benchmark:
    """A benchmark on the Hub.

    Attributes:
        id: of the data set, ``org/name``.
        task_id: of the task within it.
        revision: commit of the data set, or empty.
    """

    id: str
    task_id: str
    revision: str = ""


def parse_benchmark(text: str) -> Benchmark:
    """``org/name:task`` or ``org/name:task@commit``.

    >>> parse_benchmark("lab/geneval:default")
    Benchmark(id='lab/geneval', task_id='default', revision='')

    Raises:
        UsageError: it is written otherwise.
    """
    match = _BENCHMARK.fullmatch(text)
    if match is None:
        raise UsageError(
            f"--dataset: {text!r} is not ORG/NAME:TASK[@COMMIT]; for example geneval=org/geneval:default"
        )
    return Benchmark(match["id"], match["task"], match["revision"] or "")


def parse_benchmarks(texts: Iterable[str]) -> dict[str, Benchmark]:
    """``TASK=org/name:task`` texts as task -> benchmark.

    Raises:
        UsageError: one is written otherwise.
    """
    benchmarks = {}
    for text in texts:
        task, equals, benchmark = text.partition("=")
        if not equals:
            raise UsageError(f"--dataset {text!r} is not TASK=ORG/NAME:TASK_ID")
        benchmarks[task] = parse_benchmark(benchmark)
    return benchmarks


def eval_results(
    run: Run, benchmarks: Mapping[str, Benchmark], source: Mapping[str, str] | None = None
) -> dict[str, list[dict[str, Any]]]:
    """Path in the model's repository -> the entries of that file.

    Args:
        run: a finished run.
        benchmarks: task -> its benchmark on the Hub; other tasks of the run are left out.
        source: ``url`` and perhaps ``name``, ``user`` or ``org``, if the results lie somewhere.

    Raises:
        UsageError: no task was named.
        InputError: a task that the run did not do, or one without a score.
    """
    if not benchmarks:
        raise UsageError("name the benchmark of at least one task: --dataset TASK=ORG/NAME:TASK_ID")
    files: dict[str, list[dict[str, Any]]] = {}
    for task, benchmark in benchmarks.items():
        if task not in run.scores:
            raise InputError(f"{run.folder} has no task {task!r}; it has: {', '.join(run.scores)}")
        scores = run.scores[task]
        if scores.overall.value is None:
            raise InputError(f"{run.folder}: {task} has no score, so there is nothing to export")
        dataset = {"id": benchmark.id, "task_id": benchmark.task_id}
        if benchmark.revision:
            dataset["revision"] = benchmark.revision
        entry: dict[str, Any] = {"dataset": dataset, "value": scores.overall.value}
        entry["date"] = iso_time(run.manifest.finished or run.manifest.created)
        if source:
            entry["source"] = dict(source)
        entry["notes"] = score_note(scores, scores.overall, images_per_item(run, task))
        files[f".eval_results/{task}.yaml"] = [entry]
    return files


def model_index(run: Run) -> dict[str, Any]:
    """The ``model-index`` of a model card (the older format): every task, overall and per category.

    Raises:
        InputError: the run names no model, or has no score at all.
    """
    results = []
    for task, scores in run.scores.items():
        images = images_per_item(run, task)
        capability = str(run.results.get("configs", {}).get(task, {}).get("output_type", "generate"))
        for name, score in rows_of(scores):
            dataset: dict[str, Any] = {"name": f"{task} ({name})" if name else task, "type": task}
            if name:
                dataset["config"] = name
            dataset["revision"] = scores.version
            results.append(
                {
                    "task": {"type": TASK_TYPES.get(capability, "visual-question-answering")},
                    "dataset": dataset,
                    "metrics": [
                        {
                            "type": scores.metric,
                            "value": score.value,
                            "name": score_note(scores, score, images),
                        }
                    ],
                }
            )
    if not results:
        raise InputError(f"{run.folder} has no score, so there is nothing to export")
    return {"model-index": [{"name": model_of(run).short, "results": results}]}


def yaml_text(value: Any) -> str:
    """YAML in the order given, one document, readable by any safe loader."""
    import yaml

    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=1000))
