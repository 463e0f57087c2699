"""A training run's log: one JSON line per step, and the same numbers for TensorBoard or W&B where asked.

A resumed run drops the lines of steps that it takes again, so that no step is there twice.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.files import JsonLinesWriter, atomic_write_text, read_json_lines
from selfreward_eval.harness.report.trackers import wandb_id

__all__ = ["LOG", "StepLog", "elapsed", "tracker_arguments"]

LOG = "log.jsonl"


def tracker_arguments(folder: Path, identity: Mapping[str, Any], step: int) -> dict[str, Any]:
    """What accelerate passes to the trackers of a run that resumes from ``step``.

    TensorBoard hides what a killed run logged beyond that step. W&B resumes the run of the same id and skips
    steps that it has.
    """
    return {
        # Step 0 is logged once, before the first step: see trainers/live_log.py.
        "tensorboard": {"purge_step": step + 1 if step else 0},
        "wandb": {
            "id": wandb_id(folder),
            "resume": "allow",
            "dir": str(folder),
            "config": dict(identity),
        },
    }


class StepLog:
    """The line file of one training run, opened for writing.

    Args:
        path: of the file.
        taken: steps that are kept; lines of later ones are dropped.
    """

    def __init__(self, path: Path, taken: int) -> None:
        self.path = path
        self.seconds: defaultdict[int, float] = defaultdict(float)
        """Round -> wall time of its steps so far, by this call and earlier ones."""
        if path.exists():
            kept = [line for line in read_json_lines(path).records if int(line["step"]) <= taken]
            text = "".join(
                json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in kept
            )
            atomic_write_text(path, text)
            for line in kept:
                self._count(line)
        self._writer = JsonLinesWriter(path)

    def step(self, line: Mapping[str, Any]) -> None:
        """Adds a step's line; numbers that are not finite are written as null."""
        self._writer.append({name: _number(value) for name, value in line.items()})
        self._count(line)

    def _count(self, line: Mapping[str, Any]) -> None:
        self.seconds[int(line.get("round", 0))] += float(line.get("seconds", 0.0))

    def sync(self) -> None:
        """Waits until all lines are on the disk."""
        self._writer.sync()

    def close(self) -> None:
        """Syncs and closes."""
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def elapsed(path: Path) -> float:
    """Seconds of all steps in a line file.

    Raises:
        InputError: it is gone.
    """
    if not path.exists():
        raise InputError(f"{path} is missing; restore it, or train again in another folder")
    return sum(float(line["seconds"]) for line in read_json_lines(path).records)


def _number(value: Any) -> Any:
    return None if isinstance(value, float) and not isfinite(value) else value
