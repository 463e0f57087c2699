"""A job is checked before anything is computed, and its folder is claimed before anything is written."""

from __future__ import annotations

import json
from typing import Any

from selfreward_eval.harness.errors import InputError, RunFolderError, UsageError
from selfreward_eval.harness.files import atomic_write_json
from selfreward_eval.harness.identity import differing
from selfreward_eval.harness.records import fingerprint
from selfreward_eval.rewarders.base import Rewarder
from selfreward_eval.trainers.batches import require_divisible
from selfreward_eval.trainers.building import caption_rewarder, require_fit
from selfreward_eval.trainers.guidance import development_tasks
from selfreward_eval.trainers.jobs import TrainingJob
from selfreward_eval.trainers.leakage import refuse_overlap
from selfreward_eval.trainers.step_log import require_trackers


def check(job: TrainingJob, processes: int = 1) -> Rewarder:
    """Returns the rewarder if the job can work; nothing is computed and nothing written.

    Args:
        job: what is to be done.
        processes: how many will share every step's batch.

    Raises:
        UsageError: trainer and rewarder do not fit, training prompts are evaluated, a scale cannot be
            chosen, a batch cannot be shared out, or a tracker is unknown.
        MissingCapability: the model cannot be trained in this way.
        MissingExtra: a tracker's package is not installed.
    """
    if not job.tasks:
        raise UsageError("no task is named; nothing would be measured before and after")
    rewarder = job.rewarder(None, job.model)
    require_fit(job.trainer, rewarder, job.model)
    settings = job.trainer.settings
    require_divisible(settings.batch_size, settings.accumulation, processes)
    require_trackers(job.log_with)
    items = [
        item
        for round_ in range(settings.rounds)
        for item in job.source.items(round_, settings.prompts, settings.seed)
    ]
    grid_tasks = development_tasks(job.tasks, job.development, job.policy) if job.scales else []
    refuse_overlap(items, [*job.tasks, *grid_tasks])
    if job.policy == "tuned" and not job.scales:
        raise UsageError("--guidance-policy tuned needs scales to choose from; give --scales")
    if "captioning" in job.trainer.sides:
        job.source.pictures(0, 1, settings.seed)
        job.rewarder(caption_rewarder(rewarder), job.model)
    if job.trainer.on_policy and job.model.top_k:
        raise UsageError(
            f"the trainer {job.trainer.info.name!r} needs candidates that are sampled from all codes, and "
            f"this model samples from the {job.model.top_k} likeliest; leave out top_k"
        )
    return rewarder


def claim(job: TrainingJob) -> None:
    """Takes the folder for this job, or finds that it is this job's already."""
    rewarder = job.rewarder(None, job.model)
    identity: dict[str, Any] = {
        "model": job.model.identity(),
        "trainer": job.trainer.identity(),
        "rewarder": rewarder.identity(),
        "prompts": job.source.identity(),
        "tasks": {
            task.info.name: {
                "version": task.info.version,
                "options": dict(task.options()),
                "instruments": dict(task.instruments()),
            }
            for task in job.tasks
        },
        "development": job.development if job.scales else None,
        "captioning": _captioning(job, rewarder),
        "policy": job.policy,
        "scales": list(job.scales),
        "seed": job.seed,
        "limit": job.limit,
    }
    path = job.output / "job.json"
    if not path.exists():
        job.output.mkdir(parents=True, exist_ok=True)
        atomic_write_json(path, identity)
        return
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}); move the folder away and train again") from error
    present = json.loads(json.dumps(identity))
    if fingerprint(stored) != fingerprint(present):
        differences = [f"{field}: {a} != {b}" for field, a, b in differing(stored, present)]
        raise RunFolderError(
            f"{job.output} holds another training run ({'; '.join(differences[:4])}); choose another "
            "--output-path"
        )


def _captioning(job: TrainingJob, rewarder: Rewarder) -> dict[str, Any] | None:
    """Question and rewarder of captions; None where captioning is not trained."""
    if "captioning" not in job.trainer.sides:
        return None
    judge = job.rewarder(caption_rewarder(rewarder), job.model)
    return {"question": job.question, "rewarder": judge.identity()}
