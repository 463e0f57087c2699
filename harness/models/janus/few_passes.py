"""Parts of a small network, written so that their forward and backward passes touch memory seldom."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def normalise(states: torch.Tensor, eps: float) -> torch.Tensor:
    """RMS norm over the last dimension, without a gain."""
    normed: torch.Tensor = _functions()["normalise"].apply(states, eps)
    return normed


def product(states: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """``states @ weight.T``, with both factors, and those of the gradients, in the weight's type."""
    import torch

    if weight.dtype == states.dtype:
        return torch.nn.functional.linear(states, weight)
    made: torch.Tensor = _functions()["product"].apply(states, weight)
    return made


def feed_forward(states: torch.Tensor, both: torch.Tensor, down: torch.Tensor) -> torch.Tensor:
    """(silu(gate) * up) @ down.T, with products in the weights' type.

    Args:
        states: (..., width).
        both: weights of gate and up, one above the other, (2 * inner, width).
        down: (width, inner).
    """
    made: torch.Tensor = _functions()["feed_forward"].apply(states, both, down)
    return made


@cache
def _functions() -> dict[str, Any]:
    """The autograd functions; torch is imported when they are first used."""
    import torch
    from torch.nn.functional import silu

    class Normalise(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, states: torch.Tensor, eps: float) -> torch.Tensor:
            length = torch.linalg.vector_norm(states, dim=-1, keepdim=True)
            scale = length.square_().div_(states.shape[-1]).add_(eps).rsqrt_()
            normed = states * scale
            ctx.save_for_backward(normed, scale)
            return normed

        @staticmethod
        def backward(ctx: Any, gradient: torch.Tensor) -> Any:
            normed, scale = ctx.saved_tensors
            along = torch.linalg.vecdot(gradient, normed).unsqueeze(-1)
            return torch.addcmul(gradient, normed, along, value=-1 / normed.shape[-1]).mul_(scale), None

    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, states: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
            with torch.autocast("cpu", enabled=False):
                rows = _rows(states).to(weight.dtype)
                ctx.save_for_backward(rows, weight)
                return (rows @ weight.t()).to(states.dtype).view(*states.shape[:-1], -1)

        @staticmethod
        def backward(ctx: Any, gradient: torch.Tensor) -> Any:
            rows, weight = ctx.saved_tensors
            given = _rows(gradient).to(weight.dtype)
            to_states = (given @ weight).to(gradient.dtype).view(*gradient.shape[:-1], -1)
            return to_states, given.t() @ rows

    class FeedForward(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, states: torch.Tensor, both: torch.Tensor, down: torch.Tensor) -> torch.Tensor:
            with torch.autocast("cpu", enabled=False):
                rows = _rows(states).to(both.dtype)
                to_gate, to_up = both.chunk(2)
                gate, up = rows @ to_gate.t(), rows @ to_up.t()
                ctx.save_for_backward(rows, gate, up, to_gate, to_up, down)
                made = (silu(gate).mul_(up) @ down.t()).to(states.dtype)
                return made.view(states.shape)

        @staticmethod
        def backward(ctx: Any, gradient: torch.Tensor) -> Any:
            rows, gate, up, to_gate, to_up, down = ctx.saved_tensors
            given = _rows(gradient).to(rows.dtype)
            opened = silu(gate)
            inner = given @ down
            for_up = inner * opened
            for_gate = torch.ops.aten.silu_backward(inner.mul_(up), gate)
            to_states = (for_gate @ to_gate).to(gradient.dtype) + for_up @ to_up
            to_both = torch.cat([for_gate.t() @ rows, for_up.t() @ rows])
            to_down = given.t() @ opened.mul_(up)
            return to_states.view(gradient.shape), to_both, to_down

    return {"normalise": Normalise, "product": Product, "feed_forward": FeedForward}


def _rows(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.reshape(-1, tensor.shape[-1])
