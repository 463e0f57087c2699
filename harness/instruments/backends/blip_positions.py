"""Position embeddings of BLIP's picture encoder, at another picture size than the checkpoint's.

The official network was trained at 480 pixels (30x30 patches). The checkpoint on
the hub holds its embedding interpolated to 384 pixels (24x24), which cannot be
undone: interpolating back to 480 is a third thing. The original is the tensor
``visual_encoder.pos_embed`` of ``model_base_vqa_capfilt_large.pth``, to be saved once::

    state = torch.load("model_base_vqa_capfilt_large.pth", weights_only=True)["model"]
    save_file({"visual_encoder.pos_embed": state["visual_encoder.pos_embed"]}, "positions.safetensors")
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from selfreward_eval.harness.errors import CheckpointError
from selfreward_eval.harness.instruments.backends.finite import is_finite
from selfreward_eval.harness.instruments.backends.weights import read_safetensors

if TYPE_CHECKING:
    import torch

NAMES = ("visual_encoder.pos_embed", "vision_model.embeddings.position_embedding")
"""What the tensor is called upstream and in transformers."""


def interpolated(embedding: torch.Tensor, side: int) -> torch.Tensor:
    """An embedding for ``side`` x ``side`` patches, bicubic, the class token's as it is.

    Args:
        embedding: (1, n x n + 1, width), the class token first.
        side: patches.

    Returns:
        float32 (1, ``side`` x ``side`` + 1, width).

    Source: salesforce/BLIP, models/vit.py, which does so once while it loads a checkpoint.
    """
    import torch

    embedding = embedding.float()
    width, old = embedding.shape[-1], round((embedding.shape[1] - 1) ** 0.5)
    if old == side:
        return embedding
    grid = embedding[:, 1:].reshape(1, old, old, width).permute(0, 3, 1, 2)
    grid = torch.nn.functional.interpolate(grid, size=(side, side), mode="bicubic", align_corners=False)
    return torch.cat([embedding[:, :1], grid.permute(0, 2, 3, 1).flatten(1, 2)], dim=1)


def read_positions(path: Path, side: int, width: int) -> torch.Tensor:
    """The embedding for ``side`` x ``side`` patches in a file: float32 (1, side x side + 1, width).

    The file holds it under one of :data:`NAMES`, or alone under any name.

    Raises:
        CheckpointError: there is no such file, it is damaged, or it holds another embedding or one
            with NaN or infinity in it.
    """
    if not path.is_file() or path.suffix != ".safetensors":
        raise CheckpointError(
            f"{path} is not a safetensors file; give the original position embedding as one, or write "
            "positions=interpolated"
        )
    tensors = read_safetensors(path)
    names = [name for name in NAMES if name in tensors] or (list(tensors) if len(tensors) == 1 else [])
    if not names:
        raise CheckpointError(f"{path} holds {len(tensors)} tensors and none called {' or '.join(NAMES)}")
    embedding = tensors[names[0]]
    expected_shape = (1, side * side + 1, width)
    if tuple(embedding.shape) != expected_shape:
        raise CheckpointError(
            f"{names[0]} in {path} has the shape {tuple(embedding.shape)}, pictures of {side}x{side} patches "
            f"need {expected_shape}; give the embedding of that picture size"
        )
    if not is_finite(embedding):
        raise CheckpointError(f"{names[0]} in {path} holds NaN or infinity; give an embedding of numbers")
    return embedding.float()
