"""Every Eval Ever, schema 0.3.0: one JSON of scores and one JSONL of samples for every task of a run.

The layout is the data store's: ``data/<task>/<developer>/<model>/<uuid>.json`` and
``<uuid>_samples.jsonl`` beside it. A sample without a score has no line, as the schema
asks for a number; how many there are is said with the aggregate. The schema has no
field for pictures: their paths and hashes are in ``metadata``.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.files import atomic_write_text
from selfreward_eval.harness.records import Item, SampleRecord, fingerprint
from selfreward_eval.harness.runs.reader import Run
from selfreward_eval.harness.runs.scores import Score, TaskScores
from selfreward_eval.leaderboards.export.common import (
    Model,
    images_per_item,
    iso_time,
    model_of,
    rows_of,
    unix_time,
)

__all__ = ["RELATIONSHIPS", "SCHEMA_VERSION", "write_every_eval_ever"]

SCHEMA_VERSION = "0.3.0"

RELATIONSHIPS = ("first_party", "third_party", "collaborative", "other")
"""Of whoever evaluates to whoever made the model."""

_UNSAFE = re.compile(r"[^\w.-]+")


def write_every_eval_ever(
    run: Run, out: Path, *, organization: str, relationship: str = "other", developer: str = ""
) -> list[Path]:
    """Writes the files of a run below ``out``.

    Args:
        run: a finished run.
        out: folder; ``data/...`` is made in it.
        organization: who provides the data.
        relationship: one of :data:`RELATIONSHIPS`.
        developer: who made the model; taken from a name like ``lab/model`` where it is empty.

    Returns:
        The files, aggregate first, task by task. Tasks without any score have none.

    Raises:
        UsageError: an unknown relationship, no organization, or no developer to be found.
        InputError: the run names no model.
    """
    if relationship not in RELATIONSHIPS:
        raise UsageError(f"--relationship {relationship!r}: give one of {', '.join(RELATIONSHIPS)}")
    if not organization.strip():
        raise UsageError("--organization is needed: who provides the data")
    model = model_of(run)
    maker = developer or model.developer
    if not maker:
        raise UsageError(f"the model {model.name!r} does not name its developer; give --developer")
    written: list[Path] = []
    for task, scores in run.scores.items():
        if not rows_of(scores):
            continue
        folder = Path("data") / _safe(task) / _safe(maker) / _safe(model.short)
        name = str(uuid.UUID(bytes=_digest(run, task)[:16], version=4))
        lines = _samples(run, task, model, maker)
        text = "".join(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n" for line in lines)
        aggregate = _aggregate(run, task, model, maker, organization, relationship)
        samples = folder / f"{name}_samples.jsonl"
        aggregate["detailed_evaluation_results"] = {
            "format": "jsonl",
            "file_path": samples.as_posix(),
            "hash_algorithm": "sha256",
            "checksum": hashlib.sha256(text.encode("utf-8")).hexdigest(),
            "total_rows": len(lines),
            "additional_details": _failures(scores),
        }
        (out / folder).mkdir(parents=True, exist_ok=True)
        path = out / folder / f"{name}.json"
        atomic_write_text(path, json.dumps(aggregate, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
        atomic_write_text(out / samples, text)
        written += [path, out / samples]
    return written


def _safe(text: str) -> str:
    return _UNSAFE.sub("-", text).strip("-.") or "unnamed"


def _digest(run: Run, task: str) -> bytes:
    """The same run gives the same file name, so exporting twice adds nothing."""
    return bytes.fromhex(fingerprint([run.manifest.fingerprint, task]))


def _evaluation_id(run: Run, task: str, model: Model, maker: str) -> str:
    return f"{task}/{maker}/{model.short}/{unix_time(_when(run))}"


def _when(run: Run) -> str:
    return run.manifest.finished or run.manifest.created


def _aggregate(
    run: Run, task: str, model: Model, maker: str, organization: str, relationship: str
) -> dict[str, Any]:
    scores = run.scores[task]
    about = {"deployment_type": "self_deployed", "model_availability": "unknown"}
    if model.revision:
        about["revision"] = model.revision
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": _evaluation_id(run, task, model, maker),
        "evaluation_timestamp": iso_time(run.manifest.created),
        "retrieved_timestamp": unix_time(_when(run)),
        "source_metadata": {
            "source_name": "selfreward-eval",
            "source_type": "evaluation_run",
            "source_organization_name": organization,
            "evaluator_relationship": relationship,
            "additional_details": {"fingerprint": run.manifest.fingerprint},
        },
        "eval_library": {"name": "selfreward-eval", "version": _library_version(run)},
        "model_info": {
            "name": model.short,
            "id": f"{maker}/{model.short}",
            "developer": maker,
            "additional_details": about,
        },
        "evaluation_results": [_result(run, task, scores, name, score) for name, score in rows_of(scores)],
    }


def _library_version(run: Run) -> str:
    """Of the program that measured, which need not be the one that exports."""
    packages = run.manifest.environment.get("packages", {})
    told = packages.get("selfreward-eval") if isinstance(packages, Mapping) else None
    try:
        return str(told) if told else version("selfreward-eval")
    except PackageNotFoundError:
        return "unknown"


def _result(run: Run, task: str, scores: TaskScores, name: str, score: Score) -> dict[str, Any]:
    plan = run.manifest.identity["tasks"][task]
    paper = str(run.results.get("configs", {}).get(task, {}).get("metadata", {}).get("paper", ""))
    source: dict[str, Any] = {"dataset_name": task, "source_type": "other"}
    if paper.startswith(("https://", "http://")):
        source = {"dataset_name": task, "source_type": "url", "url": [paper]}
    source["additional_details"] = {
        "version": scores.version,
        "items_sha256": str(plan.get("items_sha256", "")),
        "category": name or "overall",
    }
    low, high = scores.range
    details: dict[str, Any] = {"num_samples": score.n_items}
    if score.se is not None:
        details["standard_error"] = {"value": score.se, "method": "analytic, over item means"}
    if score.low is not None and score.high is not None:
        details["confidence_interval"] = {
            "lower": score.low, "upper": score.high, "confidence_level": 0.95,
            "method": "Student's t over item means",
        }  # fmt: skip
    generation = run.manifest.identity.get("model", {}).get("generation", {})
    return {
        "evaluation_result_id": _result_id(task, scores, name),
        "evaluation_name": f"{task}/{name}" if name else task,
        "source_data": source,
        "evaluation_timestamp": iso_time(run.manifest.created),
        "metric_config": {
            "evaluation_description": scores.comparable or f"{task}, protocol version {scores.version}",
            "metric_id": f"{task}.{scores.metric}",
            "metric_name": scores.metric,
            "metric_unit": "proportion" if (low, high) == (0.0, 1.0) else "points",
            "lower_is_better": not scores.higher_is_better,
            "score_type": "continuous",
            "min_score": low,
            "max_score": high,
            "additional_details": {
                "instruments": json.dumps(plan.get("instruments", {}), sort_keys=True),
                "options": json.dumps(plan.get("options", {}), sort_keys=True),
                "images_per_item": str(images_per_item(run, task)),
            },
        },
        "score_details": {
            "score": score.value,
            "details": {
                "n_scored": str(score.n_scored),
                "n_failed": str(score.n_failed),
                "coverage": f"{score.coverage:.6g}",
            },
            "uncertainty": details,
        },
        "generation_config": {
            "additional_details": {str(key): json.dumps(value) for key, value in generation.items()}
        },
    }


def _result_id(task: str, scores: TaskScores, name: str) -> str:
    return f"{task}@{scores.version}/{name or 'overall'}/{scores.metric}"


def _failures(scores: TaskScores) -> dict[str, str]:
    told = {f"without_score_{status}": str(number) for status, number in sorted(scores.failures.items())}
    return {"samples_without_a_score": str(scores.overall.n_failed), **told}


def _samples(run: Run, task: str, model: Model, maker: str) -> list[dict[str, Any]]:
    scores = run.scores[task]
    best = scores.range[1] if scores.higher_is_better else scores.range[0]
    lines = []
    for record in sorted(run.records[task], key=lambda one: one.doc_id):
        value = record.measurement.values.get(scores.metric)
        if value is None:
            continue
        answer = record.sample.text if record.sample.text is not None else (record.sample.image or "")
        lines.append(
            {
                "schema_version": SCHEMA_VERSION,
                "evaluation_id": _evaluation_id(run, task, model, maker),
                "model_id": f"{maker}/{model.short}",
                "evaluation_name": f"{task}/{record.item.category}",
                "evaluation_result_id": _result_id(task, scores, record.item.category),
                "sample_id": f"{record.item.id}#{record.sample.index}",
                "sample_hash": _sample_hash(record.item),
                "interaction_type": "single_turn",
                "input": {"raw": record.item.text, "reference": []},
                "output": {"raw": [answer]},
                "answer_attribution": [
                    {
                        "turn_idx": 0,
                        "source": "output.raw",
                        "extracted_value": answer,
                        "extraction_method": f"{task}@{scores.version}",
                        "is_terminal": True,
                    }
                ],
                "evaluation": {"score": value, "is_correct": value == best},
                "metadata": _metadata(record),
            }
        )
    return lines


def _sample_hash(item: Item) -> str:
    return hashlib.sha256(item.text.encode("utf-8")).hexdigest()


def _metadata(record: SampleRecord) -> dict[str, str]:
    """Strings only, and only those that exist."""
    sample = record.sample
    told = {
        "prompt_id": record.item.id,
        "category": record.item.category,
        "cluster": record.item.cluster,
        "image_idx": str(sample.index),
        "seed": str(sample.seed),
        "image": sample.image,
        "image_sha256": sample.image_sha256,
        "reason": record.measurement.reason,
    }
    return {key: value for key, value in told.items() if value}
