"""Whether a model draws a picture again, alone and in a batch: asked before the first sample.

Two prompts of different lengths are drawn together, again together, and each alone. What is not the same
to the last bit is drawn one by one; what is not even then is not reproducible.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHORT = "a red circle"
LONG = "; ".join(
    f"a {colour} {shape} to the left of a blue cross, above two small yellow stars on a plain white ground"
    for colour in ("green", "red", "purple")
    for shape in ("square", "circle", "triangle")
)
"""Of 180 words: pipelines pad to multiples of up to 128 tokens, and may pad one line as much as
the short prompt."""
SEEDS = (2**40 + 5, 7)

Draw = Callable[[Sequence[str], Sequence[int]], "Sequence[NDArray[np.uint8]]"]
"""(prompts, seeds) -> their pictures, (H, W, 3) each."""


@dataclass(frozen=True)
class Repeating:
    """What a self-test found.

    Attributes:
        together: whether a picture is the same in a batch as alone, so that batches are drawn.
        reproducible: whether the same prompt and seed give the same picture.
        why: why pictures are drawn one by one, else empty.
        size: (width, height) of the pictures.
    """

    together: bool
    reproducible: bool
    why: str
    size: tuple[int, int]


def examine(draw: Draw, alone: str = "") -> Repeating:
    """Draws the two prompts.

    Args:
        draw: the model. It may be stochastic inside as long as its generators decide.
        alone: why batches are out of the question, so that they are not tried; empty if they are not.
    """
    prompts, seeds = (SHORT, LONG), SEEDS
    single = [draw([prompt], [seed])[0] for prompt, seed in zip(prompts, seeds, strict=True)]
    size = (int(single[0].shape[1]), int(single[0].shape[0]))
    why = alone
    if not why:
        batches = [draw(prompts, seeds) for _ in range(2)]
        if all(_same(batch, single) for batch in batches):
            return Repeating(True, True, "", size)
        why = "pictures differ alone and in a batch" if _same(*batches) else "two equal batches differ"
    again = [draw([prompt], [seed])[0] for prompt, seed in zip(prompts, seeds, strict=True)]
    return Repeating(False, _same(again, single), why, size)


def _same(left: Sequence[Any], right: Sequence[Any]) -> bool:
    return all(a.shape == b.shape and bool((a == b).all()) for a, b in zip(left, right, strict=True))
