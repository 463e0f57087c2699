"""Gradient checkpointing: a layer keeps its input alone and computes the rest again in the backward pass.

transformers' layers do it only in training mode, and then drop the cache of keys and values, so drawing
would be wrong or slow with it. It is therefore switched on around a loss
and off after it, on the layers' own flag: everything below stays in evaluation mode.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError

if TYPE_CHECKING:
    import torch

__all__ = ["recomputing"]


@contextmanager
def recomputing(module: torch.nn.Module) -> Iterator[None]:
    """Inside, every layer of ``module`` is recomputed in backward passes, also in those that come later.

    Raises:
        UsageError: it has no layers that can.
    """
    from functools import partial

    from torch.utils.checkpoint import checkpoint
    from transformers.modeling_layers import GradientCheckpointingLayer

    layers: list[Any] = [layer for layer in module.modules() if isinstance(layer, GradientCheckpointingLayer)]
    if not layers:
        raise UsageError(
            f"checkpointing is asked for, but no layer of {type(module).__name__} offers it; "
            "use checkpointing=false"
        )
    for layer in layers:
        layer.gradient_checkpointing = True
        layer._gradient_checkpointing_func = partial(checkpoint, use_reentrant=False)
        layer.training = True
    try:
        yield
    finally:
        for layer in layers:
            layer.gradient_checkpointing = False
            layer.training = False
            del layer._gradient_checkpointing_func
