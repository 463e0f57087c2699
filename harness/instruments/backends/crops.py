"""An object alone: cut out of its picture by mask and box, as GenEval's colour classifier sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from selfreward_eval.harness.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

GREY = "#999"
"""Official background: (153, 153, 153)."""

UNTOUCHED = "original"
"""As a background: leave what surrounds the object as it is."""


def cut_out(
    image: Image,
    box: Sequence[float],
    mask: NDArray[np.bool_] | None,
    *,
    background: str = GREY,
    crop: bool = True,
) -> Image:
    """The object in ``box`` on a plain background.

    Args:
        image: RGB, W x H.
        box: x0, y0, x1, y1 in pixels, the far edges exclusive; each edge is rounded to the nearest
            pixel, halves to the even one. What lies outside the picture is black.
        mask: boolean (H, W); pixels where it is false become background. None keeps them all.
        background: a colour as Pillow reads it, or ``original``.
        crop: whether to cut to the box; otherwise the whole picture is returned.

    Raises:
        InputError: the mask is not of the picture's size, or the box is turned inside out. A box
            without a pixel gives an empty picture.
    """
    from PIL import Image as pil

    picture = image.convert("RGB")
    if mask is not None:
        if mask.shape != (picture.height, picture.width):
            raise InputError(
                f"a mask of {mask.shape[1]}x{mask.shape[0]} pixels does not fit a picture of "
                f"{picture.width}x{picture.height}; the detector must return masks of the picture's size"
            )
        if background != UNTOUCHED:
            ground = pil.new("RGB", picture.size, color=background)
            picture = pil.composite(picture, ground, pil.fromarray(np.asarray(mask, dtype=bool)))
    if not crop:
        return picture
    x0, y0, x1, y1 = (round(float(edge)) for edge in box)
    if x1 < x0 or y1 < y0:
        raise InputError(
            f"the box {[float(edge) for edge in box]} ends before it begins; the detector must return "
            "x0, y0, x1, y1"
        )
    return picture.crop((x0, y0, x1, y1))
