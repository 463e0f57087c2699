"""Run before, train, run after, compare: one record that says whether training helped.

Both arms are drawn for the same items from the same seeds and measured by the same instruments. Every
stage keeps its files and resumes, so that a killed training run is started again with the same command.

>>> record = train(job)  # doctest: +SKIP
>>> record.verdicts  # doctest: +SKIP
{'shapes_t2i_compbench': 'helped', ...}
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.comparing.compare import compare_runs, write_comparison
from selfreward_eval.harness.comparing.records import comparison_file
from selfreward_eval.harness.folders import lock_file
from selfreward_eval.harness.runs.reader import Run, load_run
from selfreward_eval.harness.runs.run import BATCH, run
from selfreward_eval.harness.task import Task
from selfreward_eval.rewarders.base import Rewarder
from selfreward_eval.trainers.building import is_flow
from selfreward_eval.trainers.clock import Clock
from selfreward_eval.trainers.collecting import collector, training_copy
from selfreward_eval.trainers.cpu_time import spent
from selfreward_eval.trainers.fitting import Fitted, fit
from selfreward_eval.trainers.guidance import Grid, best, development_tasks, grid
from selfreward_eval.trainers.job_checks import check, claim
from selfreward_eval.trainers.jobs import TrainingJob
from selfreward_eval.trainers.leakage import entanglements
from selfreward_eval.trainers.live_log import LiveLog
from selfreward_eval.trainers.processes import ALONE, Processes
from selfreward_eval.trainers.record import RECORD, Arm, TrainingRecord, read
from selfreward_eval.trainers.reward_audit import audit
from selfreward_eval.trainers.reward_statistics import SummarisingCollector
from selfreward_eval.trainers.spreading import Actors
from selfreward_eval.trainers.verdict import verdicts
from selfreward_eval.trainers.waypoint_runs import shared_lock, start_of
from selfreward_eval.trainers.waypoints import Waypoints

if TYPE_CHECKING:
    from selfreward_eval.harness.models.training import Trains
    from selfreward_eval.harness.runs.run import Progress


def train(job: TrainingJob, progress: Progress | None = None, who: Processes = ALONE) -> TrainingRecord:
    """Runs ``job`` to its end; resumes where an earlier call was stopped.

    Raises:
        UsageError, MissingCapability: as :func:`check`; or the engine's cluster is too small.
        InputError: the engine's cluster cannot be reached.
        TrainingStopped: a loss was no longer finite, or rewards collapsed.
        RunFolderError: the folder holds another training run.
    """

    rewarder = check(job, who.count)
    if job.engine is not None and not (job.output / RECORD).exists():
        job.engine.require_room()  # The measurements before training may take hours.
    clock = Clock(job.output / "seconds.json")
    if who.main:
        claim(job)
    who.wait()
    if (job.output / RECORD).exists():
        return read(job.output)
    start = None
    if who.main:
        # Training runs that go on side by side share these measurements: one makes them, the others wait.
        with clock("before"), lock_file(shared_lock(job)):
            before = _measured(job, job.model, job.before, progress)
            if job.points.at:
                start = start_of(job, before.run, before.arm.guidance, progress)
    who.wait()
    settings = job.trainer.settings
    name = f"{job.model.name}-{job.trainer.info.name}-{_rewarded_by(job, rewarder)}-s{settings.seed}"
    points = Waypoints(
        job,
        name,
        rewarder,
        start,
        at_once=who.count == 1,
        timed=lambda: clock("points"),
        progress=progress,
    )
    policy = training_copy(job)
    parts = Clock(job.output / "profile.json", digits=4)
    actors = None if job.engine is None else Actors(job)
    made_by = collector(job, progress, who, parts, actors)
    collect = SummarisingCollector(made_by, job.output / "rounds", parts)
    live = LiveLog(job, policy, rewarder, lambda: clock("logging")) if job.log_with else None
    with clock("train") if who.main else nullcontext(), actors or nullcontext():
        fitted = fit(
            policy,
            job.trainer,
            collect,
            job.output,
            progress=progress if who.main else None,
            log_with=job.log_with,
            identity={"rewarder": rewarder.identity(), "prompts": job.source.identity()},
            round_ends=points,
            live=live,
        )
    who.wait()
    if not who.main:
        who.wait()
        return read(job.output)
    with clock("after"):
        trained = job.model.variant(weights=str(fitted.checkpoint), name=name)
        after = _measured(job, trained, job.output / "after", progress)
    measured_points = points.all(after.run, after.arm.guidance)
    with clock("audit"):
        record = _record(
            job, name, rewarder, before, after, fitted, collect.summaries(settings.rounds), progress
        )
    profile = {stage: round(seconds, 1) for stage, seconds in parts.seconds.items()}
    profile |= {"steps": round(fitted.seconds, 1)}
    record = replace(
        record,
        seconds=clock.seconds,
        profile=profile,
        points=measured_points,
        cpu_seconds=spent(job.output, settings.rounds, settings.rounds * settings.steps),
    )
    record.write(job.output)
    who.wait()
    return record


@dataclass(frozen=True)
class Measured:
    """An arm with its run."""

    arm: Arm
    run: Run


def _measured(job: TrainingJob, model: Trains, folder: Path, progress: Progress | None) -> Measured:
    """The grid on development items, the scale by the policy, and the evaluation at this scale."""
    from selfreward_eval.harness.report import write_run_page

    tasks = development_tasks(job.tasks, job.development, job.policy)
    scores: Grid = {}
    tuned = job.policy == "tuned"
    if tasks and job.scales:
        scores = grid(model, tasks, job.scales, folder / "development", progress, needed=tuned)
    scale = best(scores) if tuned else model.guidance
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
    return Measured(Arm(inside, scale, scores), load_run(finished.folder))


def _record(
    job: TrainingJob,
    name: str,
    rewarder: Rewarder,
    before: Measured,
    after: Measured,
    fitted: Fitted,
    rounds: list[dict[str, Any]],
    progress: Progress | None,
) -> TrainingRecord:

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
    if not _guards(job.tasks):
        notes.append("understanding was not measured: none of the tasks asks for answers")
    if job.scales and not before.arm.grid:
        notes.append("no scores over guidance scales: these tasks have no development items")
    if "captioning" in job.trainer.sides:
        notes += _caption_notes(job, rewarder)
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
        verdicts=verdicts(
            comparison,
            audited,
            _guards(job.tasks),
            {task.info.name: task.metrics[0].range for task in job.tasks},
        ),
    )


def _rewarded_by(job: TrainingJob, rewarder: Rewarder) -> str:
    """What a run's name says of its rewards: of pictures, and of captions where that was chosen."""
    if job.captions is None:
        return rewarder.info.name
    return f"{rewarder.info.name}-{job.caption_rewarder(job.model).info.name}"


def _caption_notes(job: TrainingJob, rewarder: Rewarder) -> list[str]:
    """What rewarded captions, where it is not the dual reward."""
    name = job.caption_rewarder(job.model).info.name
    if job.captions is not None:
        return [f"captions were rewarded by {name}, which was chosen"]
    if is_flow(job.model) and rewarder.info.kind != "control":
        return [
            "a flow-matching model has no likelihood of a picture: R_U, the reward of captions, is replaced "
            f"by {name}, the negative flow-matching loss given the caption"
        ]
    return []


def _guards(tasks: Sequence[Task]) -> dict[str, tuple[float, float]]:
    """Tasks with answers, whose score training must not lower -> the range of their metric."""
    return {task.info.name: task.metrics[0].range for task in tasks if task.info.capability != "generate"}
