"""Items that settings are chosen on: in a benchmark's wordings, and never its own.

>>> task = development(ShapesGenEval(), 60)  # doctest: +SKIP
>>> task.info.name  # doctest: +SKIP
'shapes_geneval_development'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.records import Item, Measurement, Sample
from selfreward_eval.harness.task import Task
from selfreward_eval.tasks.shapes.splits import MAKERS, drawn

if TYPE_CHECKING:
    from PIL.Image import Image

SEED = 20251123
"""Of the development items, for ever: both arms and all training runs are tuned on the same ones."""

PICTURES = 2
"""Pictures per item."""


class Development(Task):
    """A task measured on other items.

    Args:
        base: the task; its rules and instruments are used.
        items: what is asked instead of its own items.
        pictures: per item.
    """

    def __init__(self, base: Task, items: Sequence[Item], pictures: int = PICTURES) -> None:
        self.base, self._items = base, tuple(items)
        self.info = replace(
            base.info,
            name=f"{base.info.name}_development",
            title=f"{base.info.title}: items to choose settings on",
            images_per_item=pictures,
            seed_policies=("hashed",),
            comparable="not comparable with anything: settings are chosen on it",
        )
        self.metrics = base.metrics

    def items(self) -> Sequence[Item]:
        return self._items

    def instruments(self) -> Mapping[str, dict[str, Any]]:
        return self.base.instruments()

    def options(self) -> Mapping[str, Any]:
        return self.base.options()

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image]
    ) -> list[Measurement]:
        return self.base.measure(items, samples, images)


def development(task: Task, count: int, pictures: int = PICTURES) -> Development | None:
    """``task`` on ``count`` development items, with so many pictures each; None if none are known for it."""
    if task.info.name not in MAKERS:
        return None
    return Development(task, drawn(task.info.name, "development", count, SEED), pictures)
