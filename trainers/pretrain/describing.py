"""What each patch of a scene shows, and a small reader that must tell it from the patch's code.

By reconstruction alone the codec's encoder finds forms and colours and then
stops: an L1 loss is nearly as content with the mean tone of a texture as with
the texture. Asked to name what a patch shows, the encoder has to carry
textures and small objects, and the decoder then draws them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from selfreward_eval.tasks.shapes.outlines import outline
from selfreward_eval.tasks.shapes.scene import Scene
from selfreward_eval.tasks.shapes.vocabulary import CANVAS, COLOURS, FORMS, TEXTURES
from selfreward_eval.trainers.pretrain.architecture import CODE_WIDTH, PATCH

if TYPE_CHECKING:
    import torch

SIDE = CANVAS // PATCH
DEPTH = 2
"""Objects told per patch: the one that shows most, and the next."""

SIZES = (len(FORMS) * 4 + 4, len(COLOURS) + 1, len(TEXTURES) + 1)
"""Classes of the three properties: form and which quarter of it, colour, texture; the last ones mean none."""

NONE = (len(FORMS) * 4, len(COLOURS), len(TEXTURES))
EMPTY_WEIGHT = 0.05
"""Weight of a patch where there is nothing to tell, beside 1."""


def _visible(scene: Scene) -> NDArray[np.int64]:
    """Index of the object that shows at every pixel, -1 on the ground: (48, 48)."""
    shown = np.full((CANVAS, CANVAS), -1)
    for index, thing in enumerate(scene.things):
        x0, y0, x1, y1 = thing.box
        left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, CANVAS), min(y1, CANVAS)
        mask = outline(thing.form, thing.size)[top - y0 : bottom - y0, left - x0 : right - x0] > 0.5
        shown[top:bottom, left:right][mask] = index
    return shown


def descriptions(scenes: Sequence[Scene]) -> torch.Tensor:
    """Class of each property of the objects in every patch: int64 (B, 6, 6, DEPTH, 3)."""
    import torch

    labels = np.empty((len(scenes), SIDE, SIDE, DEPTH, 3), dtype=np.int64)
    labels[:] = NONE
    for k, scene in enumerate(scenes):
        shown = _visible(scene)
        for row in range(SIDE):
            for column in range(SIDE):
                patch = shown[row * PATCH : (row + 1) * PATCH, column * PATCH : (column + 1) * PATCH]
                indices, areas = np.unique(patch[patch >= 0], return_counts=True)
                for place, which in enumerate(np.argsort(-areas)[:DEPTH]):
                    thing = scene.things[indices[which]]
                    below = thing.y <= row * PATCH + PATCH // 2
                    right = thing.x <= column * PATCH + PATCH // 2
                    labels[k, row, column, place] = (
                        FORMS.index(thing.form) * 4 + 2 * below + right,
                        list(COLOURS).index(thing.colour),
                        TEXTURES.index(thing.texture),
                    )
    return torch.from_numpy(labels)


def new_reader() -> torch.nn.Module:
    """The reader: a code (..., 8) to logits (..., DEPTH * sum(SIZES)). Thrown away after training."""
    from torch import nn

    return nn.Sequential(
        nn.Linear(CODE_WIDTH, 256),
        nn.GELU(),
        nn.Linear(256, 256),
        nn.GELU(),
        nn.Linear(256, DEPTH * sum(SIZES)),
    )


def loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Summed cross-entropy of the three properties (natural log), empty places weighing less.

    Args:
        logits: (B, 6, 6, DEPTH * sum(SIZES)).
        labels: of :func:`descriptions`.
    """
    import torch.nn.functional as F

    table = logits.float().view(*labels.shape[:-1], sum(SIZES))
    has_object = (labels[..., 0] < NONE[0]).float()
    weight = (has_object + EMPTY_WEIGHT * (1 - has_object)).flatten()
    total = table.new_zeros(())
    start = 0
    for place, size in enumerate(SIZES):
        part = table[..., start : start + size].flatten(0, -2)
        each = F.cross_entropy(part, labels[..., place].flatten(), reduction="none")
        total = total + (each * weight).sum() / weight.sum()
        start += size
    return total
