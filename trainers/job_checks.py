"""A job is checked before anything is computed, and its folder is claimed before anything is written."""

from __future__ import annotations

from typing import Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.files import atomic_write_text
from selfreward_eval.harness.folders import FolderUse, claim_identity
from selfreward_eval.harness.report.trackers import require_trackers
from selfreward_eval.rewarders.base import Rewarder
from selfreward_eval.trainers.batches import require_divisible
from selfreward_eval.trainers.building import require_fit, require_higher
from selfreward_eval.trainers.guidance import development_tasks
from selfreward_eval.trainers.jobs import TrainingJob
from selfreward_eval.trainers.leakage import refuse_overlap
from selfreward_eval.trainers.live_log import live_tasks
from selfreward_eval.trainers.same_request import plain, request_key
from selfreward_eval.trainers.sources import ShapesSource

JOB = FolderUse("another training run", "choose another --output-path")


def check(job: TrainingJob, processes: int = 1) -> Rewarder:
    """Returns the rewarder if the job can work; nothing is computed and nothing written.

    Args:
        job: what is to be done.
        processes: how many will share every step's batch.

    Raises:
        UsageError: trainer and rewarder do not fit, training prompts are evaluated, a scale cannot be
            chosen, a batch cannot be shared out, a tracker is unknown, or a point cannot be measured.
        MissingCapability: the model cannot be trained in this way.
        MissingExtra: a tracker's package is not installed.
    """
    if job.engine is not None and processes > 1:
        raise UsageError(
            f"--engine {job.engine.label} and several processes that train cannot be combined: with an "
            "engine one process trains, and actors draw; leave out accelerate launch, or --engine"
        )
    if not job.tasks:
        raise UsageError("no task is named; nothing would be measured before and after")
    rewarder = job.rewarder(None, job.model)
    require_fit(job.trainer, rewarder, job.model)
    settings = job.trainer.settings
    job.points.check(settings, [task.info.name for task in job.tasks])
    require_divisible(settings.batch_size, settings.accumulation, processes)
    require_trackers(job.log_with)
    if job.log_pictures_every < 0:
        raise UsageError(
            f"log_pictures_every (--log-pictures-every) must be 0 or more, got {job.log_pictures_every}"
        )
    items = [
        item
        for round_ in range(settings.rounds)
        for item in job.source.items(round_, settings.prompts, settings.seed)
    ]
    grid_tasks = development_tasks(job.tasks, job.development, job.policy) if job.scales else []
    # The shapes world keeps its training prompts apart by their wording: it has 28 pairs of forms, and
    # nearly all are evaluated in one order or the other.
    key = plain if isinstance(job.source, ShapesSource) else request_key
    refuse_overlap(items, [*job.tasks, *grid_tasks, *live_tasks(job)], key)
    if job.policy == "tuned" and not job.scales:
        raise UsageError("--guidance-policy tuned needs scales to choose from; give --scales")
    if "captioning" in job.trainer.sides:
        job.source.pictures(0, 1, settings.seed)
        require_higher(job.caption_rewarder(job.model))
    elif job.captions is not None:
        raise UsageError(
            "caption_rewarder (--caption-rewarder) is for training that learns captions; the trainer "
            f"{job.trainer.info.name!r} learns none, or has captioning=0"
        )
    top_k = getattr(job.model, "top_k", 0)
    if job.trainer.on_policy and top_k:
        raise UsageError(
            f"the trainer {job.trainer.info.name!r} needs candidates that are sampled from all codes, and "
            f"this model samples from the {top_k} likeliest; leave out top_k"
        )
    return rewarder


def claim(job: TrainingJob) -> None:
    """Records in the folder that it is this job's, or finds that it is.

    Raises:
        RunFolderError: it holds another job, or its record is damaged.
    """
    identity: dict[str, Any] = {
        **candidates_identity(job),
        "tasks": {
            task.info.name: {
                "version": task.info.version,
                "options": dict(task.options()),
                "instruments": dict(task.instruments()),
            }
            for task in job.tasks
        },
        "development": job.development if job.scales else None,
        "policy": job.policy,
        "scales": list(job.scales),
        "seed": job.seed,
        "limit": job.limit,
    }
    if job.points.at:
        identity["points"] = job.points.to_json()
    claim_identity(job.output / "job.json", identity, JOB)
    for name, text in job.files.items():
        atomic_write_text(job.output / name, text)


def candidates_identity(job: TrainingJob) -> dict[str, Any]:
    """What decides a round's candidates, together with the round's weights; JSON values."""
    rewarder = job.rewarder(None, job.model)
    return {
        "model": job.model.identity(),
        "trainer": job.trainer.identity(),
        "rewarder": rewarder.identity(),
        "prompts": job.source.identity(),
        "captioning": _captioning(job),
    }


def _captioning(job: TrainingJob) -> dict[str, Any] | None:
    """Question and rewarder of captions; None where captioning is not trained."""
    if "captioning" not in job.trainer.sides:
        return None
    return {"question": job.question, "rewarder": job.caption_rewarder(job.model).identity()}
