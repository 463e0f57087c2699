"""Reads a training run's folder for its page: everything checked here, so that views need not.

``training.json`` may come from someone else. What is not as it should be is an InputError with
the key at fault, and no text from it is ever markup.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from selfreward_eval.harness.comparing.families import CORRECTIONS, Family
from selfreward_eval.harness.comparing.records import (
    SCHEMA,
    Arm,
    Comparison,
    Contrast,
    Relative,
    Robustness,
    TaskComparison,
    Unmatched,
)
from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.files import read_json_lines
from selfreward_eval.harness.runs.reader import Run, load_run
from selfreward_eval.trainers.record import RECORD, TrainingRecord, read
from selfreward_eval.trainers.step_log import LOG
from selfreward_eval.trainers.verdict import Audit, Outcome, is_number

__all__ = ["Round", "Side", "Training", "comparison_of", "load_training"]

MAPPINGS = (
    "model",
    "trainer",
    "rewarder",
    "prompts",
    "comparison",
    "audit",
    "seconds",
    "verdicts",
    "profile",
)
"""Parts of a record that are JSON objects."""

SIDES = ("drawing", "captioning")

T = TypeVar("T")


@dataclass(frozen=True)
class Side:
    """One round's candidates for one direction: drawing for prompts, or captioning pictures.

    Attributes:
        mean: mean reward of the scored candidates; None where none was.
        best: mean over prompts (or pictures) of their best candidate's reward; None likewise.
        scored: share of candidates with a reward, in [0, 1].
        groups: prompts whose candidates differ in reward, so that there is a better one to learn.
        of: prompts.
    """

    mean: float | None
    best: float | None
    scored: float
    groups: int
    of: int


@dataclass(frozen=True)
class Round:
    """One round's candidates.

    Attributes:
        number: from 0.
        sides: ``drawing`` and ``captioning``, those that were trained.
        reasons: why candidates have no reward -> how many.
    """

    number: int
    sides: Mapping[str, Side]
    reasons: Mapping[str, int]


@dataclass(frozen=True)
class Training:
    """A finished training run, as it lies on disk.

    Attributes:
        folder: where it was read from.
        record: ``training.json``.
        comparison: of the two runs, from the record.
        verdicts: task -> what training did to it.
        audits: task -> what the rewarder gives to its pictures; absent where it cannot score them.
        rounds: in order.
        steps: the step log, the finite numbers of every step, in order; empty where it is missing.
        skipped: steps that were left out because half precision overflowed.
        before: the run of the starting model.
        after: the run of the trained model.
    """

    folder: Path
    record: TrainingRecord
    comparison: Comparison
    verdicts: Mapping[str, Outcome]
    audits: Mapping[str, Audit]
    rounds: tuple[Round, ...]
    steps: tuple[Mapping[str, float], ...]
    skipped: int
    before: Run
    after: Run


def load_training(folder: Path) -> Training:
    """The finished training run in ``folder``.

    Raises:
        InputError: something is missing, damaged, or not what it claims.
    """
    record = read(folder)
    _require_shapes(folder, record)
    comparison = _checked(folder, "comparison", comparison_of, record.comparison)
    audits = {task: Audit.from_json(task, audit) for task, audit in record.audit.items()}
    found: dict[str, Outcome] = {}
    for task in comparison.tasks:
        try:
            found[task] = Outcome(record.verdicts[task])
        except (KeyError, ValueError):
            raise InputError(
                f"{folder / RECORD} has no verdict of {task} that is one of {', '.join(Outcome)}; train again"
            ) from None
    before, after = load_run(folder / record.before.folder), load_run(folder / record.after.folder)
    for task in comparison.tasks:
        for run in (before, after):
            if task not in run.scores:
                raise InputError(f"{folder / RECORD} compares {task}, but {run.folder} has no scores of it")
    return Training(
        folder,
        record,
        comparison,
        found,
        {task: audit for task, audit in audits.items() if audit is not None},
        tuple(_checked(folder, "rounds", _round, one) for one in record.rounds),
        *_steps(folder / LOG),
        before,
        after,
    )


def _require_shapes(folder: Path, record: TrainingRecord) -> None:
    """Returns if every part of the record is of the kind that a page can show."""
    wrong = [name for name in MAPPINGS if not isinstance(getattr(record, name), dict)]
    wrong += [name for name in ("notes", "rounds") if not isinstance(getattr(record, name), list)]
    wrong += [arm for arm in ("before", "after") if not is_number(getattr(record, arm).guidance)]
    for name in ("seconds", "profile"):
        if not wrong and not all(map(is_number, getattr(record, name).values())):
            wrong.append(name)
    if wrong:
        raise InputError(f"{folder / RECORD} is damaged: {', '.join(wrong)} cannot be read; train again")


def _checked(folder: Path, key: str, make: Callable[[Any], T], data: Any) -> T:
    try:
        return make(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{folder / RECORD} is damaged: its {key} cannot be read ({type(error).__name__}: {error})"
        ) from error


def comparison_of(data: Mapping[str, Any]) -> Comparison:
    """What ``Comparison.to_json`` wrote, as a comparison again.

    Raises:
        KeyError, TypeError or ValueError: it is none.
    """
    if data["schema"] != SCHEMA:
        raise ValueError(f"its schema is {data['schema']}, this version reads {SCHEMA}")
    families = tuple(
        Family(one["name"], one["correction"], tuple(one["members"])) for one in data["families"]
    )
    for family in families:
        if family.correction not in CORRECTIONS:
            raise ValueError(f"unknown correction {family.correction!r}")
    return Comparison(
        Arm(**data["a"]),
        Arm(**data["b"]),
        {str(name): _task(task) for name, task in data["tasks"].items()},
        {str(task): str(folder) for task, folder in data["only_in_one"].items()},
        families,
        str(data.get("pairing", "")),
    )


def _task(data: Mapping[str, Any]) -> TaskComparison:
    relative = data.get("relative")
    return TaskComparison(
        task=str(data["task"]),
        version=str(data["version"]),
        metric=str(data["metric"]),
        macro=bool(data["macro"]),
        higher_is_better=bool(data["higher_is_better"]),
        planned_items=int(data["planned_items"]),
        overall=_contrast(data["overall"]),
        categories=_contrasts(data["categories"]),
        unmatched=tuple(Unmatched(**one) for one in data["unmatched"]),
        relative=Relative(
            str(relative["name"]), _contrast(relative["overall"]), _contrasts(relative["categories"])
        )
        if relative
        else None,
    )


def _contrasts(data: Mapping[str, Any]) -> dict[str, Contrast]:
    return {str(name): _contrast(one) for name, one in data.items()}


def _contrast(data: Mapping[str, Any]) -> Contrast:
    known = {one.name for one in fields(Contrast)}
    kept = {key: value for key, value in data.items() if key in known}
    # Words and counts apart, a contrast is made of numbers; one that is not finite is a damaged file.
    for key, value in kept.items():
        if key in ("method", "why", "verdict", "family", "imbalance"):
            kept[key] = None if value is None else str(value)
        elif key != "bca" and value is not None:
            _finite(value, key)
    kept["bca"] = Robustness(**kept["bca"]) if kept.get("bca") else None
    return Contrast(**kept)


def _finite(value: Any, what: str) -> float:
    if not is_number(value):
        raise ValueError(f"{what} is {value!r}, no finite number")
    return float(value)


def _round(data: Mapping[str, Any]) -> Round:
    return Round(
        int(data["round"]),
        {name: _side(data[name]) for name in SIDES if name in data},
        {str(why): int(number) for why, number in data["reasons"].items()},
    )


def _side(data: Mapping[str, Any]) -> Side:
    mean, best = (None if data[key] is None else _finite(data[key], key) for key in ("mean", "best"))
    return Side(mean, best, _finite(data["scored"], "scored"), int(data["groups"]), int(data["of"]))


def _steps(path: Path) -> tuple[tuple[Mapping[str, float], ...], int]:
    """Numbers of every step, and how many steps were skipped."""
    if not path.is_file():
        return (), 0
    steps = []
    lines = read_json_lines(path).records
    for number, line in enumerate(lines, 1):
        step = line.get("step")
        if isinstance(step, bool) or not isinstance(step, int):
            raise InputError(f"record {number} of {path} has no step; restore the file, or move it away")
        steps.append({str(key): float(value) for key, value in line.items() if is_number(value)})
    return tuple(steps), sum(line.get("skipped") is True for line in lines)
