"""A model on tasks, into a run folder with its page; and a finished run read back."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.api.engines import build_engine
from selfreward_eval.api.objects import PathLike, build_model, build_tasks, call_of
from selfreward_eval.harness.records import Status
from selfreward_eval.harness.report import write_run_page
from selfreward_eval.harness.runs import reader
from selfreward_eval.harness.runs.reader import Run
from selfreward_eval.harness.runs.run import BATCH, TRANSIENT, Finished, Phase, Progress
from selfreward_eval.harness.runs.run import run as run_tasks
from selfreward_eval.harness.runs.shards import parse_shard

if TYPE_CHECKING:
    from selfreward_eval.harness.models.base import Model
    from selfreward_eval.harness.task import Task

__all__ = ["load_run", "retried", "run"]


def run(
    model: str | Model = "tiny",
    tasks: str | Task | Sequence[str | Task] = "shapes_geneval",
    output_path: PathLike = "results",
    *,
    model_args: Mapping[str, Any] | None = None,
    task_args: Mapping[str, Any] | None = None,
    limit: int | None = None,
    batch_size: int = BATCH,
    seed: int = 0,
    seed_policy: str = "hashed",
    retry_failed: bool = False,
    page: bool = True,
    progress: Progress | None = None,
    shard: str | None = None,
    phase: Phase = "all",
    engine: str = "local",
    engine_args: Mapping[str, Any] | None = None,
) -> Finished:
    """Draws a benchmark's pictures, measures them, and writes scores with intervals.

    The same call goes on where an earlier one was stopped.

    Args:
        model: registry name, or an adapter.
        tasks: registry names, or tasks; one or several.
        output_path: folder of run folders; the run goes to ``output_path/<model name>``.
        model_args: the adapter's constructor arguments, for a name.
        task_args: constructor arguments of every task given by name; under a task's name, of this one.
        limit: items per task, drawn evenly from its categories; None for all.
        batch_size: samples at a time; changes speed only.
        seed: the run seed.
        seed_policy: ``hashed``, or the tasks' own (``official``).
        retry_failed: try every recorded sample without a number again.
        page: also write ``report.html`` into the run folder.
        progress: told about every finished batch.
        shard: only the samples of this one of several processes: ``i/n``, or ``auto`` for what a launcher's
            environment variables say. The last one to end finishes the run and writes the page.
        phase: ``draw`` leaves pictures unmeasured, ``measure`` leaves out samples without a picture.
        engine: ``local`` for this process, or ``ray`` for a cluster that runs already.
        engine_args: of the engine, such as ``address``.

    Returns:
        The run folder, the results file (None while samples are left), and the scores of every task.

    Raises:
        UsageError: a name, argument or capability that is not there.
        InputError: the engine's cluster cannot be reached.
        RunFolderError: the folder holds another run.
        SelfRewardError: the model failed on every one of the first samples.
    """
    computing = build_engine(engine, engine_args)
    if computing is not None:
        # Workers make what has a name themselves; objects are sent to them.
        computing.build(
            partial(build_model, model, model_args) if isinstance(model, str) else None,
            partial(build_tasks, tasks, task_args),
        )
    finished = run_tasks(
        build_model(model, model_args),
        build_tasks(tasks, task_args),
        Path(output_path),
        seed=seed,
        seed_policy=seed_policy,
        limit=limit,
        batch_size=batch_size,
        progress=progress,
        call=call_of(model, model_args),
        retry=retried(retry_failed),
        shard=None if shard is None else parse_shard(shard, os.environ),
        phase=phase,
        engine=computing,
    )
    if page and finished.results_path is not None:
        write_run_page(finished.folder)
    return finished


def retried(failed: bool) -> frozenset[Status]:
    """Statuses that are tried again: all failures, or only those that pass by themselves."""
    return frozenset(Status) - {Status.SUCCESS} if failed else TRANSIENT


def load_run(folder: PathLike) -> Run:
    """The finished run in ``folder``: manifest, scores and samples.

    Raises:
        InputError: the folder or a file in it is missing, or a line is damaged.
        RunFolderError: no run folder, or an unfinished run.
    """
    return reader.load_run(Path(folder))
