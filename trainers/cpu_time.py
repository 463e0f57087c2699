"""CPU time of this process and of the processes that it started, kept on disk so that it adds up.

What a killed call spent on a round that it did not finish drawing is not counted: the next call draws the
rest of it, and its own time is.
"""

from __future__ import annotations

import json
import resource
from pathlib import Path

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.files import atomic_write_json, read_json_lines
from selfreward_eval.trainers.step_log import LOG

__all__ = ["add_round", "cpu_seconds", "spent"]

FILE = "cpu.json"
"""In a round's folder: CPU-seconds of drawing and rewarding its candidates."""


def cpu_seconds() -> float:
    """User and system time of this process, its threads, and its children that have ended; in seconds."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def add_round(folder: Path, seconds: float) -> None:
    """Adds ``seconds`` to what the round in ``folder`` has taken so far."""
    path = folder / FILE
    before = _of_round(path) or 0.0
    atomic_write_json(path, {"seconds": round(before + seconds, 3)})


def spent(output: Path, rounds: int, steps: int) -> float | None:
    """CPU-seconds of the first ``rounds`` rounds and ``steps`` steps of a training run, of its first process
    and of the actors that drew for it.

    Measurements and checkpoints are not in it. None where a part of it was not recorded, as in training runs
    of earlier versions.

    Args:
        output: the training run's folder.
        rounds: rounds whose candidates count.
        steps: steps that count.
    """
    drawn = [_of_round(output / "rounds" / f"{number:03d}" / FILE) for number in range(rounds)]
    lines = [line for line in read_json_lines(output / LOG).records if int(line["step"]) <= steps]
    stepped = [line.get("cpu_seconds") for line in lines]
    if len(stepped) < steps:
        return None
    known = [float(seconds) for seconds in (*drawn, *stepped) if seconds is not None]
    return round(sum(known), 1) if len(known) == len(drawn) + len(stepped) else None


def _of_round(path: Path) -> float | None:
    if not path.is_file():
        return None
    try:
        return float(json.loads(path.read_text(encoding="utf-8"))["seconds"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged ({error}); delete it, its time is then not known") from error
