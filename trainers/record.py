"""What one training run leaves behind: ``training.json``, read by reports and by whoever pools seeds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.files import atomic_write_json

RECORD = "training.json"
SCHEMA = 1


@dataclass(frozen=True)
class Arm:
    """The model before or after.

    Attributes:
        folder: its run folder, relative to the training run's folder where it lies inside.
        guidance: the scale it was evaluated at.
        grid: scale -> task -> score on the development split; empty where no grid was measured.
    """

    folder: str
    guidance: float
    grid: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingRecord:
    """One training run.

    Attributes:
        name: of the run.
        model: the starting model's identity.
        trainer: the trainer's identity.
        rewarder: the rewarder's identity, with its ``kind`` (self, external, control).
        prompts: where training prompts came from, with their count and sha256.
        policy: ``fixed`` or ``tuned`` guidance.
        seed: the training seed.
        notes: what a reader has to know: a rewarder that also judges, settings of our own, skipped samples.
        before: the arm before.
        after: the arm after.
        rounds: per round the candidates' mean reward, best reward, share scored, and reasons for the rest.
        checkpoint: the trained weights, relative to the training run's folder.
        comparison: the comparison's JSON, as ``compare`` writes it.
        audit: per task the mean reward that the frozen rewarder gives to the evaluation's pictures
            before and after, with the difference's interval; empty where it cannot score them.
        seconds: stage -> wall time.
        profile: what the wall time of training went to: drawing, decoding and rewarding candidates, their
            likelihoods under the starting model, captions, and steps. Of the first process alone; with an
            engine, ``candidates`` is the time that it waited for its actors.
        verdicts: task -> one of :class:`selfreward_eval.trainers.verdict.Outcome`.
        cpu_seconds: CPU time of all rounds and steps, of the first process and of its actors;
            None where a part of it was not recorded. Measurements are not in it.
        points: what was measured along the way, see :mod:`selfreward_eval.trainers.waypoints`; empty without
            ``--evaluate-at``.
    """

    name: str
    model: dict[str, Any]
    trainer: dict[str, Any]
    rewarder: dict[str, Any]
    prompts: dict[str, Any]
    policy: str
    seed: int
    notes: list[str]
    before: Arm
    after: Arm
    rounds: list[dict[str, Any]]
    checkpoint: str
    comparison: dict[str, Any]
    audit: dict[str, Any]
    seconds: dict[str, float]
    verdicts: dict[str, str]
    profile: dict[str, float] = field(default_factory=dict)
    points: list[dict[str, Any]] = field(default_factory=list)
    cpu_seconds: float | None = None

    def write(self, folder: Path) -> Path:
        """``training.json`` in ``folder``, whole or not at all."""
        path = folder / RECORD
        atomic_write_json(path, {"schema": SCHEMA, **asdict(self)})
        return path


def read(folder: Path) -> TrainingRecord:
    """The record in ``folder``.

    Raises:
        InputError: there is none, or it is none of this version's.
    """
    path = folder / RECORD
    try:
        data: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            raise InputError(f"{path} has schema {data['schema']}, this version reads {SCHEMA}")
        # Records of earlier versions have no profile, no points and no CPU time.
        known = {"profile": {}, "points": [], "cpu_seconds": None, **data}
        known = {one.name: known[one.name] for one in fields(TrainingRecord)}
        known["before"], known["after"] = Arm(**data["before"]), Arm(**data["after"])
        return TrainingRecord(**known)
    except FileNotFoundError:
        raise InputError(f"{folder} holds no finished training run: {RECORD} is missing") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no training record: {error!r}; train again") from error
