"""Gathers what the runs of the plan measured so far into one small record, ``results.json``.

Nothing in the study's folder is written or locked, so that runs may go on meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.trainers.learning_curves import (
    RunPoints,
    learning_curve,
    points_of,
    reward_of,
    scores_before,
)
from studies.self_reward.decide import decided
from studies.self_reward.plan import Arm, Plan, PlannedRun, folder_of
from studies.self_reward.states import state_of

__all__ = ["SCHEMA", "gathered", "start_of_study"]

SCHEMA = 1


def start_of_study(output: Path) -> Path:
    """The run folder of the measurement before training, which all runs share.

    Raises:
        InputError: it is not there yet.
    """
    found = [
        path.parent
        for path in sorted((output / "before").glob("evaluation-guidance-*/*/run.json"))
        if not path.parent.parent.name.endswith("-items") and any(path.parent.glob("results_*.json"))
    ]
    if len(found) != 1:
        raise InputError(
            f"{output}/before holds {len(found)} finished evaluations before training where one is due; "
            "start the study with 'run'"
        )
    return found[0]


def gathered(plan: Plan, plan_file: Path, output: Path) -> dict[str, Any]:
    """``results.json``: every run of the plan that has begun, and every hypothesis.

    Args:
        plan: as declared.
        plan_file: where it was read from.
        output: the study's folder.

    Returns:
        JSON values: ``plan`` (sha256), ``amendments``, ``model``, ``before`` (task -> score with its
        interval and the metric's range), ``arms`` (name -> title, trainer, rewarder, planned budget, ``runs``
        and ``curve``), and ``hypotheses``.

    Raises:
        InputError: nothing was measured yet, or a record is damaged.
    """
    before = start_of_study(output)
    scores = scores_before(before)
    arms: dict[str, Any] = {}
    for arm in plan.arms:
        points = {
            seed: points_of(folder_of(PlannedRun(arm, seed), output), seed)
            for seed in arm.seeds
            if folder_of(PlannedRun(arm, seed), output).is_dir()
        }
        planned = planned_points(plan, arm)
        arms[arm.name] = {
            "title": arm.title,
            "trainer": arm.trainer,
            "rewarder": arm.rewarder,
            "seeds": list(arm.seeds),
            "pictures": arm.pictures,
            "planned": planned,
            "runs": [_run(PlannedRun(arm, seed), points.get(seed), output) for seed in arm.seeds],
            "curve": learning_curve(list(points.values()), before, planned, plan.points.tasks),
        }
    return {
        "schema": SCHEMA,
        "plan": hashlib.sha256(plan_file.read_bytes()).hexdigest(),
        "amendments": list(plan.amendments),
        "model": plan.model,
        "before": {
            task: {
                "value": one.overall.value,
                "low": one.overall.low,
                "high": one.overall.high,
                "items": one.overall.n_items,
                "range": list(one.range),
            }
            for task, one in scores.items()
        },
        "arms": arms,
        "hypotheses": [decided(one, plan, arms, output) for one in plan.hypotheses],
    }


def planned_points(plan: Plan, arm: Arm) -> list[int]:
    """Pictures at which an arm's runs are measured: ends of rounds, the last one included."""
    per_round = arm.pictures_a_round
    ends = {-(-number // per_round) * per_round for number in plan.points.at}
    return sorted({end for end in ends if end < arm.pictures} | {arm.pictures})


def _run(run: PlannedRun, points: RunPoints | None, output: Path) -> dict[str, Any]:
    state = state_of(run, output)
    return {
        "seed": run.seed,
        "state": state.word,
        "steps": state.steps,
        "of": state.of,
        "why": state.why,
        "points": [] if points is None else [_point(one) for one in points.points],
    }


def _point(point: Mapping[str, Any]) -> dict[str, Any]:
    """A point without folders, with figures rounded to what they say."""
    names = ("pictures", "steps", "cpu_seconds", "judgements")
    return {
        **{name: point[name] for name in names},
        "reward": _rounded(reward_of(point)),
        "development_reward": {
            task: _rounded(told["reward"]) for task, told in (point.get("development") or {}).items()
        },
        "tasks": {
            task: {
                "score": {name: _rounded(told["score"][name]) for name in ("value", "low", "high")},
                "difference": {
                    name: _rounded(told["difference"][name], 8 if name == "p" else 5)
                    for name in ("effect", "low", "high", "p")
                },
            }
            for task, told in point["tasks"].items()
        },
    }


def _rounded(value: float | None, digits: int = 5) -> float | None:
    return None if value is None else round(value, digits)
