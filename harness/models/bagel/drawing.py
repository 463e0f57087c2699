"""Draws latents: Euler steps from noise to a picture, for several rows at once.

Every row has its own noise, its own contexts and its own norms, so a picture depends on its prompt and seed
alone. What was read before the picture is kept as keys and values; only the picture's own tokens, with the
two markers around them, are computed at a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from selfreward_eval.harness.instruments.backends.finite import check_computed
from selfreward_eval.harness.models.bagel.contexts import Context, Markers, noisy_velocity
from selfreward_eval.harness.models.bagel.guidance import guided
from selfreward_eval.harness.models.bagel.network import Bagel
from selfreward_eval.harness.models.bagel.settings import Guidance
from selfreward_eval.harness.models.bagel.transformer import wide

__all__ = ["Contexts", "DrawnFrom", "draw_latents", "noise", "velocity_at"]


class Contexts(NamedTuple):
    """What the three velocities of guidance have read.

    Attributes:
        whole: everything.
        without_text: what came before the last text; empty where only a prompt was read.
        without_image: everything but the input picture; the same object as ``whole`` where there is none.
    """

    whole: Context
    without_text: Context
    without_image: Context


@dataclass(frozen=True)
class DrawnFrom:
    """What a velocity is computed with.

    Attributes:
        network: of the contexts.
        markers: their ids.
        contexts: of B rows.
        grid: rows and columns of the latent tokens.
        guidance: how the velocities are combined.
    """

    network: Bagel
    markers: Markers
    contexts: Contexts
    grid: tuple[int, int]
    guidance: Guidance

    def velocity(self, context: Context, latents: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        """After one context: (B, L, C)."""
        return noisy_velocity(self.network, context, self.markers, latents, times, self.grid)


def noise(seeds: Sequence[int], grid: tuple[int, int], width: int) -> torch.Tensor:
    """Each seed's own standard normal numbers, drawn on the CPU in packed layout: float32 (B, L, C)."""
    rows = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed % (1 << 63))
        rows.append(torch.randn(grid[0] * grid[1], width, generator=generator))
    return torch.stack(rows) if rows else torch.empty(0, grid[0] * grid[1], width)


def velocity_at(source: DrawnFrom, latents: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
    """The guided velocity of every row at its own time: (B, L, C).

    Args:
        source: network, contexts and guidance.
        latents: (B, L, C).
        times: (B,).
    """
    contexts, guidance = source.contexts, source.guidance
    whole = source.velocity(contexts.whole, latents, times)
    on = guidance.on(times)
    if guidance.text <= 1 or not bool(on.any()):
        return whole
    pushed = guided(
        guidance,
        whole,
        lambda: source.velocity(contexts.without_text, latents, times),
        lambda: (
            whole
            if contexts.without_image is contexts.whole
            else source.velocity(contexts.without_image, latents, times)
        ),
    )
    return torch.where(on.to(whole.device)[:, None, None], pushed, whole)


def draw_latents(source: DrawnFrom, start: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
    """Latents of pictures in packed layout, (B, L, C), in the wide type.

    Args:
        source: network, contexts and guidance.
        start: the noise, (B, L, C).
        times: from 1 to 0; n of them make n - 1 steps.

    Raises:
        NotFinite: a latent became NaN or infinite.
    """
    network = source.network
    kind = wide(network.dtype)
    latents = start.to(network.device, kind)
    with torch.inference_mode():
        for now, then in zip(times[:-1].tolist(), times[1:].tolist(), strict=True):
            at = torch.full((len(latents),), now, dtype=torch.float64)
            latents = latents - velocity_at(source, latents, at).to(latents.device) * (now - then)
    check_computed(latents, "a latent of the drawn picture")
    return latents
