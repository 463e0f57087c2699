"""The :class:`~selfreward_eval.harness.instruments.base.Detector` of the shapes world."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.instruments.base import Detection

if TYPE_CHECKING:
    from PIL.Image import Image


class OracleDetector:
    """Finds shapes and letters by matching outlines; gives boxes, masks, colours and textures.

    Every object is returned once, with the form that matches best. Its score is the softmax
    probability of that form, so an ambiguous shape has a low score, and so has a shape that is
    faint or mostly hidden.

    Args:
        whole: boxes of whole objects, including hidden parts; else of the visible parts.
    """

    def __init__(self, whole: bool = False) -> None:
        self.whole = whole

    def identity(self) -> dict[str, Any]:
        from selfreward_eval.tasks.shapes.oracle import VERSION

        return {"name": "shapes_oracle", "revision": VERSION, **({"boxes": "whole"} if self.whole else {})}

    def detect(self, images: Sequence[Image], labels: Sequence[str]) -> list[list[Detection]]:
        """For every picture, the objects whose form is among ``labels``, in reading order."""
        from selfreward_eval.tasks.shapes.oracle.frame import enlarge, to_frame
        from selfreward_eval.tasks.shapes.oracle.reading import read
        from selfreward_eval.tasks.shapes.vocabulary import CANVAS

        wanted = set(labels)
        detected = []
        for image in images:
            width, height = image.size
            detections = []
            for thing in read(to_frame(image)):
                if thing.form not in wanted:
                    continue
                x0, y0, x1, y1 = thing.whole_box if self.whole else thing.box
                across, down = width / CANVAS, height / CANVAS
                detections.append(
                    Detection(
                        label=thing.form,
                        box=(x0 * across, y0 * down, x1 * across, y1 * down),
                        score=thing.score,
                        mask=enlarge(thing.mask, image.size),
                        attributes={
                            "colour": thing.colour,
                            "texture": thing.texture,
                            "size": thing.size,
                            "match": round(thing.match, 4),
                        },
                    )
                )
            detected.append(detections)
        return detected
