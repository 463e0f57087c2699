"""The picture codec (JanusVQVAE) on rendered scenes, in two stages.

First without a codebook: encoder and decoder learn to carry what is in a patch,
with noise on the codes so that different contents lie apart, and a reader that
must name what a patch shows (:mod:`selfreward_eval.trainers.pretrain.describing`). Then the
codebook starts as the centres of those codes and everything is trained on:
reconstruction plus the commitment term of VQ-VAE (van den Oord et al. 2017,
eq. 3). Codes follow their encodings by an exponential moving average (ibid.,
appendix A.1), live on the unit sphere, because Janus normalises them when it
decodes, and are revived from recent encodings when nothing uses them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from selfreward_eval.trainers.pretrain import describing

if TYPE_CHECKING:
    import torch
    from transformers.models.janus.modeling_janus import JanusVQVAE

    from selfreward_eval.tasks.shapes.scene import Scene

WEIGHTS = {
    "plain": 2.0,
    "counted": 0.5,
    "lettered": 1.0,
    "textured": 4.0,
    "sized": 1.2,
    "occluding": 2.0,
    "inside": 2.0,
    "touching": 0.8,
}
"""How often each kind of scene is drawn: textures and half-hidden objects are the hardest."""

FOREGROUND_WEIGHT = 4.0
SQUARED_WEIGHT = 2.0
"""Weight of the squared error beside the absolute one: which alone settles for a median tone."""

NOISE = 0.08
"""Standard deviation of the noise on codes without a codebook, per dimension of the unit sphere's space."""

DESCRIBING_WEIGHT = 0.1
COMMITMENT = 0.25
DECAY = 0.98
REVIVE_EVERY = 100


def to_tensor(pictures: np.ndarray) -> torch.Tensor:
    """uint8 (B, H, W, 3) to float32 (B, 3, H, W) in [-1, 1], the codec's range."""
    import torch

    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)


def scene_batch(rng: np.random.Generator, size: int) -> tuple[list[Scene], np.ndarray]:
    """``size`` scenes of a mixture of kinds and their pictures, uint8 (B, 48, 48, 3)."""
    from selfreward_eval.tasks.shapes.render import render
    from selfreward_eval.tasks.shapes.sampling import mixed

    scenes = [mixed(rng, WEIGHTS) for _ in range(size)]
    return scenes, np.stack([render(scene) for scene in scenes])


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


def start_codebook(codec: JanusVQVAE, state: CodebookState, seed: int, pictures: int = 4096) -> None:
    """Puts the codes where the encodings of freshly rendered pictures are, in place."""
    import torch
    import torch.nn.functional as F

    batches = []
    with torch.no_grad():
        for k in range(0, pictures, 64):
            _, batch = scene_batch(np.random.default_rng((seed, k)), 64)
            z = F.normalize(codec.quant_conv(codec.encoder(to_tensor(batch))), dim=1)
            batches.append(z.permute(0, 2, 3, 1).reshape(-1, z.shape[1]))
        encodings = torch.cat(batches)
        count = codec.quantize.embedding.weight.shape[0]
        table = centres(encodings, count, torch.Generator().manual_seed(seed))
        ids = torch.cat([(part @ table.T).argmax(-1) for part in encodings.split(16384)])
        usage = torch.bincount(ids, minlength=count).float()
        # In units of one training batch, as the moving averages are.
        state.usage.copy_((usage * 32 / pictures).clamp(min=0.05))
        state.sums.copy_(table * state.usage[:, None])
        codec.quantize.embedding.weight.copy_(table)


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


def reconstruction(decoded: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
    """Absolute and squared error of (B, 3, 48, 48) pictures; objects' pixels weigh more than the ground's."""
    contrast = (pictures.amax(1, keepdim=True) - pictures.amin(1, keepdim=True)) > 0.1
    weight = 1.0 + (FOREGROUND_WEIGHT - 1.0) * contrast.float()
    error = decoded - pictures
    return (weight * error.abs()).mean() + SQUARED_WEIGHT * (weight * error * error).mean()


def open_losses(
    codec: JanusVQVAE,
    reader: torch.nn.Module,
    pictures: torch.Tensor,
    noise: torch.Tensor,
    labels: torch.Tensor,
) -> dict[str, torch.Tensor]:
    """Forward pass without a codebook; every loss term.

    Args:
        codec: the model.
        reader: of :func:`selfreward_eval.trainers.pretrain.describing.new_reader`.
        pictures: (B, 3, 48, 48) in [-1, 1].
        noise: (B, 8, 6, 6), added to the unit codes.
        labels: of :func:`selfreward_eval.trainers.pretrain.describing.descriptions`.
    """
    import torch.nn.functional as F

    z = F.normalize(codec.quant_conv(codec.encoder(pictures)).float(), dim=1)
    z = F.normalize(z + noise, dim=1)
    rebuilt = reconstruction(codec.decoder(codec.post_quant_conv(z)), pictures)
    describing_loss = describing.loss(reader(z.permute(0, 2, 3, 1)), labels)
    return {
        "loss": rebuilt + DESCRIBING_WEIGHT * describing_loss,
        "reconstruction": rebuilt,
        "describing": describing_loss,
    }


def centres(
    encodings: torch.Tensor, count: int, generator: torch.Generator, rounds: int = 12
) -> torch.Tensor:
    """Where a codebook starts: spherical k-means of unit encodings (N, 8), unit centres (count, 8)."""
    import torch
    import torch.nn.functional as F

    table = encodings[torch.randperm(len(encodings), generator=generator)[:count]].clone()
    for _ in range(rounds):
        ids = torch.cat([(part @ table.T).argmax(-1) for part in encodings.split(16384)])
        sums = torch.zeros_like(table).index_add_(0, ids, encodings)
        used = torch.bincount(ids, minlength=count) > 0
        table[used] = F.normalize(sums[used], dim=-1)
        spare = int((~used).sum())
        if spare:
            # An empty centre moves to an encoding that its own centre represents badly.
            error = 1 - (encodings * table[ids]).sum(-1).clamp(-1, 1)
            table[~used] = encodings[torch.multinomial(error + 1e-9, spare, generator=generator)]
    return table


def losses(codec: JanusVQVAE, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
    """Forward pass with a straight-through estimator; every loss term plus encodings and ids.

    Args:
        codec: the model.
        pictures: (B, 3, 48, 48) in [-1, 1].
    """
    import torch.nn.functional as F

    z = F.normalize(codec.quant_conv(codec.encoder(pictures)).float(), dim=1)
    codes, ids = quantise(codec, z.detach())
    decoded = codec.decoder(codec.post_quant_conv(z + (codes - z).detach()))
    rebuilt = reconstruction(decoded, pictures)
    commitment = (z - codes.detach()).pow(2).sum(1).mean()
    return {
        "loss": rebuilt + COMMITMENT * commitment,
        "reconstruction": rebuilt,
        "commitment": commitment,
        "z": z.detach(),
        "ids": ids,
    }
