"""Run before, train, run after, compare: one record that says whether training helped.

Both arms are drawn for the same items from the same seeds and measured by the same instruments. Every
stage keeps its files and goes on where it stopped, so that a killed training run is started again with
the same command.

>>> record = train(job)  # doctest: +SKIP
>>> record.verdicts  # doctest: +SKIP
{'shapes_t2i_compbench': 'helped', ...}
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import InputError, UsageError
from harness.files import atomic_write_json
from harness.records import fingerprint
from harness.run import BATCH, run
from harness.task import Task
from rewarders.base import Rewarder
from trainers.auditing import audit
from trainers.base import Trainer
from trainers.building import caption_rewarder, require_fit, sides
from trainers.collecting import Collector
from trainers.fairness import entanglements, refuse_overlap
from trainers.processes import ALONE, Processes
from trainers.record import RECORD, Arm, TrainingRecord, read
from trainers.sources import Source
from trainers.tuning import Grid, Policy, best, development_tasks, grid
from trainers.verdict import verdicts

if TYPE_CHECKING:
    from harness.run_reader import Run
    from trainers.pool import Pool

SCALES = (1.0, 1.5, 2.0, 3.0)
"""Guidance scales of the grid."""

DEVELOPMENT = 72
"""Development items per task."""

ROWS = 32
"""Pictures drawn together in training; part of the result in float32, so always the same."""

CAPTION_QUESTION = "describe the picture."


@dataclass(frozen=True)
class Job:
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


def check(job: Job) -> Rewarder:
    """Returns the rewarder if the job can work; nothing is computed and nothing written.

    Raises:
        UsageError: trainer and rewarder do not fit, training prompts are evaluated, or a scale cannot be
            chosen.
        MissingCapability: the model cannot be trained in this way.
    """
    rewarder = job.rewarder(None, job.model)
    require_fit(job.trainer, rewarder, job.model)
    settings = job.trainer.settings
    items = [
        item
        for round_ in range(settings.rounds)
        for item in job.source.items(round_, settings.prompts, settings.seed)
    ]
    refuse_overlap(items, job.tasks)
    if job.policy == "tuned" and not job.scales:
        raise UsageError("--guidance-policy tuned needs scales to choose from; give --scales")
    development_tasks(job.tasks, job.development, job.policy)
    return rewarder


def train(job: Job, progress: Any = None, who: Processes = ALONE) -> TrainingRecord:
    """Runs ``job`` to its end, going on where an earlier sitting stopped.

    Raises:
        UsageError, MissingCapability: as :func:`check`.
        TrainingStopped: a loss was no longer finite, or rewards collapsed.
        RunFolderError: the folder holds another training run.
    """
    from trainers.fitting import fit

    rewarder = check(job)
    clock = Clock(job.output / "seconds.json")
    if who.main:
        _claim(job)
    who.wait()
    if (job.output / RECORD).exists():
        return read(job.output)
    if who.main:
        with clock("before"):
            before = _measured(job, job.model, job.before, progress)
    who.wait()
    settings = job.trainer.settings
    pupil = _pupil(job)
    collect = Summarised(_collector(job, progress, who), job.output / "rounds")
    with clock("train"):
        fitted = fit(
            pupil,
            job.trainer,
            collect,
            job.output,
            progress=progress if who.main else None,
            log_with=job.log_with,
            identity={"rewarder": rewarder.identity(), "prompts": job.source.identity()},
        )
    who.wait()
    if not who.main:
        who.wait()
        return read(job.output)
    name = f"{job.model.name}-{job.trainer.info.name}-{rewarder.info.name}-s{settings.seed}"
    with clock("after"):
        taught = job.model.variant(weights=str(fitted.checkpoint), name=name)
        after = _measured(job, taught, job.output / "after", progress)
    with clock("audit"):
        record = _record(
            job, name, rewarder, before, after, fitted, collect.summaries(settings.rounds), progress
        )
    record = replace(record, seconds=clock.seconds)
    record.write(job.output)
    who.wait()
    return record


def foresee(job: Job) -> dict[str, Any]:
    """What training will take, measured on a few prompts and two steps; nothing is kept.

    Raises:
        UsageError, MissingCapability: as :func:`check`.
    """
    import copy
    import tempfile
    from dataclasses import asdict

    from trainers.estimating import estimate

    check(job)
    with tempfile.TemporaryDirectory() as scratch:

        def few(count: int) -> Pool:
            trainer = copy.copy(job.trainer)
            trainer.settings = replace(trainer.settings, prompts=count)
            small = replace(job, trainer=trainer, output=Path(scratch))
            return _collector(small, None, ALONE)(0, pupil)

        pupil = _pupil(job)
        return asdict(estimate(pupil, job.trainer, few))


@dataclass(frozen=True)
class Measured:
    """An arm with its run."""

    arm: Arm
    run: Run


def _measured(job: Job, model: Any, folder: Path, progress: Any) -> Measured:
    """The grid on development items, the scale by the policy, and the evaluation at this scale."""
    from harness.report import write_run_page
    from harness.run_reader import load_run

    tasks = development_tasks(job.tasks, job.development, job.policy)
    measured: Grid = {}
    if tasks and job.scales:
        measured = grid(model, tasks, job.scales, folder / "development", progress)
    scale = best(measured) if job.policy == "tuned" else model.sampling.guidance
    finished = run(
        model.variant(guidance=scale),
        list(job.tasks),
        folder / f"evaluation-guidance-{scale:g}",
        seed=job.seed,
        limit=job.limit,
        batch_size=BATCH,
        progress=progress,
    )
    write_run_page(finished.folder)
    inside = os.path.relpath(finished.folder, job.output)
    return Measured(Arm(inside, scale, measured), load_run(finished.folder))


def _pupil(job: Job) -> Any:
    """The model that is trained: in float32, drawing as candidates are drawn."""
    settings = job.trainer.settings
    return job.model.variant(
        dtype="float32", guidance=settings.guidance, temperature=settings.temperature, rows=ROWS
    )


def _collector(job: Job, progress: Any, who: Processes) -> Collector:
    captions = caption_rewarder(job.rewarder(None, job.model)) if "captioning" in sides(job.trainer) else None
    return Collector(
        folder=job.output / "rounds",
        source=job.source,
        trainer=job.trainer,
        beginning=lambda: job.model.variant(dtype="float32", rows=ROWS),
        rewarder=lambda model: job.rewarder(None, model),
        captions=lambda model: job.rewarder(captions, model),
        question=job.question,
        progress=progress if who.main else None,
        drawn=job.drawn,
        share=(who.rank, who.count),
        wait=who.wait,
    )


def _record(
    job: Job,
    name: str,
    rewarder: Rewarder,
    before: Measured,
    after: Measured,
    fitted: Any,
    rounds: list[dict[str, Any]],
    progress: Any,
) -> TrainingRecord:
    from harness.compare import compare_runs, write_comparison
    from harness.comparison import comparison_file

    own = ("guidance",) if job.policy == "tuned" else ()
    comparison = compare_runs(before.run, after.run, own=own)
    write_comparison(comparison, comparison_file(comparison, job.output))
    audited = audit(
        rewarder,
        before.run,
        after.run,
        [task for task in job.tasks if task.info.capability == "generate"],
        progress,
    )
    settings = job.trainer.settings
    notes = entanglements(rewarder, job.tasks)
    if job.trainer.info.ours:
        notes.append(
            f"values this project chose, because the paper gives none: {', '.join(job.trainer.info.ours)}"
        )
    return TrainingRecord(
        name=name,
        model=job.model.identity(),
        trainer=job.trainer.identity(),
        rewarder={**rewarder.identity(), "kind": rewarder.info.kind},
        prompts={**job.source.identity(), "count": settings.prompts * settings.rounds},
        policy=job.policy,
        seed=settings.seed,
        notes=notes,
        before=before.arm,
        after=after.arm,
        rounds=rounds,
        checkpoint=os.path.relpath(fitted.checkpoint, job.output),
        comparison=comparison.to_json(),
        audit=audited,
        seconds={},
        verdicts=verdicts(comparison, audited, _guards(job.tasks)),
    )


@dataclass
class Summarised:
    """A collector that notes what each round's rewards were."""

    collector: Collector
    folder: Path

    def __call__(self, round_: int, model: Any) -> Pool:
        pool = self.collector(round_, model)
        if self.collector.share[0] == 0:
            atomic_write_json(self.folder / f"{round_:03d}" / "summary.json", summary(pool))
        return pool

    def summaries(self, rounds: int) -> list[dict[str, Any]]:
        """Of all rounds."""
        paths = [self.folder / f"{number:03d}" / "summary.json" for number in range(rounds)]
        return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def summary(pool: Pool) -> dict[str, Any]:
    """Mean reward, mean of the groups' best, share with a reward, and why the rest has none."""
    import numpy as np

    told: dict[str, Any] = {"round": pool.round, "reasons": pool.reasons}
    for side, one in (("drawing", pool.drawings), ("captioning", pool.captions)):
        if one is None:
            continue
        known = one.scored
        tops = [float(one.values[g][known[g]].max()) for g in range(len(known)) if known[g].any()]
        told[side] = {
            "mean": float(one.values[known].mean()) if known.any() else None,
            "best": float(np.mean(tops)) if tops else None,
            "scored": float(known.mean()),
            "groups": len(one.groups),
            "of": len(known),
        }
    return told


