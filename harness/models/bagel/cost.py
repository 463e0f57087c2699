"""What a network of given sizes costs, worked out on the meta device: nothing is allocated or computed.

Memory is the peak of the bytes that are alive at once, weights included
(:mod:`selfreward_eval.harness.models.metering`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from selfreward_eval.harness.models.bagel.autoencoder import FluxAutoencoder
from selfreward_eval.harness.models.bagel.config import BagelConfig
from selfreward_eval.harness.models.bagel.contexts import Markers, empty, noisy_velocity, read_text
from selfreward_eval.harness.models.bagel.guidance import times
from selfreward_eval.harness.models.bagel.network import Bagel
from selfreward_eval.harness.models.bagel.settings import DrawingSettings
from selfreward_eval.harness.models.metering import measuring

__all__ = ["DrawingCost", "Sizes", "drawing_cost", "on_meta", "sizes"]


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
