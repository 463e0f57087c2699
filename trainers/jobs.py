"""What one training run is to do, from objects or from registry names.

>>> job = TrainingJob.from_names(trainer="dsr_grpo", rewarder="dsr", tasks=["shapes_geneval"])
>>> job.output.as_posix(), job.trainer.settings.seed
('training/dsr_grpo-dsr/seed-0', 0)
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.registry import construct, registry
from selfreward_eval.harness.task import Task
from selfreward_eval.harness.task_arguments import per_task
from selfreward_eval.rewarders.base import Rewarder
from selfreward_eval.trainers.base import Trainer
from selfreward_eval.trainers.building import (
    RewarderBuilder,
    captions_builder,
    default_caption_rewarder,
    refuse_pair,
    rewarder_builder,
)
from selfreward_eval.trainers.building import build as build_trainer
from selfreward_eval.trainers.guidance import POLICIES, Policy
from selfreward_eval.trainers.points import NO_POINTS, Points
from selfreward_eval.trainers.sources import Source, source

if TYPE_CHECKING:
    from selfreward_eval.harness.engines.ray.engine import RayEngine
    from selfreward_eval.harness.models.training import Trains

TASKS = (
    "shapes_t2i_compbench",
    "shapes_geneval",
    "shapes_t2i_reasonbench",
    "shapes_llava_bench",
    "shapes_questions",
)
"""Measured before and after where no tasks are named."""

SCALES = (1.0, 1.5, 2.0, 3.0)
"""Guidance scales of the grid."""

DEVELOPMENT = 72
"""Development items per task."""

ROWS = 256
"""At most so many pictures are drawn together in training; part of the result in float32."""

LOG_PICTURES_EVERY = 5
"""Rounds from one logging of pictures to the next, where there are trackers."""

CAPTION_QUESTION = "describe the picture."


@dataclass(frozen=True)
class TrainingJob:
    """What one training run is to do.

    Attributes:
        model: the adapter before training, with the settings it is evaluated at.
        trainer: the method, with its settings.
        rewarder: builds the rewarder by name: (registry name or None for the chosen one, adapter).
        captions: builds the chosen rewarder of captions; None for the one that goes with ``rewarder``.
        source: prompts and pictures to learn from.
        tasks: what is measured before and after; those that answer guard understanding.
        output: the training run's folder.
        before: folder that holds the measurements before, which training seeds share.
        policy: ``fixed`` or ``tuned`` guidance.
        scales: guidance scales of the grid; empty for none (``fixed`` only).
        development: development items per task.
        seed: the evaluation's run seed.
        limit: items per task of the evaluation; None for all.
        points: where along the way the weights are measured too.
        drawn: folder that keeps the starting model's candidates for other training runs; None for none.
        log_with: trackers beside the JSON lines.
        log_pictures_every: rounds from one logging of pictures to the next; 0 for none. Decides nothing of
            the outcome.
        question: what is asked for a caption.
        files: name -> text of files for the training run's folder.
        engine: has actors that make candidates; None for this process. Decides nothing of the outcome.
        recipe: makes the same job in another process, without tasks; None to send this one.
    """

    model: Trains
    trainer: Trainer
    rewarder: RewarderBuilder
    source: Source
    tasks: Sequence[Task]
    output: Path
    before: Path
    policy: Policy = "fixed"
    scales: tuple[float, ...] = SCALES
    development: int = DEVELOPMENT
    seed: int = 0
    limit: int | None = None
    points: Points = NO_POINTS
    drawn: Path | None = None
    log_with: tuple[str, ...] = ()
    log_pictures_every: int = LOG_PICTURES_EVERY
    question: str = CAPTION_QUESTION
    files: Mapping[str, str] = field(default_factory=dict)
    engine: RayEngine | None = None
    recipe: Callable[[], TrainingJob] | None = None
    captions: RewarderBuilder | None = None

    @classmethod
    def from_names(
        cls,
        *,
        model: str | Trains = "tiny",
        model_args: Mapping[str, Any] | None = None,
        trainer: str | Trainer = "srum",
        trainer_args: Mapping[str, Any] | None = None,
        rewarder: str | Rewarder = "srum",
        rewarder_args: Mapping[str, Any] | None = None,
        caption_rewarder: str | Rewarder | None = None,
        caption_rewarder_args: Mapping[str, Any] | None = None,
        tasks: Sequence[str | Task] = TASKS,
        task_args: Mapping[str, Any] | None = None,
        prompts: str | Path | Source = "shapes",
        pictures: str | Path | None = None,
        question: str = CAPTION_QUESTION,
        guidance_policy: Policy = "fixed",
        scales: Sequence[float] = SCALES,
        development: int = DEVELOPMENT,
        drawn: str | Path | None = None,
        training_seed: int = 0,
        seed: int = 0,
        limit: int | None = None,
        points: Points = NO_POINTS,
        log_with: Sequence[str] = (),
        log_pictures_every: int = LOG_PICTURES_EVERY,
        output_path: str | Path = "training",
        engine: RayEngine | None = None,
    ) -> TrainingJob:
        """A job from registry names and their arguments.

        The training run goes to ``output_path/<trainer>-<rewarder>/seed-<training_seed>``, with
        ``-<caption_rewarder>`` after the rewarder where one is chosen; the measurement before it to
        ``output_path/before``, which all training runs of the model share.

        Args:
            model: registry name of an adapter that can be trained, or an adapter.
            model_args: the adapter's arguments, for a name.
            trainer: registry name, or a trainer.
            trainer_args: its parameters and settings, except ``seed``, for a name.
            rewarder: registry name, or a rewarder that does not use the model in training.
            rewarder_args: its arguments, for a name.
            caption_rewarder: what rewards captions, as ``rewarder``; by default the control that
                ``rewarder`` is, and else the dual reward of captions.
            caption_rewarder_args: its arguments, for a name.
            tasks: registry names or tasks; measured before and after.
            task_args: arguments of every task given by name; under a task's name, of that task only.
            prompts: ``shapes``, one embedded benchmark's wordings, a ``.txt`` or ``.jsonl`` file, or a
                source.
            pictures: folder of pictures to caption, beside a file of prompts.
            question: what is asked for a caption.
            guidance_policy: ``fixed`` or ``tuned``.
            scales: guidance scales of the grid; empty for none.
            development: development items per task, for the grid.
            drawn: folder that keeps the starting model's candidates for other training runs.
            training_seed: of prompts, candidates, batches and new weights.
            seed: run seed of the evaluation.
            limit: items per task of the evaluation; None for all.
            points: where along the way the weights are measured too.
            log_with: ``tensorboard``, ``wandb``, both or none.
            log_pictures_every: with trackers, log pictures of fixed prompts every so many rounds; 0 for none.
            output_path: folder of training runs.
            engine: has actors that make candidates; None for this process.

        Raises:
            UnknownName: a name that is not registered; the message offers the nearest ones.
            UsageError: arguments that do not fit.
            InputError: prompts or pictures that cannot be read.
        """
        if guidance_policy not in POLICIES:
            raise UsageError(
                f"unknown guidance policy {guidance_policy!r} ({_option('guidance_policy')}); known: "
                f"{', '.join(POLICIES)}"
            )
        # All that decides candidates; tasks may need data that machines which only draw do not have.
        recipe = partial(
            cls.from_names,
            model=model,
            model_args=model_args,
            trainer=trainer,
            trainer_args=trainer_args,
            rewarder=rewarder,
            rewarder_args=rewarder_args,
            caption_rewarder=caption_rewarder,
            caption_rewarder_args=caption_rewarder_args,
            tasks=(),
            prompts=prompts,
            pictures=pictures,
            question=question,
            drawn=drawn,
        )
        build_rewarders = rewarder_builder(rewarder, rewarder_args or {})
        names = [
            one if isinstance(one, str) else one.info.name
            for one in (trainer, rewarder, caption_rewarder)
            if one is not None
        ]
        adapter = _model(model, model_args or {})
        method = _trainer(trainer, trainer_args or {}, training_seed, adapter)
        folder = Path(output_path)
        return cls(
            model=adapter,
            trainer=method,
            rewarder=build_rewarders,
            captions=captions_builder(caption_rewarder, caption_rewarder_args or {}),
            source=source(str(prompts), None if pictures is None else str(pictures))
            if isinstance(prompts, str | Path)
            else prompts,
            tasks=_tasks(tasks, task_args or {}),
            output=folder / "-".join(names) / f"seed-{training_seed}",
            before=folder / "before",
            policy=guidance_policy,
            scales=tuple(map(float, scales)),
            development=development,
            seed=seed,
            limit=limit,
            points=points,
            drawn=None if drawn is None else Path(drawn),
            log_with=tuple(log_with),
            log_pictures_every=log_pictures_every,
            question=question,
            engine=engine,
            recipe=recipe,
        )

    def caption_rewarder(self, model: Trains) -> Rewarder:
        """What rewards captions, built for ``model``."""
        if self.captions is not None:
            return self.captions(None, model)
        return self.rewarder(default_caption_rewarder(self.rewarder(None, self.model), self.model), model)

    def with_training_seed(self, training_seed: int) -> TrainingJob:
        """The same job with another training seed, in the folder ``seed-<training_seed>`` beside this one."""
        trainer = _seeded(self.trainer, training_seed)
        return replace(self, trainer=trainer, output=self.output.with_name(f"seed-{training_seed}"))


def _option(name: str) -> str:
    """An argument as Python callers and as users of the command line know it."""
    return f"{name} (--{name.replace('_', '-')})"


def _seeded(trainer: Trainer, training_seed: int) -> Trainer:
    """The same trainer with another training seed."""
    seeded = copy.copy(trainer)
    seeded.settings = replace(trainer.settings, seed=training_seed)
    return seeded


def _trainer(
    trainer: str | Trainer, arguments: Mapping[str, Any], training_seed: int, model: Trains
) -> Trainer:
    """The trainer of that name for that model, or the one given, with the training seed."""
    if "seed" in arguments:
        raise UsageError(
            f"{_option('trainer_args')} holds a seed; training seeds are given by training_seed (--seeds)"
        )
    if isinstance(trainer, str):
        return build_trainer(trainer, model, **arguments, seed=training_seed)
    if arguments:
        raise UsageError("trainer_args are for a trainer that is given by name")
    return _seeded(trainer, training_seed)


def _model(model: str | Trains, arguments: Mapping[str, Any]) -> Trains:
    """A model from a name, or the object itself."""
    if isinstance(model, str):
        factory = registry("models").load(model)
        model = cast("Trains", construct(factory, arguments, f"model {model!r}", _option("model_args")))
    refuse_pair(model, "training")
    return model


def _tasks(tasks: Sequence[str | Task], arguments: Mapping[str, Any]) -> list[Task]:
    """Tasks from names, each name once, and from objects."""
    option = _option("task_args")
    given = list(dict.fromkeys(tasks))
    factories = {task: registry("tasks").load(task) for task in given if isinstance(task, str)}
    by_task = per_task(arguments, list(factories), option, factories)
    return [
        construct(factories[task], by_task[task], f"task {task!r}", option) if isinstance(task, str) else task
        for task in given
    ]
