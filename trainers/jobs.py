"""What one training run is to do: checked before anything is computed, claimed before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.folders import FolderUse, claim_identity
from selfreward_eval.harness.task import Task
from selfreward_eval.rewarders.base import Rewarder
from selfreward_eval.trainers.base import Trainer
from selfreward_eval.trainers.batches import require_divisible
from selfreward_eval.trainers.building import caption_rewarder, require_fit
from selfreward_eval.trainers.journal import require_trackers
from selfreward_eval.trainers.leakage import refuse_overlap
from selfreward_eval.trainers.processes import ALONE, Processes
from selfreward_eval.trainers.rollouts import RolloutCollector
from selfreward_eval.trainers.sources import Source
from selfreward_eval.trainers.tuning import Policy, development_tasks

if TYPE_CHECKING:
    from selfreward_eval.trainers.pool import Pool

SCALES = (1.0, 1.5, 2.0, 3.0)
"""Guidance scales of the grid."""

DEVELOPMENT = 72
"""Development items per task."""

JOB = FolderUse("another training run", "choose another --output-path")

ROWS = 64
"""At most so many pictures are drawn together in training; part of the result in float32."""

CAPTION_QUESTION = "describe the picture."


@dataclass(frozen=True)
class TrainingJob:
    """What one training run is to do.

    Attributes:
        model: the adapter before training, with the settings it is evaluated at.
        trainer: the method, with its settings.
        rewarder: builds the rewarder by name: (registry name or None for the chosen one, adapter).
        source: prompts and pictures to learn from.
        tasks: what is measured before and after; those that answer guard understanding.
        output: the training run's folder.
        before: folder that holds the measurements before, which training seeds share.
        policy: ``fixed`` or ``tuned`` guidance.
        scales: guidance scales of the grid; empty for none (``fixed`` only).
        development: development items per task.
        seed: the evaluation's run seed.
        limit: items per task of the evaluation; None for all.
        drawn: folder that keeps the starting model's candidates for other training runs; None for none.
        log_with: trackers beside the JSON lines.
        question: what is asked for a caption.
    """

    model: Any
    trainer: Trainer
    rewarder: Callable[[str | None, Any], Rewarder]
    source: Source
    tasks: Sequence[Task]
    output: Path
    before: Path
    policy: Policy = "fixed"
    scales: tuple[float, ...] = SCALES
    development: int = DEVELOPMENT
    seed: int = 0
    limit: int | None = None
    drawn: Path | None = None
    log_with: tuple[str, ...] = ()
    question: str = CAPTION_QUESTION


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
    asked = development_tasks(job.tasks, job.development, job.policy) if job.scales else []
    refuse_overlap(items, [*job.tasks, *asked])
    if job.policy == "tuned" and not job.scales:
        raise UsageError("--guidance-policy tuned needs scales to choose from; give --scales")
    if "captioning" in job.trainer.sides:
        job.source.pictures(0, 1, settings.seed)
        job.rewarder(caption_rewarder(rewarder), job.model)
    if job.trainer.on_policy and job.model.sampling.top_k:
        raise UsageError(
            f"the trainer {job.trainer.info.name!r} draws from all codes, this model from the likeliest "
            f"{job.model.sampling.top_k}; leave out top_k"
        )
    return rewarder


def estimate_cost(job: TrainingJob) -> dict[str, Any]:
    """What training will take, measured on a few prompts and two steps; nothing is kept.

    Raises:
        UsageError, MissingCapability: as :func:`check`.
    """
    import copy
    import tempfile
    from dataclasses import asdict

    from selfreward_eval.trainers.cost import estimate

    check(job)
    with tempfile.TemporaryDirectory() as scratch:

        def few(count: int) -> Pool:
            trainer = copy.copy(job.trainer)
            whole = trainer.settings
            captioned = max(1, round(whole.pictures * count / whole.prompts))
            trainer.settings = replace(whole, prompts=count, pictures=captioned)
            small = replace(job, trainer=trainer, output=Path(scratch), drawn=None)
            return collector(small, None, ALONE)(0, learner)

        learner = training_copy(job)
        return asdict(estimate(learner, job.trainer, few))


def training_copy(job: TrainingJob) -> Any:
    """The model that is trained: in float32, drawing as candidates are drawn."""
    settings = job.trainer.settings
    guidance = settings.guidance or job.model.sampling.guidance
    return job.model.variant(
        dtype="float32", guidance=guidance, temperature=settings.temperature, rows=ROWS, filled=False
    )


def collector(job: TrainingJob, progress: Any, who: Processes) -> RolloutCollector:
    captions = caption_rewarder(job.rewarder(None, job.model)) if "captioning" in job.trainer.sides else None
    return RolloutCollector(
        folder=job.output / "rounds",
        source=job.source,
        trainer=job.trainer,
        beginning=lambda: training_copy(job),
        rewarder=lambda model: job.rewarder(None, model),
        captions=lambda model: job.rewarder(captions, model),
        question=job.question,
        progress=progress if who.main else None,
        drawn=job.drawn,
        share=(who.rank, who.count),
        wait=who.wait,
    )


def claim(job: TrainingJob) -> None:
    """Records in the folder that it is this job's, or finds that it is.

    Raises:
        RunFolderError: it holds another job, or its record is damaged.
    """
    rewarder = job.rewarder(None, job.model)
    wanted = {
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
    claim_identity(job.output / "job.json", wanted, JOB)


def _captioning(job: TrainingJob, rewarder: Rewarder) -> dict[str, Any] | None:
    """What decides about captions; None where none are trained."""
    if "captioning" not in job.trainer.sides:
        return None
    judge = job.rewarder(caption_rewarder(rewarder), job.model)
    return {"question": job.question, "rewarder": judge.identity()}
