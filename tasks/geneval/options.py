"""GenEval's constants, in one place, with the values of the official evaluator.

Source: djghosh13/geneval at af4902f, ``evaluation/evaluate_images.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white")
"""The colours a classifier chooses from, in official order: of equal ones the first wins."""

TAGS = ("single_object", "two_object", "counting", "colors", "position", "color_attr")
"""The six categories, in official order; the overall score is their unweighted mean."""

COLOUR_TAGS = ("colors", "color_attr")
"""The categories whose rows name colours."""


@dataclass(frozen=True)
class Options:
    """Thresholds for which objects count and when a relation between two holds.

    Attributes:
        threshold: an object counts if its score is strictly larger.
        counting_threshold: the same for rows of the tag ``counting``.
        max_objects: at most so many of the best objects of a class count.
        max_overlap: an object whose IoU with a better one of its class reaches this is removed;
            1 turns the removal off, as the official evaluator has it.
        position_threshold: a relation holds only if the centres are further apart than this
            fraction of the two objects' summed extents.
    """

    threshold: float = 0.3
    counting_threshold: float = 0.9
    max_objects: int = 16
    max_overlap: float = 1.0
    position_threshold: float = 0.1

    def threshold_for(self, tag: str) -> float:
        """The score threshold of rows with this tag."""
        return self.counting_threshold if tag == "counting" else self.threshold


OFFICIAL = Options()
"""The protocol of every published number."""
