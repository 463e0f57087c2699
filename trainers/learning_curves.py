"""Score against pictures for one method, from the points that ``train --evaluate-at`` measured.

With two training runs or more a point's difference is the method's claim, over prompts and training runs.
With one it is that checkpoint's. A run that is not finished takes part with the points that it has.

p-values are corrected by Holm over all points and tasks of the curve. Points that are planned and not
measured yet count too, so that looking at an unfinished run costs no error.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.comparing.claims import Design
from selfreward_eval.harness.comparing.pooled import compare_pools
from selfreward_eval.harness.comparing.records import ALPHA
from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.runs.reader import load_run, read_manifest, read_results
from selfreward_eval.harness.runs.scores import TaskScores
from selfreward_eval.harness.stats.multiplicity import holm
from selfreward_eval.trainers.record import RECORD, read
from selfreward_eval.trainers.waypoints import POINT

if TYPE_CHECKING:
    from selfreward_eval.harness.comparing.claims import PooledTask

__all__ = ["RunPoints", "learning_curve", "points_of", "reward_of", "scores_before"]

Point = Mapping[str, Any]


@dataclass(frozen=True)
class RunPoints:
    """The measured points of one training run.

    Attributes:
        seed: of training.
        folder: of the training run.
        points: as ``point.json`` has them, by pictures, without the starting model.
        finished: whether the training run is.
        tuned: whether every point chose its own guidance.
    """

    seed: int
    folder: Path
    points: tuple[Point, ...]
    finished: bool
    tuned: bool = False


def points_of(folder: Path, seed: int) -> RunPoints:
    """What is measured so far in a training run's folder.

    Args:
        folder: of a training run, finished or not.
        seed: of training.

    Raises:
        InputError: a record or a point is damaged.
    """
    finished = (folder / RECORD).is_file()
    tuned = False
    found: list[Mapping[str, Any]]
    if finished:
        record = read(folder)
        found, tuned = list(record.points), record.policy == "tuned"
    else:
        found = [_read(path) for path in folder.glob(f"at-*/{POINT}")]
    after = [point for point in found if point["pictures"] > 0]
    return RunPoints(
        seed, folder, tuple(sorted(after, key=lambda point: int(point["pictures"]))), finished, tuned
    )


def _read(path: Path) -> Point:
    try:
        point = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(point, dict) or not isinstance(point["pictures"], int):
            raise ValueError("no point")
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path} is damaged ({error!r}); delete it, and the point is measured again"
        ) from None
    return point


def scores_before(folder: Path) -> dict[str, TaskScores]:
    """Task -> its scores in a finished run's folder, without its samples.

    Raises:
        RunFolderError: the folder holds no finished run.
    """
    blocks = read_results(folder, read_manifest(folder))["selfreward"]["tasks"]
    return {task: TaskScores.from_json(block) for task, block in blocks.items()}


def learning_curve(
    runs: Sequence[RunPoints],
    before: Path,
    planned: Sequence[int] = (),
    only: Collection[str] | None = None,
) -> dict[str, Any] | None:
    """One method's curve; None where no point is measured.

    Args:
        runs: its training runs.
        before: run folder of the measurement before training.
        planned: pictures of all points that are to be measured, for the correction.
        only: the tasks to tell of. A run whose one point is its end has every task there.

    Returns:
        JSON values: ``before`` (task -> score), ``tasks`` (those measured at every point),
        ``family`` (hypotheses that p-values are corrected for), ``gain_from`` (task -> pictures from which on
        every measured point shows a gain, or None) and ``points``: ``pictures``, ``seeds``, the mean
        ``cpu_seconds``, ``judgements`` and ``reward`` of the seeds, and for every task ``score`` (mean),
        ``scores`` (a seed each), ``effect``, ``low``, ``high``, ``p``, ``p_adjusted`` and ``of``: ``method``
        or ``checkpoint``.
    """
    by_pictures: dict[int, list[tuple[RunPoints, Point]]] = {}
    for run in runs:
        for point in run.points:
            by_pictures.setdefault(int(point["pictures"]), []).append((run, point))
    if not by_pictures:
        return None
    known = scores_before(before)
    everywhere = [point["tasks"] for at in by_pictures.values() for _, point in at]
    tasks = [
        task
        for task in known
        if (only is None or task in only) and all(task in measured for measured in everywhere)
    ]
    points = [_point(number, by_pictures[number], tasks, before) for number in sorted(by_pictures)]
    missing = len(set(planned) - by_pictures.keys()) * len(tasks)
    _correct(points, missing)
    return {
        "before": {task: known[task].overall.value for task in tasks},
        "tasks": tasks,
        "family": len(points) * len(tasks) + missing,
        "gain_from": {
            task: _gain_from(points, task, higher_is_better=known[task].higher_is_better) for task in tasks
        },
        "points": points,
    }


def _point(
    pictures: int, found: Sequence[tuple[RunPoints, Point]], tasks: Sequence[str], before: Path
) -> dict[str, Any]:
    every = [point for _, point in found]
    claims = _claims(found, before) if len(found) > 1 else {}
    told: dict[str, Any] = {}
    for task in tasks:
        scores = [point["tasks"][task]["score"]["value"] for point in every]
        told[task] = {"score": _mean(scores), "scores": scores, **_difference(every, task, claims)}
    return {
        "pictures": pictures,
        "seeds": [run.seed for run, _ in found],
        "cpu_seconds": _mean([point["cpu_seconds"] for point in every]),
        "judgements": _mean([point["judgements"] for point in every]),
        "reward": _mean([reward_of(point) for point in every]),
        "tasks": told,
    }


def reward_of(point: Point) -> float | None:
    """Mean training reward of the pictures of the round that ends at a point; None where none has one."""
    drawing = (point.get("reward") or {}).get("drawing")
    return None if drawing is None else drawing["mean"]


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean; None as soon as one value is not known."""
    known = [value for value in values if value is not None]
    return fsum(known) / len(known) if known and len(known) == len(values) else None


