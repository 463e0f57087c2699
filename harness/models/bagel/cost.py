"""What a network of given sizes costs, worked out on the meta device: nothing is allocated or computed.

Memory is the peak of the bytes that are alive at once, weights included, as an allocator without waste would
hold them; a GPU's own reserve (its context, fragmentation, workspaces) comes on top. Attention counts as one
operation that keeps no matrix of scores, as the kernels on GPUs work.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from selfreward_eval.harness.models.bagel.autoencoder import FluxAutoencoder
from selfreward_eval.harness.models.bagel.config import BagelConfig
from selfreward_eval.harness.models.bagel.contexts import Markers, empty, noisy_velocity, read_text
from selfreward_eval.harness.models.bagel.guidance import times
from selfreward_eval.harness.models.bagel.network import Bagel
from selfreward_eval.harness.models.bagel.settings import DrawingSettings

__all__ = ["DrawingCost", "Measured", "Sizes", "drawing_cost", "measuring", "on_meta", "sizes"]


@dataclass(frozen=True)
class Sizes:
    """How large a network is.

    Attributes:
        tensors: of the network's file.
        parameters: numbers in them.
        gen_parameters: those of the set that draws (``_moe_gen``).
        autoencoder_tensors: of ``ae.safetensors``.
        autoencoder_parameters: numbers in them.
        cache_bytes: of keys and values, a token.
        weight_bytes: of the network in its type, and of the autoencoder in float32.
    """

    tensors: int
    parameters: int
    gen_parameters: int
    autoencoder_tensors: int
    autoencoder_parameters: int
    cache_bytes: int
    weight_bytes: int


@dataclass(frozen=True)
class DrawingCost:
    """What drawing takes.

    Attributes:
        evaluations: passes through the network for each picture, guidance included.
        flops: of one picture, the autoencoder's decoding included; a multiplication and an addition count 2.
        peak_bytes: with ``rows`` pictures drawn together, and decoded one by one.
    """

    evaluations: int
    flops: int
    peak_bytes: int


class Measured:
    """What happened inside :func:`measuring`.

    Attributes:
        flops: of all operations.
        peak_bytes: most that was alive at once of what was made inside; not what was there before.
    """

    flops = 0
    peak_bytes = 0


def on_meta(config: BagelConfig, dtype: torch.dtype) -> tuple[Bagel, FluxAutoencoder]:
    """Network in ``dtype`` and autoencoder in float32, without memory and without gradients."""
    with torch.device("meta"):
        network, autoencoder = Bagel(config), FluxAutoencoder(config.autoencoder)
    return network.to(dtype).requires_grad_(False).eval(), autoencoder.requires_grad_(False).eval()


def sizes(config: BagelConfig, dtype: torch.dtype = torch.bfloat16) -> Sizes:
    """Numbers of tensors, parameters and bytes."""
    network, autoencoder = on_meta(config, dtype)
    state, pictures = network.state_dict(), autoencoder.state_dict()
    text = config.text
    count = sum(tensor.numel() for tensor in state.values())
    apart = sum(tensor.numel() for tensor in pictures.values())
    width = torch.empty(0, dtype=dtype).element_size()
    return Sizes(
        len(state),
        count,
        sum(tensor.numel() for name, tensor in state.items() if "_moe_gen" in name),
        len(pictures),
        apart,
        2 * text.num_hidden_layers * text.num_key_value_heads * text.head_dim * width,
        count * width + apart * 4,
    )


def drawing_cost(
    config: BagelConfig,
    settings: DrawingSettings,
    *,
    dtype: torch.dtype = torch.bfloat16,
    rows: int = 1,
    prompt_tokens: int = 32,
) -> DrawingCost:
    """What text to picture costs, without a plan.

    Args:
        config: ``image_size`` is that of the picture.
        settings: number of times, shift and guidance.
        dtype: of the network.
        rows: pictures drawn together.
        prompt_tokens: of a prompt, its markers included.
    """
    network, autoencoder = on_meta(config, dtype)
    grid, markers = config.grid(), Markers(0, 1, 2, 3)
    stops = times(settings.num_timesteps, settings.timestep_shift)[:-1]
    guidance = settings.guidance
    guided = int(guidance.on(stops).sum()) if guidance.text > 1 else 0
    plain = len(stops)

    with torch.inference_mode(), measuring() as reading:
        nothing = empty(network, rows)
        context, _ = read_text(network, nothing, [[0] * prompt_tokens] * rows)
    cache = rows * prompt_tokens * sizes(config, dtype).cache_bytes
    latents = torch.empty(rows, grid[0] * grid[1], config.token_width, device="meta")
    at = torch.empty(rows, device="meta")
    with torch.inference_mode(), measuring() as conditional:
        noisy_velocity(network, context, markers, latents, at, grid)
    with torch.inference_mode(), measuring() as free:
        noisy_velocity(network, nothing, markers, latents, at, grid)
    patch, ae = config.latent_patch_size, config.autoencoder
    unpacked = torch.empty(1, ae.z_channels, grid[0] * patch, grid[1] * patch, device="meta")
    with torch.inference_mode(), measuring() as decoding:
        autoencoder.decode(unpacked)
    steps = plain * conditional.flops + guided * free.flops
    peak = cache + max(conditional.peak_bytes + 4 * latents.numel() * 2, decoding.peak_bytes)
    return DrawingCost(
        plain + guided,
        (reading.flops + steps) // rows + decoding.flops,
        sizes(config, dtype).weight_bytes + peak,
    )


@contextmanager
def measuring() -> Iterator[Measured]:
    """Inside, operations on the meta device are counted: forward, and backward where there is one.

    >>> with measuring() as found:
    ...     made = torch.empty(4, 8, device="meta") @ torch.empty(8, 2, device="meta")
    >>> found.flops, found.peak_bytes
    (128, 224)
    """
    measured, attention = Measured(), _Attention()
    counter = FlopCounterMode(display=False)
    live = _LiveBytes()
    with attention, counter, live:
        yield measured
    measured.flops = int(counter.get_total_flops()) + attention.flops
    measured.peak_bytes = live.peak


class _LiveBytes(TorchDispatchMode):
    """Bytes of the storages that operations made and that are still referred to."""

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self._known: dict[int, Any] = {}

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        taken = {_key(leaf) for leaf in tree_leaves((args, kwargs or {})) if isinstance(leaf, torch.Tensor)}
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, torch.Tensor) and leaf.device.type == "meta":
                key = _key(leaf)
                if key not in self._known and key not in taken:
                    storage = leaf.untyped_storage()
                    self.live += storage.nbytes()
                    self._known[key] = weakref.finalize(storage, self._freed, key, storage.nbytes())
        self.peak = max(self.peak, self.live)
        return out

    def _freed(self, key: int, size: int) -> None:
        self.live -= size
        self._known.pop(key, None)


def _key(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


class _Attention(TorchFunctionMode):
    """Attention as one operation that keeps its inputs and its output, forward and backward."""

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if func is not torch.nn.functional.scaled_dot_product_attention or args[0].device.type != "meta":
            return func(*args, **(kwargs or {}))
        return _OneAttention.apply(self, *args[:3])


class _OneAttention(torch.autograd.Function):
    """Shapes and operations of attention; the backward pass computes the scores anew, hence five products."""

    @staticmethod
    def forward(
        ctx: Any, mode: _Attention, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor
    ) -> torch.Tensor:
        """Like the query, with the value's width."""
        out = query.new_empty((*query.shape[:-1], value.shape[-1]))
        ctx.mode, ctx.product = mode, 2 * query.numel() * key.shape[-2]
        mode.flops += 2 * ctx.product
        ctx.save_for_backward(query, key, value, out)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """Gradients like the inputs."""
        query, key, value, _ = ctx.saved_tensors
        ctx.mode.flops += 5 * ctx.product
        return None, torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)
