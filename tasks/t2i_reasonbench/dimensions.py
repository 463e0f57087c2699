"""The four dimensions: their blocks of questions, and how block scores are combined into two numbers.

Source: KaiyueSun98/T2I-ReasonBench at efc1d20, ``evaluation/Qwen2.5-VL/eval_*.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from selfreward_eval.harness.errors import UsageError

QUALITY = "quality"
"""The block that does not contribute to accuracy."""

ALLOWED = (0.0, 0.5, 1.0)
"""Possible scores of a question."""


@dataclass(frozen=True)
class Dimension:
    """One of the four dimensions.

    Attributes:
        name: category of its items.
        blocks: block -> its key in upstream's question file, in the order of asking.
        weights: block -> its weight in accuracy; the weights sum to 1.
    """

    name: str
    blocks: Mapping[str, str]
    weights: Mapping[str, float]

    def accuracy(self, means: Mapping[str, float]) -> float:
        """In [0, 1], from the blocks' means."""
        return sum(weight * means[block] for block, weight in self.weights.items())


def _plain(name: str) -> Dimension:
    keys = {"reason": "reason_evaluation", QUALITY: "quality_evaluation"}
    return Dimension(name, keys, {"reason": 1.0})


def _detailed(name: str) -> Dimension:
    keys = {name: f"{name}_evaluation", "details": "other_details_evaluation", QUALITY: "quality_evaluation"}
    return Dimension(name, keys, {name: 0.7, "details": 0.3})


DIMENSIONS = {
    "idiom": _plain("idiom"),
    "textual_image": _plain("textual_image"),
    "entity": _detailed("entity"),
    "scientific": _detailed("scientific"),
}
"""In the order of the paper's table."""


def dimension_of(name: str) -> Dimension:
    """The dimension of that name.

    Raises:
        UsageError: there is none.
    """
    try:
        return DIMENSIONS[name]
    except KeyError:
        known = ", ".join(DIMENSIONS)
        raise UsageError(f"T2I-ReasonBench has no dimension {name!r}; it has {known}") from None


def block_mean(scores: Sequence[float]) -> float:
    """Unweighted mean of a block's scores, of which there is at least one."""
    return fsum(scores) / len(scores)
