"""Run before, train, run after, compare; a page for every training seed, and one over all."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.api.engines import build_engine
from selfreward_eval.api.objects import PathLike
from selfreward_eval.harness.comparing.claims import PooledComparison
from selfreward_eval.harness.errors import UsageError
from selfreward_eval.trainers.guidance import Policy
from selfreward_eval.trainers.jobs import (
    CAPTION_QUESTION,
    DEVELOPMENT,
    LOG_PICTURES_EVERY,
    SCALES,
    TASKS,
    TrainingJob,
)
from selfreward_eval.trainers.points import Points
from selfreward_eval.trainers.pooling import pool_seeds
from selfreward_eval.trainers.seeds import TrainedSeed, train_seeds

if TYPE_CHECKING:
    from selfreward_eval.harness.models.training import Trains
    from selfreward_eval.harness.runs.run import Progress
    from selfreward_eval.harness.task import Task
    from selfreward_eval.rewarders.base import Rewarder
    from selfreward_eval.trainers.base import Trainer
    from selfreward_eval.trainers.sources import Source

__all__ = ["Trained", "train"]


@dataclass(frozen=True)
class Trained:
    """What training left behind.

    Attributes:
        runs: one per training seed: its record, folder and page.
        method: what may be claimed of the way of training; None for a single seed.
        page: over all seeds; None for a single one.
    """

    runs: tuple[TrainedSeed, ...]
    method: PooledComparison | None = None
    page: Path | None = None


def train(
    model: str | Trains = "tiny",
    trainer: str | Trainer = "srum",
    rewarder: str | Rewarder = "srum",
    tasks: str | Task | Sequence[str | Task] = TASKS,
    output_path: PathLike = "training",
    *,
    model_args: Mapping[str, Any] | None = None,
    trainer_args: Mapping[str, Any] | None = None,
    rewarder_args: Mapping[str, Any] | None = None,
    caption_rewarder: str | Rewarder | None = None,
    caption_rewarder_args: Mapping[str, Any] | None = None,
    task_args: Mapping[str, Any] | None = None,
    prompts: PathLike | Source = "shapes",
    pictures: PathLike | None = None,
    question: str = CAPTION_QUESTION,
    guidance_policy: Policy = "fixed",
    scales: Sequence[float] = SCALES,
    development: int = DEVELOPMENT,
    drawn: PathLike | None = None,
    seeds: Sequence[int] = (0,),
    seed: int = 0,
    limit: int | None = None,
    evaluate_at: Sequence[int] = (),
    evaluate_tasks: Sequence[str] | None = None,
    evaluate_limit: int | None = None,
    log_with: Sequence[str] = (),
    log_pictures_every: int = LOG_PICTURES_EVERY,
    progress: Callable[[int], AbstractContextManager[Progress | None]] | None = None,
    engine: str = "local",
    engine_args: Mapping[str, Any] | None = None,
) -> Trained:
    """Trains on self-rewards, measured before and after on the same items and seeds.

    The same call goes on where an earlier one was stopped. It runs in one process; for several, use the
    command line under ``accelerate launch``.

    Args:
        model: registry name of an adapter that can be trained, or an adapter.
        trainer: registry name, or a trainer.
        rewarder: registry name, or a rewarder that does not use the model.
        tasks: what is measured before and after, by name or as objects; one or several.
        output_path: folder of training runs; each goes to ``<trainer>-<rewarder>/seed-<number>`` in it.
        model_args: the adapter's constructor arguments, for a name.
        trainer_args: the trainer's parameters and settings, for a name.
        rewarder_args: the rewarder's constructor arguments, for a name.
        caption_rewarder: what rewards captions, as ``rewarder``; by default the control that ``rewarder``
            is, and else the dual reward of captions.
        caption_rewarder_args: its constructor's arguments, for a name.
        task_args: constructor arguments of every task given by name; under a task's name, of this one.
        prompts: ``shapes``, one embedded benchmark's wordings, a ``.txt`` or ``.jsonl`` file, or a source.
        pictures: folder of pictures to caption, for trainers that learn captioning.
        question: what is asked for a caption.
        guidance_policy: ``fixed``: one scale for both arms; ``tuned``: each arm its best on other items.
        scales: guidance scales of the grid; empty for none.
        development: development items per task, for the grid.
        drawn: folder that keeps the starting model's candidates for other training runs.
        seeds: training seeds; each is a training run.
        seed: run seed of the evaluation.
        limit: items per task of the evaluation; None for all.
        evaluate_at: numbers of pictures to learn from, increasing; the weights at the first end of a round
            at or after each are measured too.
        evaluate_tasks: names of the tasks that are measured there; None for all.
        evaluate_limit: items per task there; None for as many as in the evaluation.
        log_with: also log to ``tensorboard`` or ``wandb``.
        log_pictures_every: with them, log pictures of fixed prompts every so many rounds; 0 for none.
        progress: training seed -> a context whose value is told about progress.
        engine: ``local`` for this process, or ``ray`` for a cluster that runs already, whose actors draw and
            reward the candidates.
        engine_args: of the engine, such as ``address``.

    Raises:
        UsageError: a name, argument or capability that is not there, or parts that do not fit.
        TrainingStopped: a loss was no longer finite, or rewards collapsed.
        RunFolderError: the folder holds another training run.
    """
    if not seeds:
        raise UsageError("seeds names no training seed; write seeds=[0]")
    job = TrainingJob.from_names(
        model=model,
        model_args=model_args,
        trainer=trainer,
        trainer_args=trainer_args,
        rewarder=rewarder,
        rewarder_args=rewarder_args,
        caption_rewarder=caption_rewarder,
        caption_rewarder_args=caption_rewarder_args,
        tasks=[tasks] if isinstance(tasks, str) or not isinstance(tasks, Sequence) else tasks,
        task_args=task_args,
        prompts=_path(prompts),
        pictures=None if pictures is None else Path(pictures),
        question=question,
        guidance_policy=guidance_policy,
        scales=scales,
        development=development,
        drawn=None if drawn is None else Path(drawn),
        training_seed=seeds[0],
        seed=seed,
        limit=limit,
        points=Points(
            tuple(evaluate_at), None if evaluate_tasks is None else tuple(evaluate_tasks), evaluate_limit
        ),
        log_with=log_with,
        log_pictures_every=log_pictures_every,
        output_path=Path(output_path),
        engine=build_engine(engine, engine_args, measures=False),
    )
    trained = tuple(train_seeds(job, seeds, progress))
    if len(trained) < 2:
        return Trained(trained)
    method, page = pool_seeds([run.folder for run in trained])
    return Trained(trained, method, page)


def _path(prompts: PathLike | Source) -> str | Path | Source:
    """Prompts with a path of any kind as one that the job knows."""
    return Path(prompts) if isinstance(prompts, os.PathLike) else prompts