class Clock:
    """Wall time by stage, over all sittings.

    Args:
        path: where it is kept.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seconds: dict[str, float] = {}
        if path.exists():
            self.seconds = json.loads(path.read_text(encoding="utf-8"))

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[stage] = round(self.seconds.get(stage, 0.0) + time.monotonic() - began, 1)
            if self.path.parent.is_dir():
                atomic_write_json(self.path, self.seconds)


def _guards(tasks: Sequence[Task]) -> dict[str, tuple[float, float]]:
    """The tasks that answer, which training must not cost anything -> the range of their metric."""
    return {task.info.name: task.metrics[0].range for task in tasks if task.info.capability != "generate"}


def _claim(job: Job) -> None:
    """Takes the folder for this job, or finds that it is this job's already."""
    from harness.errors import RunFolderError

    rewarder = job.rewarder(None, job.model)
    wanted = {
        "model": job.model.identity(),
        "trainer": job.trainer.identity(),
        "rewarder": rewarder.identity(),
        "prompts": job.source.identity(),
        "tasks": {task.info.name: task.info.version for task in job.tasks},
        "policy": job.policy,
        "scales": list(job.scales),
        "seed": job.seed,
        "limit": job.limit,
    }
    path = job.output / "job.json"
    if not path.exists():
        job.output.mkdir(parents=True, exist_ok=True)
        atomic_write_json(path, wanted)
        return
    from harness.differences import differing

    try:
        there = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}); move the folder away and train again") from error
    if fingerprint(there) != fingerprint(json.loads(json.dumps(wanted))):
        told = [f"{field}: {a} != {b}" for field, a, b in differing(there, json.loads(json.dumps(wanted)))]
        raise RunFolderError(
            f"{job.output} holds another training run ({'; '.join(told[:4])}); choose another --output-path"
        )
