"""Stage 1 of pretraining: the picture codec (JanusVQVAE) on rendered scenes.

The loss is an L1 that weighs the objects' pixels above the ground, plus the
commitment term of VQ-VAE (van den Oord et al. 2017, eq. 3). Codes follow their
encodings by an exponential moving average (ibid., appendix A.1), live on the
unit sphere, because Janus normalises them when it decodes, and are revived
from recent encodings when nothing uses them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from transformers.models.janus.modeling_janus import JanusVQVAE

FIRST_WEIGHTS = {
    "plain": 4.0,
    "counted": 1.0,
    "lettered": 0.7,
    "textured": 1.0,
    "sized": 0.7,
    "occluding": 0.7,
    "inside": 0.4,
    "touching": 0.4,
}
"""How often each kind of scene is drawn while the codec learns forms and colours."""

SECOND_WEIGHTS = {
    "plain": 1.5,
    "counted": 0.5,
    "lettered": 1.0,
    "textured": 3.0,
    "sized": 1.2,
    "occluding": 2.0,
    "inside": 1.2,
    "touching": 0.8,
}
"""The same while it learns what is fine or hidden: small and half-covered objects."""

FOREGROUND_WEIGHT = 4.0
COMMITMENT = 0.25
DECAY = 0.98
REVIVE_EVERY = 100


def to_tensor(pictures: np.ndarray) -> torch.Tensor:
    """uint8 (B, H, W, 3) to float32 (B, 3, H, W) in [-1, 1], the codec's range."""
    import torch

    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)


def scene_batch(rng: np.random.Generator, size: int, weights: dict[str, float]) -> np.ndarray:
    """``size`` rendered scenes of a mixture of kinds: uint8 (B, 48, 48, 3)."""
    from tasks.shapes.render import render
    from tasks.shapes.sampling import mixed

    return np.stack([render(mixed(rng, weights)) for _ in range(size)])


@dataclass
class CodebookState:
    """Running usage and sums of the moving-average codebook: (codes,) and (codes, width)."""

    usage: torch.Tensor
    sums: torch.Tensor


def new_state(codec: JanusVQVAE) -> CodebookState:
    """Puts the codebook on the unit sphere and starts its statistics."""
    import torch
    import torch.nn.functional as F

    table = codec.quantize.embedding.weight
    with torch.no_grad():
        table.copy_(F.normalize(torch.randn_like(table), dim=-1))
    table.requires_grad_(False)
    return CodebookState(torch.ones(table.shape[0]), table.detach().clone())


def quantise(codec: JanusVQVAE, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Nearest codes on the sphere: z (B, C, H, W), unit length, to (codes like z, ids (B*H*W,))."""
    flat = z.permute(0, 2, 3, 1).reshape(-1, z.shape[1])
    ids = (flat @ codec.quantize.embedding.weight.T).argmax(-1)
    codes = codec.quantize.embedding(ids).view(z.shape[0], z.shape[2], z.shape[3], -1).permute(0, 3, 1, 2)
    return codes, ids


def encode(codec: JanusVQVAE, pictures: torch.Tensor) -> torch.Tensor:
    """Picture tokens of (B, 3, 48, 48) in [-1, 1]: int64 (B, 36)."""
    import torch.nn.functional as F

    z = F.normalize(codec.quant_conv(codec.encoder(pictures)).float(), dim=1)
    return quantise(codec, z)[1].view(pictures.shape[0], -1)


def update_codebook(
    codec: JanusVQVAE,
    state: CodebookState,
    z: torch.Tensor,
    ids: torch.Tensor,
    step: int,
    generator: torch.Generator,
) -> int:
    """Moves the codes towards their encodings; returns how many dead ones were revived."""
    import torch
    import torch.nn.functional as F

    flat = z.permute(0, 2, 3, 1).reshape(-1, z.shape[1]).float()
    codes = state.usage.shape[0]
    counts = torch.bincount(ids, minlength=codes).float()
    sums = torch.zeros_like(state.sums).index_add_(0, ids, flat)
    state.usage.mul_(DECAY).add_(counts, alpha=1 - DECAY)
    state.sums.mul_(DECAY).add_(sums, alpha=1 - DECAY)
    revived = 0
    if step % REVIVE_EVERY == REVIVE_EVERY - 1:
        dead = (state.usage < 0.03).nonzero().flatten()
        revived = len(dead)
        if revived:
            # An encoding that the codebook represents badly is the best place for a new code.
            error = 1 - (flat * codec.quantize.embedding.weight[ids]).sum(-1).clamp(-1, 1)
            picks = torch.multinomial(error + 1e-6, revived, replacement=True, generator=generator)
            state.sums[dead] = flat[picks]
            state.usage[dead] = 1.0
    codec.quantize.embedding.weight.copy_(F.normalize(state.sums + 1e-8, dim=-1))
    return revived


def losses(codec: JanusVQVAE, pictures: torch.Tensor, edges: float = 0.0) -> dict[str, torch.Tensor]:
    """Forward pass with a straight-through estimator; every loss term plus encodings and ids.

    Args:
        codec: the model.
        pictures: (B, 3, 48, 48) in [-1, 1].
        edges: weight of an L1 between the pictures' pixel differences.
    """
    import torch.nn.functional as F

    z = F.normalize(codec.quant_conv(codec.encoder(pictures)).float(), dim=1)
    codes, ids = quantise(codec, z.detach())
    decoded = codec.decoder(codec.post_quant_conv(z + (codes - z).detach()))
    contrast = (pictures.amax(1, keepdim=True) - pictures.amin(1, keepdim=True)) > 0.1
    weight = 1.0 + (FOREGROUND_WEIGHT - 1.0) * contrast.float()
    reconstruction = (weight * (decoded - pictures).abs()).mean()
    error = decoded - pictures
    if edges:
        across = (error[..., 1:] - error[..., :-1]).abs().mean()
        down = (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
        reconstruction = reconstruction + edges * (across + down)
    commitment = (z - codes.detach()).pow(2).sum(1).mean()
    return {
        "loss": reconstruction + COMMITMENT * commitment,
        "reconstruction": reconstruction,
        "commitment": commitment,
        "z": z.detach(),
        "ids": ids,
    }
