"""Converts between a picture of any size and the world's 48-pixel frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from selfreward_eval.tasks.shapes.vocabulary import CANVAS

if TYPE_CHECKING:
    from PIL.Image import Image


def to_frame(image: Image) -> NDArray[np.uint8]:
    """The picture as uint8 (48, 48, 3), area-resampled where it has another size."""
    from PIL import Image as PillowImage

    picture = image.convert("RGB")
    if picture.size != (CANVAS, CANVAS):
        picture = picture.resize((CANVAS, CANVAS), PillowImage.Resampling.BOX)
    return np.asarray(picture, dtype=np.uint8)


def enlarge(array: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """A (48, 48) array at a picture's ``size`` (width, height), nearest neighbour."""
    width, height = size
    if (width, height) == (CANVAS, CANVAS):
        return array
    rows = np.arange(height) * CANVAS // height
    columns = np.arange(width) * CANVAS // width
    return array[rows][:, columns]
