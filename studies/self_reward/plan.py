"""``plan.yaml`` as records: what is run, in which order, and what it is to show.

>>> plan = read_plan(PLAN)
>>> [(run.arm.name, run.seed) for run in plan.runs()][:2]
[('dsr_grpo-dsr', 0), ('dsr_grpo-dsr', 1)]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from selfreward_eval.harness.errors import InputError, UsageError

if TYPE_CHECKING:
    from selfreward_eval.trainers.jobs import TrainingJob

__all__ = ["PLAN", "Arm", "Hypothesis", "Plan", "PlannedRun", "chosen", "read_plan"]

PLAN = Path(__file__).parent / "plan.yaml"

TESTS = ("gain", "kept", "no gain", "beats")

T = TypeVar("T")


@dataclass(frozen=True)
class Evaluation:
    """What is measured before and after training."""

    tasks: tuple[str, ...]
    guidance_policy: str = "fixed"
    scales: tuple[float, ...] = ()
    development: int = 48
    limit: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Along:
    """What is measured along the way: after which pictures, on which tasks, on how many items of each."""

    at: tuple[int, ...] = ()
    tasks: tuple[str, ...] | None = None
    limit: int | None = None


@dataclass(frozen=True)
class Arm:
    """A method with its reward.

    Attributes:
        name: of its folder and its row.
        title: what it is.
        priority: arms of a lower number run first.
        seeds: training seeds.
        trainer: registry name.
        rewarder: registry name.
        settings: of the trainer, the plan's own included.
        rewarder_args: of the rewarder.
    """

    name: str
    title: str
    priority: int
    seeds: tuple[int, ...]
    trainer: str
    rewarder: str
    settings: Mapping[str, Any]
    rewarder_args: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rounds(self) -> int:
        return int(self.settings["rounds"])

    @property
    def pictures_a_round(self) -> int:
        return int(self.settings["prompts"] * self.settings["candidates"])

    @property
    def pictures(self) -> int:
        """Pictures that a run of it learns from."""
        return self.rounds * self.pictures_a_round


@dataclass(frozen=True)
class Hypothesis:
    """What is to be shown; ``plan.yaml`` says how each test decides."""

    says: str
    test: str
    arms: tuple[str, ...]
    tasks: tuple[str, ...]
    at_least: float = 0.0
    relative: float = 0.0
    p: float = 0.05
    margin: float = 0.0
    over: str = ""


@dataclass(frozen=True)
class PlannedRun:
    """One training run of the plan."""

    arm: Arm
    seed: int

    @property
    def name(self) -> str:
        return f"{self.arm.name}/seed-{self.seed}"


@dataclass(frozen=True)
class Plan:
    """The whole plan.

    Attributes:
        model: what is trained.
        evaluation: before and after.
        points: along the way.
        arms: what is run.
        hypotheses: what it is to show.
        amendments: what was changed after the first run, when, and why.
    """

    model: str
    evaluation: Evaluation
    points: Along
    arms: tuple[Arm, ...]
    hypotheses: tuple[Hypothesis, ...]
    amendments: tuple[str, ...] = ()

    def runs(self) -> list[PlannedRun]:
        """All training runs in the order in which they start."""
        every = [PlannedRun(arm, seed) for arm in self.arms for seed in arm.seeds]
        return sorted(every, key=lambda run: (run.arm.priority, run.seed))

    def run(self, arm: str, seed: int) -> PlannedRun:
        """The run of that arm and seed.

        Raises:
            InputError: it is not in the plan.
        """
        for one in self.runs():
            if (one.arm.name, one.seed) == (arm, seed):
                return one
        raise InputError(f"the plan has no run of {arm!r} with seed {seed}")

    def job(self, run: PlannedRun, output: Path) -> TrainingJob:
        """The training run, in ``output/runs/ARM/seed-SEED``; all share ``output/before``."""
        from selfreward_eval.trainers.jobs import TrainingJob
        from selfreward_eval.trainers.points import Points

        arm, evaluation, along = run.arm, self.evaluation, self.points
        at = [number for number in along.at if -(-number // arm.pictures_a_round) < arm.rounds]
        job = TrainingJob.from_names(
            model=self.model,
            trainer=arm.trainer,
            trainer_args=arm.settings,
            rewarder=arm.rewarder,
            rewarder_args=arm.rewarder_args,
            tasks=evaluation.tasks,
            guidance_policy=evaluation.guidance_policy,  # type: ignore[arg-type]
            scales=evaluation.scales,
            development=evaluation.development,
            training_seed=run.seed,
            seed=evaluation.seed,
            limit=evaluation.limit,
            points=Points((*at, arm.pictures), along.tasks, along.limit),
        )
        return replace(job, output=folder_of(run, output), before=output / "before")


def folder_of(run: PlannedRun, output: Path) -> Path:
    """Where a training run lies."""
    return output / "runs" / run.arm.name / f"seed-{run.seed}"


def read_plan(path: Path) -> Plan:
    """The plan in ``path``.

    Raises:
        InputError: it is missing, or is no plan; the message names what is wrong.
    """
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    with_settings = []
    top = {"model", "evaluation", "points", "settings", "arms", "hypotheses"}
    if not isinstance(data, dict) or data.keys() - {"amendments"} != top:
        raise InputError(
            f"{path} is no plan: it needs the keys {', '.join(sorted(top))}, and no others but amendments"
        )
    for arm in data["arms"]:
        settings = {**data["settings"], **(arm.get("settings") or {})}
        with_settings.append({**arm, "settings": settings})
    plan = Plan(
        str(data["model"]),
        _record(Evaluation, data["evaluation"], path),
        _record(Along, data["points"], path),
        tuple(_record(Arm, arm, path) for arm in with_settings),
        tuple(_record(Hypothesis, one, path) for one in data["hypotheses"]),
        tuple(map(str, data.get("amendments") or ())),
    )
    for problem in _problems(plan):
        raise InputError(f"{path}: {problem}")
    return plan


def _record(kind: Callable[..., T], data: Mapping[str, Any], path: Path) -> T:
    """A record from its keys; lists become tuples."""
    known = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    unknown = data.keys() - known
    if unknown:
        raise InputError(f"{path}: unknown key {min(unknown)!r}; known here: {', '.join(sorted(known))}")
    try:
        return kind(
            **{key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
        )
    except TypeError as error:
        raise InputError(f"{path}: {error}") from error


def _problems(plan: Plan) -> Iterator[str]:
    """What does not fit together."""
    names = [arm.name for arm in plan.arms]
    for name in names:
        if names.count(name) > 1:
            yield f"two arms are named {name!r}"
    for arm in plan.arms:
        for key in ("rounds", "prompts", "candidates"):
            if not isinstance(arm.settings.get(key), int):
                yield f"the arm {arm.name!r} needs the setting {key}, a whole number"
    for one in plan.hypotheses:
        if one.test not in TESTS:
            yield f"unknown test {one.test!r}; known: {', '.join(TESTS)}"
        for name in (*one.arms, *filter(None, [one.over])):
            if name not in names:
                yield f"{one.says!r} names the arm {name!r}, which is not planned"
        for task in one.tasks:
            if task not in plan.evaluation.tasks:
                yield f"{one.says!r} names the task {task!r}, which is not evaluated"


def chosen(runs: Sequence[PlannedRun], arms: str, seeds: str) -> list[PlannedRun]:
    """The runs of some arms and seeds, in their order.

    Args:
        runs: of the plan.
        arms: names, comma separated; empty for all.
        seeds: training seeds, comma separated; empty for all.

    Raises:
        UsageError: a name or a seed that no run has.
    """
    wanted_arms = _wanted("--arms", arms, {run.arm.name for run in runs})
    wanted_seeds = _wanted("--seeds", seeds, {str(run.seed) for run in runs})
    return [run for run in runs if run.arm.name in wanted_arms and str(run.seed) in wanted_seeds]


def _wanted(option: str, given: str, known: set[str]) -> set[str]:
    """What an option names, comma separated; all that is known if it names nothing."""
    wanted = {part.strip() for part in given.split(",") if part.strip()}
    if unknown := sorted(wanted - known):
        raise UsageError(f"{option}: no run of the plan has {', '.join(unknown)}")
    return wanted or known
