"""From Mask2Former's raw outputs to scored instances, as mmdet's test pipeline does it.

This is not ``post_process_instance_segmentation`` of transformers, which
thresholds, paints one label per pixel and resizes twice with other rules.
Here a pixel may belong to many instances, and nothing is thresholded: that is
what GenEval's evaluator was built on.

Source: mmdet 2.x, ``MaskFormerFusionHead.instance_postprocess`` and ``mask2bbox``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

MAX_CANDIDATES = 100
"""``max_per_image`` of the official configuration."""

SHORT_EDGE, LONG_EDGE, DIVISOR = 800, 1333, 32
"""Test resize of the official configuration: the short edge becomes 800, unless the long one exceeds 1333."""


@dataclass(frozen=True)
class Instances:
    """The N candidates of one picture, in no particular order.

    Attributes:
        classes: (N,) int64, output index of the class.
        scores: (N,) float32 in [0, 1]: class probability x mean mask probability inside the mask.
        boxes: (N, 4) float32: x0, y0, x1, y1, far edges exclusive; zeros for an empty mask.
        masks: (Q, H, W) bool, one per query, of the picture's size.
        queries: (N,) int64, the mask that belongs to each candidate.
    """

    classes: Tensor
    scores: Tensor
    boxes: Tensor
    masks: Tensor
    queries: Tensor


def input_size(width: int, height: int) -> tuple[int, int]:
    """Size (width, height) of the picture the network sees, proportions kept."""
    factor = min(LONG_EDGE / max(width, height), SHORT_EDGE / min(width, height))
    return int(width * factor + 0.5), int(height * factor + 0.5)


def padded(edge: int) -> int:
    """An edge filled up to the next multiple of 32."""
    return -(-edge // DIVISOR) * DIVISOR


def restore_masks(logits: Tensor, input_shape: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Mask logits (Q, h, w) of the padded input at the picture's own size: float32 (Q, H, W).

    Upsampled to the padded input, freed of the padding, then resized; two steps, as upstream.

    Args:
        logits: what the network returned for one picture.
        input_shape: (width, height) the picture had inside the padded input.
        size: (width, height) of the picture itself.
    """
    from torch.nn.functional import interpolate

    (input_width, input_height), (width, height) = input_shape, size
    padded_shape = (padded(input_height), padded(input_width))
    masks = interpolate(logits[None].float(), size=padded_shape, mode="bilinear", align_corners=False)
    masks = masks[:, :, :input_height, :input_width]
    return interpolate(masks, size=(height, width), mode="bilinear", align_corners=False)[0]


def instances(class_logits: Tensor, mask_logits: Tensor, candidates: int = MAX_CANDIDATES) -> Instances:
    """The best (query, class) pairs of one picture.

    Args:
        class_logits: (Q, C + 1); the last class means "nothing".
        mask_logits: (Q, H, W) at the picture's size.
        candidates: how many pairs to take; all Q x C if there are fewer.
    """
    probabilities = class_logits.float().softmax(dim=-1)[:, :-1]
    classes = probabilities.shape[1]
    scores, chosen = probabilities.flatten().topk(min(candidates, probabilities.numel()), sorted=False)
    queries = chosen // classes
    masks = mask_logits > 0
    area = masks.flatten(1).sum(dim=1).float()
    certainty = (mask_logits.sigmoid() * masks).flatten(1).sum(dim=1) / (area + 1e-6)
    boxes = mask_boxes(masks)[queries]
    return Instances(chosen % classes, scores * certainty[queries], boxes, masks, queries)


def mask_boxes(masks: Tensor) -> Tensor:
    """The tightest box around each mask (Q, H, W) bool: float32 (Q, 4); zeros if the mask is empty."""
    import torch

    boxes = torch.zeros(len(masks), 4, dtype=torch.float32, device=masks.device)
    for axis, first, last in ((1, 0, 2), (2, 1, 3)):
        line = masks.any(dim=axis)
        length = line.shape[1]
        start = line.float().argmax(dim=1)
        stop = length - line.flip(1).float().argmax(dim=1)
        occupied = line.any(dim=1)
        boxes[:, first] = torch.where(occupied, start, 0).float()
        boxes[:, last] = torch.where(occupied, stop, 0).float()
    return boxes


def load_pixels(picture: Tensor) -> Tensor:
    """RGB pixels (H, W, 3) uint8 as the network's padded input: float32 (1, 3, h, w).

    Bilinear without antialiasing and rounded to 8 bits, as OpenCV resizes; then ImageNet's mean
    and deviation; then zeros on the right and below.
    """
    import torch
    from torch.nn.functional import interpolate, pad

    mean = torch.tensor([123.675, 116.28, 103.53], device=picture.device).view(1, 3, 1, 1)
    deviation = torch.tensor([58.395, 57.12, 57.375], device=picture.device).view(1, 3, 1, 1)
    height, width = picture.shape[:2]
    new_width, new_height = input_size(width, height)
    pixels = picture.permute(2, 0, 1)[None].float()
    if (new_width, new_height) != (width, height):
        pixels = interpolate(pixels, size=(new_height, new_width), mode="bilinear", align_corners=False)
        pixels = pixels.round().clamp(0, 255)
    pixels = (pixels - mean) / deviation
    return pad(pixels, (0, padded(new_width) - new_width, 0, padded(new_height) - new_height))
