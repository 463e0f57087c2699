"""Pictures to tensors and back: resizing as the published transforms do it, borders, pixels.

Sides are (height, width) here and in every name of BAGEL; Pillow's own are (width, height).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image as PillowImage

from selfreward_eval.harness.instruments.backends.finite import check_computed
from selfreward_eval.harness.models.bagel.config import Resizing

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["from_pixels", "on_white", "resized", "resized_size", "to_tensor", "without_black_border"]


def on_white(image: Image) -> Image:
    """An RGB picture; what is transparent becomes white."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layered = image.convert("RGBA")
        ground = PillowImage.new("RGB", layered.size, (255, 255, 255))
        ground.paste(layered, mask=layered.getchannel("A"))
        return ground
    return image.convert("RGB")


def resized_size(size: tuple[int, int], limits: Resizing) -> tuple[int, int]:
    """The size (height, width) that a picture of ``size`` is resized to.

    The picture is made smaller until its longer side fits, then larger until its shorter side does; both
    sides are rounded to whole pixels and then to the nearest multiple of the stride. Where that is still
    beyond the largest area or the longest side, it is scaled down once more.

    >>> resized_size((48, 48), Resizing(1024, 512, 16))
    (512, 512)
    """
    shorter, longer = min(size), max(size)
    scale = max(min(limits.max_side / longer, 1.0), limits.min_side / shorter)
    found = _scaled(size, scale, limits.stride)
    area = found[0] * found[1]
    if area > limits.max_pixels:
        found = _scaled(found, (limits.max_pixels / area) ** 0.5, limits.stride)
    if max(found) > limits.max_side:
        found = _scaled(found, limits.max_side / max(found), limits.stride)
    return found


def _scaled(size: tuple[int, int], scale: float, stride: int) -> tuple[int, int]:
    height, width = (max(stride, round(round(side * scale) / stride) * stride) for side in size)
    return height, width


def resized(image: Image, limits: Resizing) -> Image:
    """The picture within the limits, bicubic with antialiasing."""
    height, width = resized_size((image.height, image.width), limits)
    if (width, height) == image.size:
        return image
    return image.resize((width, height), PillowImage.Resampling.BICUBIC)


def to_tensor(image: Image) -> torch.Tensor:
    """float32 (3, H, W) in [-1, 1] of an RGB picture."""
    pixels = torch.from_numpy(np.array(image, dtype=np.uint8))
    return (pixels.permute(2, 0, 1).float() / 255 - 0.5) / 0.5


def from_pixels(pixels: torch.Tensor) -> Image:
    """The RGB picture of decoded values (3, H, W); they are truncated to whole numbers, not rounded.

    Raises:
        NotFinite: a value is NaN or infinite.
    """
    check_computed(pixels, "a pixel of the decoded picture")
    scaled = (pixels * 0.5 + 0.5).clamp(0, 1) * 255
    return PillowImage.fromarray(scaled.to(torch.uint8).permute(1, 2, 0).cpu().numpy())


def without_black_border(image: Image) -> Image:
    """The picture without rows and columns at its edges that are wholly black, as GenEval's script of BAGEL
    cuts it; a picture that is all black stays."""
    return image.crop(image.getbbox())
