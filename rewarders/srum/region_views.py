"""Views of one region, for a model that is asked about this region alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selfreward_eval.harness.errors import UsageError

if TYPE_CHECKING:
    from PIL.Image import Image

REGION_VIEWS = ("masked", "crop")


def region_view(image: Image, box: tuple[int, int, int, int], view: str) -> Image:
    """The picture of the region alone.

    Args:
        image: RGB.
        box: x0, y0, x1, y1 in whole pixels.
        view: ``masked`` paints everything outside the box in the picture's median colour and keeps size
            and place; ``crop`` cuts the box out.

    Raises:
        UsageError: an unknown view.
    """
    if view == "crop":
        return image.crop(box)
    if view != "masked":
        raise UsageError(f"a region cannot be shown {view!r}; known: {', '.join(REGION_VIEWS)}")
    import numpy as np
    from PIL import Image as PillowImage

    pixels = np.asarray(image.convert("RGB"))
    colour = np.median(pixels.reshape(-1, 3), axis=0).astype(np.uint8)
    canvas = np.empty_like(pixels)
    canvas[:] = colour
    x0, y0, x1, y1 = box
    canvas[y0:y1, x0:x1] = pixels[y0:y1, x0:x1]
    return PillowImage.fromarray(canvas)
