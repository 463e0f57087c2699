"""Pictures as a network takes them: squashed to a square, scaled, normalised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)


def preprocess(
    images: Sequence[Image], side: int, *, resample: str, mean: Sequence[float], std: Sequence[float]
) -> torch.Tensor:
    """Pictures as float32 (B, 3, ``side``, ``side``), whatever their shape was.

    The same as torchvision's Resize to a square, ToTensor and Normalize on a PIL picture.

    Args:
        images: of any mode and size; what is not RGB is converted.
        side: pixels.
        resample: ``bicubic`` or ``bilinear``, as Pillow does them (antialiased).
        mean: per channel, of values in [0, 1].
        std: per channel, of values in [0, 1].
    """
    import torch
    from PIL.Image import Resampling

    filter_ = Resampling[resample.upper()]
    pixels = np.stack([np.asarray(image.convert("RGB").resize((side, side), filter_)) for image in images])
    values = torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div(255)
    return values.sub(torch.tensor(mean).view(3, 1, 1)).div(torch.tensor(std).view(3, 1, 1))
