"""Gradient checkpointing: a layer keeps its input alone and computes the rest again in the backward pass.

transformers' layers do it only in training mode, and then drop the cache of keys and values, so drawing
would be wrong or slow with it. It is therefore switched on around a loss
and off after it, on the layers' own flag: everything below stays in evaluation mode.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError

if TYPE_CHECKING:
    import torch

__all__ = ["layers_of", "recomputing"]


def layers_of(module: torch.nn.Module) -> list[Any]:
    """The layers of ``module`` that can be recomputed, in order."""
    from transformers.modeling_layers import GradientCheckpointingLayer

    return [layer for layer in module.modules() if isinstance(layer, GradientCheckpointingLayer)]


@contextmanager
def recomputing(
    module: torch.nn.Module, again: Callable[[], AbstractContextManager[Any]] = nullcontext
) -> Iterator[None]:
    """Inside, every layer of ``module`` is recomputed in backward passes, also in those that come later.

    Args:
        module: with layers that can.
        again: what each of them is recomputed in.

    Raises:
        UsageError: it has no layers that can.
    """
    from functools import partial

    from torch.utils.checkpoint import checkpoint

    layers = layers_of(module)
    if not layers:
        raise UsageError(
            f"checkpointing is asked for, but no layer of {type(module).__name__} offers it; "
            "use checkpointing=false"
        )
    for layer in layers:
        layer.gradient_checkpointing = True
        layer._gradient_checkpointing_func = partial(
            checkpoint, use_reentrant=False, context_fn=lambda: (nullcontext(), again())
        )
        layer.training = True
    try:
        yield
    finally:
        for layer in layers:
            layer.gradient_checkpointing = False
            layer.training = False
            del layer._gradient_checkpointing_func
