"""The :class:`~selfreward_eval.harness.instruments.base.ColourClassifier` of the shapes world."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.instruments.base import Detection

if TYPE_CHECKING:
    from PIL.Image import Image


class OracleColourClassifier:
    """Names an object's colour: the colour that covers most of its mask."""

    def identity(self) -> dict[str, Any]:
        from selfreward_eval.tasks.shapes.oracle import VERSION

        return {"name": "shapes_oracle_colour", "revision": VERSION}

    def classify(self, image: Image, detections: Sequence[Detection], colours: Sequence[str]) -> list[str]:
        """The colour among ``colours`` of every detection.

        Raises:
            ValueError: a colour that the shapes world does not have, or a detection without a mask.
        """
        import numpy as np

        from selfreward_eval.tasks.shapes.oracle.frame import enlarge, to_frame
        from selfreward_eval.tasks.shapes.oracle.segment import segment
        from selfreward_eval.tasks.shapes.vocabulary import COLOURS

        unknown = [colour for colour in colours if colour not in COLOURS]
        if unknown:
            raise ValueError(f"the shapes world has no colour {unknown[0]!r}; it has {', '.join(COLOURS)}")
        rows = [list(COLOURS).index(colour) for colour in colours]
        coverage = segment(to_frame(image)).coverage[rows]
        layers = np.stack([enlarge(layer, image.size) for layer in coverage])
        names = []
        for detection in detections:
            if detection.mask is None:
                raise ValueError(f"the detection of {detection.label!r} has no mask to read a colour from")
            names.append(colours[int(layers[:, detection.mask].sum(axis=1).argmax())])
        return names
