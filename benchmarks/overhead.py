"""What the harness adds to a run: a model that draws at once, a task that measures at once.

What is left is planning, writing pictures and lines, and scoring. The time of one
sample is the fixed part; what each further one costs is the marginal part.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.records import Item, Measurement, Sample, Status
from selfreward_eval.harness.runs.run import run
from selfreward_eval.harness.task import Metric, Task, TaskInfo
from selfreward_eval.harness.testing.dummy_model import DummyModel

if TYPE_CHECKING:
    from PIL.Image import Image

MANY = 1000
ROUNDS = 3


class Instant(Task):
    """``size`` items, one picture each, every one of them right."""

    info = TaskInfo("instant", "1", "Nothing to measure", "none", images_per_item=1)
    metrics = (Metric("accuracy", macro=False),)

    def __init__(self, size: int) -> None:
        self.size = size

    def items(self) -> Sequence[Item]:
        return [Item(f"{k:05d}", f"picture {k}", "all") for k in range(self.size)]

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image]
    ) -> list[Measurement]:
        return [Measurement(Status.SUCCESS, {"accuracy": 1.0})] * len(samples)

    def instruments(self) -> Mapping[str, dict[str, Any]]:
        return {}


def cost(size: int) -> tuple[float, float]:
    """CPU and wall seconds of a run over ``size`` samples, medians."""
    taken = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            cpu, wall = time.process_time(), time.perf_counter()
            run(DummyModel(), [Instant(size)], Path(folder))
            taken.append((time.process_time() - cpu, time.perf_counter() - wall))
    return median(cpu for cpu, _ in taken), median(wall for _, wall in taken)


def main() -> None:
    cost(1)  # Imports count for the start, not for a run.
    one, many = cost(1), cost(MANY)
    print(f"{'':34} {'CPU':>10} {'wall':>10}")
    rows = (
        ("fixed: a run of 1 sample", one),
        (f"a run of {MANY} samples", many),
        (
            "marginal: each further sample",
            tuple((b - a) / (MANY - 1) for a, b in zip(one, many, strict=True)),
        ),
    )
    for name, (cpu, wall) in rows:
        print(f"{name:34} {1000 * cpu:7.2f} ms {1000 * wall:7.2f} ms")


if __name__ == "__main__":
    main()
