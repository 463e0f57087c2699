"""How many pictures are drawn together in narrow types.

A step of drawing reads all weights once, whatever the number of rows, so a GPU is idle with few of them. How
many there are is part of a picture, by its rounding; so the number follows from the device and the checkpoint
alone, not from what happens to be free, and it is recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

__all__ = ["FEWEST", "MOST", "rows_for", "rows_that_fit"]

FEWEST = 8
"""On a CPU, whose cores a few rows keep busy."""

MOST = 64
"""Prompts of similar length rarely fill more, and every batch is filled up."""

SHARE = 4
"""Keys and values may take one part in so many of the memory that weights leave: they are copied as they
grow, and decoding pictures needs room, too."""

PROMPT = 64
"""Tokens that a prompt is taken to have."""


def rows_for(model: Any, device: torch.device, *, guided: bool) -> int:
    """The number for a ``JanusForConditionalGeneration`` on ``device``."""
    if device.type != "cuda":
        return FEWEST
    import torch

    total = torch.cuda.get_device_properties(device).total_memory
    weights = sum(tensor.numel() * tensor.element_size() for tensor in model.parameters())
    return rows_that_fit(total - weights, row_bytes(model, guided=guided))


def rows_that_fit(left: int, row: int) -> int:
    """The largest power of two from :data:`FEWEST` to :data:`MOST` whose rows take their share of memory.

    Args:
        left: bytes that the weights leave.
        row: bytes of a picture's keys and values.

    >>> rows_that_fit(40 * 2**30, 252 * 2**20), rows_that_fit(8 * 2**30, 630 * 2**20)
    (32, 8)
    """
    rows = MOST
    while rows > FEWEST and rows * row * SHARE > left:
        rows //= 2
    return rows


def row_bytes(model: Any, *, guided: bool) -> int:
    """Bytes of the keys and values of one picture; with guidance those of the unconditional prompt, too."""
    config = model.config.text_config
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    tokens = PROMPT + model.config.vision_config.num_image_tokens
    width = 2 * config.num_key_value_heads * head * config.num_hidden_layers
    size = model.get_input_embeddings().weight.element_size()
    return int((1 + guided) * width * tokens * size)
