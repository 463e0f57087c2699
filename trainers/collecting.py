"""What makes the candidates of a training job: a copy of its model, and a collector."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from selfreward_eval.trainers.clock import Clock
from selfreward_eval.trainers.jobs import ROWS, TrainingJob
from selfreward_eval.trainers.processes import Processes
from selfreward_eval.trainers.rollouts import Elsewhere, RolloutCollector

if TYPE_CHECKING:
    from selfreward_eval.harness.models.training import Trains
    from selfreward_eval.harness.runs.run import Progress

__all__ = ["collector", "training_copy"]


def training_copy(job: TrainingJob) -> Trains:
    """The model that is trained: in float32, drawing as candidates are drawn."""
    settings = job.trainer.settings
    return job.model.training_copy(
        guidance=settings.guidance or None, temperature=settings.temperature, rows=ROWS
    )


def collector(
    job: TrainingJob,
    progress: Progress | None,
    who: Processes,
    clock: Clock | None = None,
    elsewhere: Elsewhere | None = None,
) -> RolloutCollector:
    """What draws and scores the candidates of every round of ``job``.

    Args:
        job: the training run.
        progress: told of every chunk.
        who: this process among those that train.
        clock: times the parts.
        elsewhere: makes candidates in other processes; None for this one.
    """
    return RolloutCollector(
        folder=job.output / "rounds",
        source=job.source,
        trainer=job.trainer,
        load_reference=lambda: training_copy(job),
        rewarder=lambda model: job.rewarder(None, model),
        caption_rewarder=job.caption_rewarder,
        question=job.question,
        progress=progress if who.main else None,
        drawn=job.drawn,
        share=(who.rank, who.count),
        wait=who.wait,
        timed=clock if clock is not None and who.main else lambda stage: nullcontext(),
        elsewhere=elsewhere,
    )
