"""How far every run of the plan is, read from its folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from selfreward_eval.harness.files import read_json_lines
from selfreward_eval.trainers.record import RECORD
from selfreward_eval.trainers.step_log import LOG
from studies.self_reward.plan import PlannedRun, folder_of

__all__ = ["STOPPED", "State", "state_of"]

STOPPED = "stopped.txt"
"""In the folder of a run that stopped itself: why."""


@dataclass(frozen=True)
class State:
    """How far a run is.

    Attributes:
        word: ``finished``, ``stopped`` (training ended itself), ``begun`` or ``not begun``.
        steps: optimiser steps taken.
        of: planned.
        why: of a run that stopped.
    """

    word: str
    steps: int
    of: int
    why: str = ""

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do."""
        return self.word in ("finished", "stopped")


def state_of(run: PlannedRun, output: Path) -> State:
    """How far ``run`` is."""
    folder = folder_of(run, output)
    total = int(run.arm.settings["rounds"] * run.arm.settings["steps"])
    if (folder / RECORD).is_file():
        return State("finished", total, total)
    steps = _steps(folder / LOG)
    if (folder / STOPPED).is_file():
        return State("stopped", steps, total, (folder / STOPPED).read_text(encoding="utf-8").strip())
    return State("begun" if folder.is_dir() else "not begun", steps, total)


def _steps(path: Path) -> int:
    """The last step in a log that may be growing."""
    if not path.is_file():
        return 0
    try:
        lines = read_json_lines(path).records
        return int(lines[-1]["step"]) if lines else 0
    except (KeyError, TypeError, ValueError, json.JSONDecodeError):
        return 0
