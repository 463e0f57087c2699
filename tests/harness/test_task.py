"""What a task says of itself without being asked to: its arguments are part of a run's identity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PIL.Image import Image

from selfreward_eval.harness.records import Item, Measurement, Sample
from selfreward_eval.harness.task import Metric, Task, TaskInfo


class Silent(Task):
    """Keeps two of its arguments, and returns no options of its own."""

    info = TaskInfo("silent", "1", "Silent", "none", images_per_item=1)
    metrics = (Metric("correct"),)

    def __init__(
        self, least: float = 0.1, forms: Sequence[str] = ("star",), network: Any = None, unused: int = 1
    ) -> None:
        self.least, self.forms, self.network = least, forms, network or object()

    def items(self) -> Sequence[Item]:
        return []

    def instruments(self) -> Mapping[str, dict[str, Any]]:
        return {}

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image]
    ) -> list[Measurement]:
        return []


class Speaking(Silent):
    """Returns options of its own."""

    def options(self) -> Mapping[str, Any]:
        return {"at_least": self.least}


def test_plain_arguments_that_a_task_keeps_are_its_options() -> None:
    assert Silent(least=0.2).options() == {"least": 0.2, "forms": ("star",)}


def test_a_task_s_own_options_take_their_place() -> None:
    assert Speaking(least=0.2).options() == {"at_least": 0.2}