def _difference(every: Sequence[Point], task: str, claims: Mapping[str, PooledTask]) -> dict[str, Any]:
    names = ("effect", "low", "high", "p")
    if len(every) == 1:
        told = every[0]["tasks"][task]["difference"]
        return {**{name: told[name] for name in names}, "of": "checkpoint"}
    overall = claims[task].overall
    contrast = overall.method or overall.checkpoint
    of = "checkpoint" if overall.method is None else "method"
    return {**{name: getattr(contrast, name) for name in names}, "of": of}


def _claims(found: Sequence[tuple[RunPoints, Point]], before: Path) -> dict[str, PooledTask]:
    """What several seeds' runs at one point say against the same items before training."""
    start = load_run(_start(before, str(found[0][1]["folder"])))
    trained = [load_run(run.folder / str(point["folder"])) for run, point in found]
    own = ("guidance",) if any(run.tuned for run, _ in found) else ()
    return compare_pools([start], trained, design=Design.UNTRAINED_A, own=own).tasks


def _start(before: Path, folder: str) -> Path:
    """The starting model's run on as many items as the run in ``folder`` has."""
    name = Path(folder).parent.name
    if not name.endswith("-items"):
        return before
    limit = name.rsplit("-", 2)[1]
    return before.parent.parent / f"{before.parent.name}-{limit}-items" / before.name


def _correct(points: Sequence[Mapping[str, Any]], missing: int) -> None:
    """Adds ``p_adjusted`` to every difference."""
    every = [told for point in points for told in point["tasks"].values()]
    adjusted = holm([*(told["p"] for told in every), *[None] * missing])
    for told, p in zip(every, adjusted[: len(every)], strict=True):
        told["p_adjusted"] = p


def _gain_from(points: Sequence[Mapping[str, Any]], task: str, *, higher_is_better: bool) -> int | None:
    """Pictures of the first point from which on every point shows a gain; None where the last does not."""
    found = None
    for point in reversed(points):
        told = point["tasks"][task]
        better = told["effect"] is not None and (told["effect"] > 0) == higher_is_better
        if not (better and told["p_adjusted"] is not None and told["p_adjusted"] < ALPHA):
            break
        found = int(point["pictures"])
    return found
