"""What a training run will take, measured on a few candidates and two real steps; nothing is written."""

from __future__ import annotations

import copy
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import TrainingStopped
from selfreward_eval.trainers.batches import picks
from selfreward_eval.trainers.collecting import collector, training_copy
from selfreward_eval.trainers.engine import Engine
from selfreward_eval.trainers.job_checks import check
from selfreward_eval.trainers.jobs import TrainingJob
from selfreward_eval.trainers.memory import MemoryWatch
from selfreward_eval.trainers.processes import ALONE
from selfreward_eval.trainers.stopping import require_examples

if TYPE_CHECKING:
    from selfreward_eval.harness.models.training import Trains
    from selfreward_eval.trainers.base import Side, Trainer
    from selfreward_eval.trainers.flow.foreseeing import Foreseen
    from selfreward_eval.trainers.pool import Pool

__all__ = ["Estimate", "estimate", "estimate_cost"]

PROMPTS = 4
MEASURED = 1_000_000_000
"""Weights of a model that is still loaded to measure it."""


@dataclass(frozen=True)
class Estimate:
    """What a training run is expected to take.

    Attributes:
        seconds: stage -> predicted wall time of all rounds: ``candidates`` (drawing and scoring) and
            ``training`` (steps; checkpoints not). None where it could not be measured; a note says why.
        peak_bytes: most memory in use while measuring: allocated on the GPU, or resident in this process;
            None where nothing was measured.
        growth_bytes: of that, what was not in use before: gradients, moments, activations, candidates.
        device: where the model computes.
        trainable: number of weights that are trained.
        total: number of weights of the model, adapters not included.
        prompts: how many were drawn for, to measure.
        notes: what could not be measured, and what a reader has to know.
        foreseen: steps worked out from the model's configuration files, for several numbers of processes;
            empty for models that do not offer it.
    """

    seconds: Mapping[str, float | None]
    peak_bytes: int | None
    growth_bytes: int | None
    device: str
    trainable: int
    total: int
    prompts: int
    notes: tuple[str, ...]
    foreseen: tuple[Foreseen, ...] = ()


def estimate(
    model: Trains,
    trainer: Trainer,
    collect_few: Callable[[int], Pool],
    *,
    prompts: int = PROMPTS,
) -> Estimate:
    """Measures what ``trainer`` would take on ``model``; both are afterwards as they were before.

    Args:
        model: in float32.
        trainer: gives the losses and the settings.
        collect_few: number of prompts -> their candidates, drawn and scored, not kept.
        prompts: how many to try; time per prompt is taken to be the same for all.

    Raises:
        UsageError: settings that do not go together, or not with this model or machine.
        MissingExtra: a package that the settings need is not installed.
    """
    settings = trainer.settings
    device = model.compute_device
    training: float | None = None
    notes: list[str] = []
    with MemoryWatch(device) as memory:
        began = time.monotonic()
        pool = collect_few(prompts)
        drawing = time.monotonic() - began
        with Engine(model, trainer) as engine:
            trainable, total = engine.weights.count, engine.weights.total
            processes = engine.accelerator.num_processes
            try:
                training = _step_seconds(engine, trainer, pool) * settings.total_steps
            except TrainingStopped as stopped:
                notes.append(f"the time of a step is not known: {stopped}")
    candidates = drawing / prompts * settings.prompts * settings.rounds / processes
    return Estimate(
        {"candidates": candidates, "training": training},
        memory.peak,
        memory.peak - memory.before,
        str(device),
        trainable,
        total,
        prompts,
        tuple(notes),
    )


def estimate_cost(job: TrainingJob) -> dict[str, Any]:
    """What training will take: foreseen from the configuration files where the model offers it, and measured
    on a few prompts and two steps, unless the model is large. Nothing is kept.

    Raises:
        UsageError, MissingCapability: as :func:`check`.
    """
    check(job)
    foreseen, notes = _foreseen(job)
    if foreseen and foreseen[0].parameters > MEASURED:
        device = job.model.device
        large = f"time was not measured: the model has {foreseen[0].parameters / 1e9:.1f} billion weights"
        stages = {"candidates": None, "training": None}
        first = foreseen[0]
        return asdict(
            Estimate(
                stages, None, None, device, first.trained, first.parameters, 0, (large, *notes), foreseen
            )
        )
    with tempfile.TemporaryDirectory() as scratch:

        def collect_few(count: int) -> Pool:
            trainer = copy.copy(job.trainer)
            settings = trainer.settings
            captioned = max(1, round(settings.pictures * count / settings.prompts))
            trainer.settings = replace(settings, prompts=count, pictures=captioned)
            small = replace(job, trainer=trainer, output=Path(scratch), drawn=None)
            return collector(small, None, ALONE)(0, policy)

        policy = training_copy(job)
        measured = estimate(policy, job.trainer, collect_few)
        return asdict(replace(measured, notes=(*measured.notes, *notes), foreseen=foreseen))


def _foreseen(job: TrainingJob) -> tuple[tuple[Foreseen, ...], tuple[str, ...]]:
    """Steps from the configuration files, and notes on what they leave out."""
    from selfreward_eval.trainers.flow.trainer import FlowTrainer

    shapes = getattr(job.model, "shapes", None)
    trainer = job.trainer
    if shapes is None or not isinstance(trainer, FlowTrainer):
        return (), ()
    if trainer.window is not None or "captioning" in trainer.sides:
        return (), ("a step is not foreseen: its loss has other passes than one over each picture",)
    from selfreward_eval.trainers.flow.foreseeing import foresee

    return tuple(foresee(shapes(), trainer.settings, encodes=trainer.keeps_pictures)), ()


def _step_seconds(engine: Engine, trainer: Trainer, pool: Pool) -> float:
    """Wall time of a second step, which has nothing left to set up."""
    settings = trainer.settings
    examples = require_examples(trainer, pool)
    took = 0.0
    for step in range(2):
        picked: dict[Side, list[int]] = {
            side: picks(settings.seed, 0, step, side, count, settings.batch_size)
            for side, count in examples.items()
        }
        began = time.monotonic()
        engine.step(pool, picked, settings.rate(step), step + 1)
        took = time.monotonic() - began
    return took
