"""The continuous autoencoder of ``tiny-flow``: reconstruction, a weak prior, and a reader of latents.

As for the codec of ``tiny``, reconstruction alone keeps forms and loses textures, so a small network has to
name what every token of the latents shows (:mod:`selfreward_eval.trainers.pretrain.describing`). The prior
keeps latents close to a normal distribution, which a flow from noise can reach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from selfreward_eval.trainers.pretrain import codec, describing

if TYPE_CHECKING:
    import torch

    from selfreward_eval.harness.models.bagel.autoencoder import FluxAutoencoder

PRIOR_WEIGHT = 1e-3
"""Weight of the mean Kullback-Leibler divergence per latent number, in nats."""

DESCRIBING_WEIGHT = 0.1
PATCH = 2
"""Latents per token side."""


def new_reader(width: int) -> torch.nn.Module:
    """A token's latents (..., width) to logits of what it shows; thrown away after training."""
    from torch import nn

    return nn.Sequential(
        nn.Linear(width, 256),
        nn.GELU(),
        nn.Linear(256, 256),
        nn.GELU(),
        nn.Linear(256, describing.DEPTH * sum(describing.SIZES)),
    )


def losses(
    autoencoder: FluxAutoencoder,
    reader: torch.nn.Module,
    pictures: torch.Tensor,
    noise: torch.Tensor,
    labels: torch.Tensor,
) -> dict[str, torch.Tensor]:
    """Every loss term.

    Args:
        autoencoder: in training.
        reader: of :func:`new_reader`.
        pictures: (B, 3, H, W) in [-1, 1].
        noise: standard normal, of the latents' shape (B, z, h, w).
        labels: of :func:`selfreward_eval.trainers.pretrain.describing.descriptions`.
    """
    mean, log_variance = autoencoder.moments(pictures)
    mean, log_variance = mean.float(), log_variance.float().clamp(-12, 4)
    sample = mean + (0.5 * log_variance).exp() * noise
    rebuilt = codec.reconstruction(autoencoder.decoder(sample).float(), pictures)
    prior = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
    size, channels, rows, columns = sample.shape
    tokens = sample.view(size, channels, rows // PATCH, PATCH, columns // PATCH, PATCH)
    tokens = tokens.permute(0, 2, 4, 3, 5, 1).reshape(size, rows // PATCH, columns // PATCH, -1)
    told = describing.loss(reader(tokens), labels)
    total: torch.Tensor = rebuilt + PRIOR_WEIGHT * prior + DESCRIBING_WEIGHT * told
    return {"loss": total, "reconstruction": rebuilt, "prior": prior, "describing": told}
