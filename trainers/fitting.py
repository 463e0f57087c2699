"""Trains a model: rounds of candidates, steps on them, checkpoints to resume from, one folder of weights.

>>> fitted = fit(model, trainer, collect, Path("training"))  # doctest: +SKIP
>>> JanusModel(weights=str(fitted.checkpoint))  # doctest: +SKIP

::

    training/
        fit.json        what is trained with what; another run is refused here
        checkpoints/    the last two, to resume from (:mod:`selfreward_eval.trainers.checkpoints`)
        log.jsonl       one line a step (:mod:`selfreward_eval.trainers.step_log`)
        at-20000/       weights along the way (:mod:`selfreward_eval.trainers.waypoints`)
        weights/        the trained model in the hub's layout, when done

The same call goes on where an earlier one was stopped, and ends with the same weights.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from selfreward_eval.harness.report.trackers import PROJECT, require_trackers
from selfreward_eval.trainers.batches import picks
from selfreward_eval.trainers.checkpoints import Checkpoints, fingerprint
from selfreward_eval.trainers.cpu_time import cpu_seconds
from selfreward_eval.trainers.engine import Engine
from selfreward_eval.trainers.folder import TrainingFolder
from selfreward_eval.trainers.processes import ALONE, Processes
from selfreward_eval.trainers.step_log import (
    LOG,
    StepLog,
    elapsed,
    tracker_arguments,
)
from selfreward_eval.trainers.stopping import require_examples
from selfreward_eval.trainers.whole_weights import put_whole

if TYPE_CHECKING:
    from selfreward_eval.harness.models.training import Trains
    from selfreward_eval.harness.runs.run import Progress
    from selfreward_eval.trainers.base import Side, Trainer
    from selfreward_eval.trainers.live_log import LiveLog
    from selfreward_eval.trainers.pool import Pool
    from selfreward_eval.trainers.whole_weights import Export

__all__ = ["Fitted", "RoundEnds", "fit"]

WEIGHTS = "weights"


class RoundEnds(Protocol):
    """What happens at the ends of rounds."""

    def keep(self, steps: int, export: Export, writes: bool) -> None:
        """After the last step of a round and before its checkpoint, in every process that writes or shares.

        Args:
            steps: taken so far.
            export: writes the weights that would be kept into a folder.
            writes: whether this process is the one that writes.
        """

    def reached(self, steps: int) -> None:
        """After the checkpoint, in every process."""


@dataclass(frozen=True)
class Fitted:
    """What training left behind.

    Attributes:
        checkpoint: folder of the trained model in the hub's layout: the EMA where ``ema`` is above 0,
            adapters merged.
        steps: optimiser steps taken in all.
        resumed_at: of these, taken by earlier calls that were stopped.
        seconds: wall time of all steps, those of earlier calls included; drawing candidates is not.
        log: the line file.
    """

    checkpoint: Path
    steps: int
    resumed_at: int
    seconds: float
    log: Path


def fit(
    model: Trains,
    trainer: Trainer,
    collect: Callable[[int, Trains, bool], Pool],
    folder: Path,
    *,
    progress: Progress | None = None,
    log_with: Sequence[str] = (),
    identity: Mapping[str, Any] | None = None,
    round_ends: RoundEnds | None = None,
    live: LiveLog | None = None,
) -> Fitted:
    """Trains ``model`` with ``trainer``; afterwards, and after any failure, ``model`` is as it was before.

    Args:
        model: in float32. Under ``accelerate launch --use_fsdp`` it is shared out over the processes, and
            of no use afterwards.
        trainer: gives the losses and the settings.
        collect: (round from 0, model, moved) -> its candidates. Called at most once a round by every
            process, with the weights of the round's beginning. A call that resumes in the middle of a round
            passes ``moved``: the weights have changed since, and only candidates on disk may be returned.
        folder: everything is written here, by the first process alone.
        progress: told of every step, as :class:`selfreward_eval.harness.runs.run.Progress`; in the first
            process alone.
        log_with: ``tensorboard``, ``wandb``, both or none, beside the line file.
        identity: what else decides the outcome, such as prompts and rewarder; JSON values.
        round_ends: called at the end of every round; it decides nothing of the outcome.
        live: what trackers are told of rounds, in every process; decides nothing of the outcome.

    Raises:
        UsageError: settings that do not go together, or not with this model or machine.
        MissingExtra: a package that the settings need is not installed.
        RunFolderError: the folder holds another training run, or another process writes it.
        TrainingStopped: a round without examples, or numbers that are no longer finite. The checkpoints
            stay as they are.
    """
    require_trackers(log_with)
    run_identity = {
        "trainer": trainer.identity(),
        "model": {"revision": model.identity()["revision"]},
        **dict(identity or {}),
    }
    with ExitStack() as stack:
        engine = stack.enter_context(Engine(model, trainer, folder, log_with))
        accelerator = engine.accelerator
        training_folder = stack.enter_context(
            TrainingFolder(folder, run_identity, accelerator.is_main_process, accelerator.wait_for_everyone)
        )
        who = ALONE
        if engine.sharded:
            rank, count = accelerator.process_index, accelerator.num_processes
            who = Processes(rank, count, accelerator.wait_for_everyone)
        checkpoints = Checkpoints(folder / "checkpoints", fingerprint(run_identity), who)
        if training_folder.writes:
            checkpoints.clean()
        saved = checkpoints.newest()
        start = 0 if saved is None else saved.step
        # No process may add a checkpoint before all processes have read the newest one.
        accelerator.wait_for_everyone()
        if start < trainer.settings.total_steps or not (folder / WEIGHTS).is_dir():
            if saved is not None:
                engine.load(saved)
            step_log = stack.enter_context(StepLog(folder / LOG, start)) if training_folder.writes else None
            if log_with:
                accelerator.init_trackers(PROJECT, init_kwargs=tracker_arguments(folder, run_identity, start))
            shown = progress if training_folder.writes else None

            def collect_whole(round_: int, moved: bool) -> Pool:
                with engine.whole():
                    return collect(round_, model, moved)

            _take_steps(
                engine,
                trainer,
                collect_whole,
                checkpoints,
                step_log,
                start,
                shown,
                round_ends,
                live if log_with else None,
            )
            if training_folder.writes or engine.sharded:
                put_whole(engine.export, folder / WEIGHTS, training_folder.writes)
            accelerator.wait_for_everyone()
    log = folder / LOG
    return Fitted(folder / WEIGHTS, trainer.settings.total_steps, start, elapsed(log), log)


def _take_steps(
    engine: Engine,
    trainer: Trainer,
    collect: Callable[[int, bool], Pool],
    checkpoints: Checkpoints,
    step_log: StepLog | None,
    start: int,
    progress: Progress | None,
    round_ends: RoundEnds | None,
    live: LiveLog | None,
) -> None:
    """All steps from ``start`` on; ``step_log`` is None in processes that do not write."""
    settings = trainer.settings
    label = f"training {trainer.info.name}"
    if progress is not None:
        progress.start(label, settings.total_steps, start)
    pool: Pool | None = None
    if start == 0:
        _show(engine, live, 0, 0, step_log)
    for step in range(start, settings.total_steps):
        round_, within = divmod(step, settings.steps)
        if pool is None or within == 0:
            pool = collect(round_, within > 0)
            examples = require_examples(trainer, pool)
        rewards = live.rewards(pool) if live is not None and within == 0 else {}
        began, began_cpu = time.monotonic(), cpu_seconds()
        picked: dict[Side, list[int]] = {
            side: picks(settings.seed, round_, within, side, count, settings.batch_size)
            for side, count in examples.items()
        }
        rate = settings.rate(step)
        result = engine.step(pool, picked, rate, step + 1)
        numbers = {**result.terms, "lr": rate, "grad_norm": result.norm}
        if step_log is not None:
            skipped = {"skipped": True} if result.skipped else {}
            seconds = round(time.monotonic() - began, 4)
            took = {"seconds": seconds, "cpu_seconds": round(cpu_seconds() - began_cpu, 4)}
            step_log.step({"step": step + 1, "round": round_, **numbers, **skipped, **took})
        engine.accelerator.log({**numbers, **rewards}, step=step + 1)
        round_over = within + 1 == settings.steps
        if round_over:
            # Before the checkpoint: a call that resumes from it does not come here again.
            _show(engine, live, round_ + 1, step + 1, step_log)
        due = (step + 1) % settings.save_every == 0 or round_over
        if due and step_log is not None:
            step_log.sync()
        if due and (step_log is not None or engine.sharded):
            if round_over and round_ends is not None:
                round_ends.keep(step + 1, engine.export, step_log is not None)
            checkpoints.write(engine.state(step + 1), round_)
        if round_over and round_ends is not None:
            round_ends.reached(step + 1)
        if progress is not None:
            progress.advance(label, 1)


def _show(engine: Engine, live: LiveLog | None, rounds: int, steps: int, step_log: StepLog | None) -> None:
    """Logs the round that ended, and pictures where they are due; after ``rounds`` rounds."""
    if live is None:
        return
    if step_log is not None and rounds:
        took = step_log.seconds[rounds - 1]
        engine.accelerator.log(live.profile(rounds - 1, took), step=steps)
    if live.due(rounds):
        with engine.whole():
            if step_log is not None:
                live.show(steps, engine.accelerator.trackers)
