"""Kills a run with SIGKILL in the middle of every single write, resumes it, and reports what differs.

Run as ``python killed_at_every_write.py FOLDER BATCH_SIZE``; prints one JSON object. A script of its own,
because it forks, which a process with threads must not.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL.Image import Image

from selfreward_eval.harness import files
from selfreward_eval.harness.records import Item, Measurement, Sample
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval

LIMIT = 2
write = files._write_all


class LoggedTask(ShapesGenEval):
    """Keeps which samples it measured."""

    def __init__(self) -> None:
        self.measured: list[str] = []

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image]
    ) -> list[Measurement]:
        self.measured += [str(sample.seed) for sample in samples]
        return super().measure(items, samples, images)


def sitting(folder: Path, batch_size: int) -> tuple[list[str], list[str]]:
    """Runs until the end: the seeds of the pictures drawn and of the samples measured."""
    model, task = DummyModel(), LoggedTask()
    run(model, [task], folder, limit=LIMIT, batch_size=batch_size)
    return [str(seed) for _, seed in model.drawn], task.measured


def killed(folder: Path, batch_size: int, point: int) -> None:
    """Runs in a child that dies when ``point``'s write (from 0) is half done."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), f"the run ended before write {point}"
        return
    count = iter(range(10**6))

    def dying(descriptor: int, data: bytes) -> None:
        if next(count) == point:
            write(descriptor, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        write(descriptor, data)

    files._write_all = dying
    try:
        sitting(folder, batch_size)
    finally:
        os._exit(0)


def state(folder: Path) -> dict[str, Any]:
    """Every file of a run: pictures as bytes, records without times, other names alone."""
    out: dict[str, Any] = {}
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        name = str(path.relative_to(folder))
        if name.startswith("dummy/samples_"):
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            out["samples"] = [row | {"timing": None} for row in rows]
        elif name.startswith("dummy/results_"):
            results = json.loads(path.read_text())
            out["results"] = [results["results"], results["selfreward"]["tasks"]]
        elif name == "dummy/run.json":
            manifest = json.loads(path.read_text())
            out["run"] = [manifest["identity"], manifest["status"]]
        else:
            out[name] = path.read_bytes()
    return out


def main(folder: Path, batch_size: int) -> dict[str, Any]:
    writes = []

    def counted(descriptor: int, data: bytes) -> None:
        writes.append(len(data))
        write(descriptor, data)

    files._write_all = counted
    drawn, _ = sitting(folder / "whole", batch_size)
    files._write_all = write
    whole = state(folder / "whole")
    report: dict[str, Any] = {"writes": len(writes), "pictures": len(drawn), "unlike": [], "twice": []}
    for point in range(len(writes)):
        out = folder / str(point)
        killed(out, batch_size, point)
        kept = {path.stem.split("_")[1] for path in out.rglob("*.png")}
        lines = [path.read_text().split("\n")[:-1] for path in out.rglob("samples_*.jsonl")]
        recorded = {str(json.loads(line)["seed"]) for some in lines for line in some}
        drawn, measured = sitting(out, batch_size)
        if kept & set(drawn) or recorded & set(measured):
            report["twice"].append(point)
        if state(out) != whole:
            report["unlike"].append(point)
    return report


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))))
