"""An Inspect log (``.eval``) of one task of a run, for Inspect's viewer and its log tools.

An item is a sample id, the k-th picture of an item is epoch k + 1. A sample without a
number becomes an unscored score with its status, which Inspect keeps out of every
metric. Metrics are the ones of the run, not computed anew. SampleSize ``inspect-ai``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError, MissingExtra
from selfreward_eval.harness.records import SampleRecord
from selfreward_eval.harness.report.cards import picture_path
from selfreward_eval.harness.report.pictures import embed
from selfreward_eval.harness.runs.reader import Run
from selfreward_eval.harness.runs.scores import Score, TaskScores
from selfreward_eval.leaderboards.export.common import images_per_item, iso_time, model_of, rows_of

__all__ = ["write_inspect_log"]


def write_inspect_log(run: Run, task: str, path: Path, *, pictures: bool = True) -> Path:
    """Writes one task of a run as an Inspect log.

    Args:
        run: a finished run.
        task: one of its tasks.
        path: ends in ``.eval``.
        pictures: put small copies of the pictures into the log, so that it can be read anywhere.

    Returns:
        ``path``.

    Raises:
        MissingExtra: inspect-ai is not installed.
        InputError: the run did not do the task, or names no model.
    """
    try:
        from inspect_ai.log import write_eval_log
    except ImportError as error:
        raise MissingExtra(
            f"an Inspect log needs inspect-ai, which is not installed ({error}); "
            "install selfreward-eval with the extra 'inspect'"
        ) from error
    if task not in run.scores:
        raise InputError(f"{run.folder} has no task {task!r}; it has: {', '.join(run.scores)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_eval_log(_log(run, task, pictures), str(path), format="eval")
    return path


def _log(run: Run, task: str, pictures: bool) -> Any:
    from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalSpec, EvalStats

    scores = run.scores[task]
    identity = run.manifest.identity
    records = sorted(run.records[task], key=lambda record: record.doc_id)
    ids = list(dict.fromkeys(record.item.id for record in records))
    key = run.manifest.fingerprint
    return EvalLog(
        status="success",
        eval=EvalSpec(
            eval_id=f"{key[:22]}",
            run_id=f"{key[22:44]}",
            task_id=f"{task}-{key[:8]}",
            created=iso_time(run.manifest.created),
            task=task,
            task_version=scores.version,
            dataset=EvalDataset(name=task, samples=len(ids), sample_ids=ids, shuffled=False),
            model=model_of(run).name,
            model_args={"generation": identity.get("model", {}).get("generation", {})},
            config=EvalConfig(epochs=images_per_item(run, task)),
            packages={"selfreward-eval": _version(run)},
            metadata={"fingerprint": key, "identity": identity, "comparable": scores.comparable},
        ),
        results=_results(scores),
        stats=EvalStats(
            started_at=iso_time(run.manifest.created),
            completed_at=iso_time(run.manifest.finished or run.manifest.created),
        ),
        samples=[_sample(run, scores, record, pictures) for record in records],
    )


def _version(run: Run) -> str:
    packages = run.manifest.environment.get("packages", {})
    return str(packages.get("selfreward-eval", "unknown")) if isinstance(packages, dict) else "unknown"


def _results(scores: TaskScores) -> Any:
    from inspect_ai.log import EvalResults, EvalScore

    overall = scores.overall
    return EvalResults(
        total_samples=overall.n_expected,
        completed_samples=overall.n_scored,
        scores=[
            EvalScore(
                name=f"{scores.metric} ({name})" if name else scores.metric,
                scorer=scores.task,
                scored_samples=score.n_scored,
                unscored_samples=score.n_failed,
                metrics=_metrics(score),
            )
            for name, score in rows_of(scores)
        ],
    )


def _metrics(score: Score) -> dict[str, Any]:
    from inspect_ai.log import EvalMetric

    told = {"mean": score.value, "stderr": score.se, "ci_low": score.low, "ci_high": score.high}
    told |= {"bound_low": score.bound_low, "bound_high": score.bound_high}
    return {name: EvalMetric(name=name, value=value) for name, value in told.items() if value is not None}


def _sample(run: Run, scores: TaskScores, record: SampleRecord, pictures: bool) -> Any:
    from inspect_ai.log import EvalSample
    from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, ModelOutput

    item, sample, measurement = record.item, record.sample, record.measurement
    model = model_of(run).name
    content = _content(run, record, pictures)
    return EvalSample(
        id=item.id,
        epoch=sample.index + 1,
        input=item.text,
        target="",
        messages=[
            ChatMessageUser(content=item.text),
            ChatMessageAssistant(content=content, model=model),
        ],
        output=ModelOutput.from_content(model, content),
        scores={scores.metric: _score(scores, record)},
        metadata={
            "category": item.category,
            "cluster": item.cluster,
            "seed": str(sample.seed),  # May exceed what a viewer's script counts exactly.
            "image": sample.image,
            "image_sha256": sample.image_sha256,
            "status": str(measurement.status),
            "evidence": measurement.evidence,
        },
        uuid=f"{run.manifest.fingerprint[:12]}-{record.doc_id}",
    )


def _score(scores: TaskScores, record: SampleRecord) -> Any:
    from inspect_ai.scorer import Score as InspectScore

    measurement = record.measurement
    answer = record.sample.text or record.sample.image
    value = measurement.values.get(scores.metric)
    if value is None:
        return InspectScore.unscored(
            reason=str(measurement.status), answer=answer, explanation=measurement.reason or None
        )
    return InspectScore(value=value, answer=answer, explanation=measurement.reason or None)


def _content(run: Run, record: SampleRecord, pictures: bool) -> Any:
    """What the model made: its answer, a small copy of its picture, or where the picture lies."""
    from inspect_ai.model import ContentImage, ContentText

    sample = record.sample
    if sample.text is not None:
        return sample.text
    if sample.image is None:
        return f"no picture: {record.measurement.reason or record.measurement.status}"
    path = picture_path(run.folder, {"image": sample.image})
    if not pictures or path is None:
        return sample.image
    picture = embed(path, sample.image_sha256)
    if "url" not in picture:
        return f"{sample.image}: {picture['problem']}"
    return [ContentImage(image=picture["url"]), ContentText(text=sample.image)]
