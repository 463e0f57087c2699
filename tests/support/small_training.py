"""Training jobs of the tiny model that take seconds, and a progress that interrupts them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from selfreward_eval.harness.models.tiny import TinyModel
from selfreward_eval.rewarders.building import build as build_rewarder
from selfreward_eval.tasks.shapes.compbench.task import ShapesCompBench
from selfreward_eval.tasks.shapes.questions.task import ShapesQuestions
from selfreward_eval.trainers.building import build
from selfreward_eval.trainers.jobs import TrainingJob
from selfreward_eval.trainers.sources import ShapesSource


class Interrupted(Exception):
    pass


class Bar:
    """Interrupts at the given turn of a stage."""

    def __init__(self, stage: str = "", turn: int = 0) -> None:
        self.stage, self.left = stage, turn
        self.seen: list[str] = []

    def start(self, task: str, total: int, done: int) -> None:
        self.seen.append(task)

    def advance(self, task: str, count: int) -> None:
        if self.stage and self.stage in task:
            self.left -= 1
            if self.left == 0:
                raise Interrupted


def job(folder: Path, **changes: Any) -> TrainingJob:
    settings = {"prompts": 6, "candidates": 3, "steps": 4, "batch_size": 4, "save_every": 2, "warmup": 1}
    trainer = build(changes.pop("trainer", "rejection"), **(settings | changes.pop("settings", {})))
    made = TrainingJob(
        model=TinyModel(),
        trainer=trainer,
        rewarder=lambda name, model: build_rewarder(name or "dsr", model),
        source=ShapesSource(),
        tasks=[ShapesCompBench(), ShapesQuestions()],
        output=folder / "run",
        before=folder / "before",
        scales=(),
        limit=8,
    )
    return replace(made, **changes)
