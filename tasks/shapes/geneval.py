"""``shapes_geneval``: GenEval's six tags in the shapes world, scored by GenEval's own rules.

Only items and instruments differ from ``geneval``: the prompts ask for coloured
shapes, the oracle detects them. 280 prompts, 4 pictures each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord
from selfreward_eval.harness.task import Metric, Task, TaskInfo

if TYPE_CHECKING:
    from PIL.Image import Image


class ShapesGenEval(Task):
    """The embedded counterpart of GenEval; needs no download and no weights but the model's."""

    world = "shapes"
    info = TaskInfo(
        name="shapes_geneval",
        version="1",
        title="GenEval's rules on the shapes world: object, count, colour, position, attribute binding",
        paper="Ghosh et al. 2023, arXiv:2310.11513 (protocol); items are this project's",
        images_per_item=4,
        licence="Apache-2.0",
        comparable="not comparable with GenEval: same rules, other prompts and another detector",
    )
    metrics = (Metric("accuracy"),)

    def items(self) -> Sequence[Item]:
        from selfreward_eval.tasks.shapes.requests import evaluation

        return [
            Item(id=f"{k:05d}", text=text, category=request.tag, metadata=request.metadata(text))
            for k, (text, request) in enumerate(evaluation())
        ]

    def instruments(self) -> Mapping[str, dict[str, Any]]:
        from selfreward_eval.tasks.shapes.oracle.colour import OracleColourClassifier
        from selfreward_eval.tasks.shapes.oracle.detector import OracleDetector

        return {"detector": OracleDetector().identity(), "colour": OracleColourClassifier().identity()}

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image]
    ) -> list[Measurement]:
        from selfreward_eval.tasks.geneval.measuring import measure_image
        from selfreward_eval.tasks.shapes.oracle.colour import OracleColourClassifier
        from selfreward_eval.tasks.shapes.oracle.detector import OracleDetector
        from selfreward_eval.tasks.shapes.vocabulary import COLOURS, FORMS

        detected = OracleDetector().detect(images, FORMS)
        colours = OracleColourClassifier()
        return [
            measure_image(image, item.metadata, detections, colours, colours=tuple(COLOURS))
            for item, image, detections in zip(items, images, detected, strict=True)
        ]

    def extra(self, records: Sequence[SampleRecord]) -> dict[str, float]:
        from selfreward_eval.tasks.geneval.summary import official_numbers

        return official_numbers(records)
