"""How a model that is asked about one region is shown it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selfreward_eval.harness.errors import UsageError

if TYPE_CHECKING:
    from PIL.Image import Image

WAYS = ("masked", "crop")


def shown(image: Image, box: tuple[int, int, int, int], way: str) -> Image:
    """The picture with nothing but the region in it.

    Args:
        image: RGB.
        box: x0, y0, x1, y1 in whole pixels.
        way: ``masked`` paints everything outside the box in the picture's median colour and keeps size
            and place; ``crop`` cuts the box out.

    Raises:
        UsageError: an unknown way.
    """
    if way == "crop":
        return image.crop(box)
    if way != "masked":
        raise UsageError(f"a region cannot be shown {way!r}; known: {', '.join(WAYS)}")
    import numpy as np
    from PIL import Image as PillowImage

    pixels = np.asarray(image.convert("RGB"))
    colour = np.median(pixels.reshape(-1, 3), axis=0).astype(np.uint8)
    canvas = np.empty_like(pixels)
    canvas[:] = colour
    x0, y0, x1, y1 = box
    canvas[y0:y1, x0:x1] = pixels[y0:y1, x0:x1]
    return PillowImage.fromarray(canvas)
