"""The whole network under the tensor names of ``ema.safetensors``; the autoencoder is apart.

>>> from selfreward_eval.harness.models.bagel.config import BagelConfig, TextConfig, VisionConfig
>>> text = TextConfig(96, 32, 48, 2, 4, 2)
>>> small = BagelConfig(text, VisionConfig(24, 40, 3, 4), max_latent_size=8)
>>> network = Bagel(small)  # random weights
>>> tuple(network.latent_pos_embed.pos_embed.shape)
(64, 32)
"""

from __future__ import annotations

import torch
from torch import nn

from selfreward_eval.harness.models.bagel.config import BagelConfig
from selfreward_eval.harness.models.bagel.tables import places, sincos_table, time_features
from selfreward_eval.harness.models.bagel.transformer import MotTransformer, wide
from selfreward_eval.harness.models.bagel.vision import Connector, VisionTower

__all__ = ["UNDERSTANDING", "Bagel", "initialise"]

UNDERSTANDING = ("vit_model.", "connector.", "vit_pos_embed.")
"""Beginnings of the names of tensors that only looking at pictures needs."""


class Bagel(nn.Module):
    """Language model, tower, connector, and the layers around latents.

    Args:
        config: all sizes.
    """

    def __init__(self, config: BagelConfig) -> None:
        super().__init__()
        self.config = config
        width = config.text.hidden_size
        self.language_model = LanguageModel(config)
        self.time_embedder = TimeEmbedder(width)
        self.vae2llm = nn.Linear(config.token_width, width)
        self.llm2vae = nn.Linear(width, config.token_width)
        self.latent_pos_embed = Table(width, config.max_latent_size)
        self.vit_model = VisionTower(config.vision, config.patch_width, config.vit_max_num_patch_per_side)
        self.connector = Connector(config.vision.hidden_size, width)
        self.vit_pos_embed = Table(width, config.vit_max_num_patch_per_side)

    @property
    def transformer(self) -> MotTransformer:
        """The layers of both kinds."""
        return self.language_model.model

    @property
    def dtype(self) -> torch.dtype:
        """What the weights are in."""
        return self.vae2llm.weight.dtype

    @property
    def device(self) -> torch.device:
        """Where tokens enter."""
        return self.language_model.model.embed_tokens.weight.device

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """Und tokens of token ids (B, N): (B, N, D)."""
        embedded: torch.Tensor = self.language_model.model.embed_tokens(ids)
        return embedded

    def latent_tokens(
        self, latents: torch.Tensor, times: torch.Tensor, grid: tuple[int, int]
    ) -> torch.Tensor:
        """Gen tokens of packed latents.

        Args:
            latents: (B, L, C).
            times: in [0, 1], (B,); 0 for a clean picture.
            grid: rows and columns of the L tokens.

        Returns:
            (B, L, D).
        """
        kind, device = wide(self.dtype), self.vae2llm.weight.device
        time = self.time_embedder(times.to(device, kind), self.dtype).to(device)
        places_ = places(grid, self.config.max_latent_size).to(device)
        projected = self.vae2llm(latents.to(device, self.dtype))
        return projected + time[:, None] + self.latent_pos_embed(places_).to(device, self.dtype)

    def patch_tokens(self, patches: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
        """Und tokens of the patches of pictures of one size.

        Args:
            patches: (B, P, 588) in [-1, 1].
            grid: rows and columns of the P patches.

        Returns:
            (B, P, D).
        """
        device = self.connector.fc1.weight.device
        places_ = places(grid, self.config.vit_max_num_patch_per_side).to(device)
        features = self.vit_model(patches.to(device, self.dtype), places_)
        joined: torch.Tensor = self.connector(features) + self.vit_pos_embed(places_).to(device, self.dtype)
        return joined

    def velocity_of(self, hidden: torch.Tensor) -> torch.Tensor:
        """Velocities (B, L, C) of final gen states (B, L, D), in the wide type."""
        velocity: torch.Tensor = self.llm2vae(hidden)
        return velocity.to(wide(velocity.dtype))

    def logits_of(self, hidden: torch.Tensor) -> torch.Tensor:
        """Scores of the next token (..., vocabulary) of final und states (..., D), in the wide type."""
        logits: torch.Tensor = self.language_model.lm_head(hidden)
        return logits.to(wide(logits.dtype))


class LanguageModel(nn.Module):
    """The transformer and the head over the vocabulary."""

    def __init__(self, config: BagelConfig) -> None:
        super().__init__()
        self.model = MotTransformer(config.text)
        self.lm_head = nn.Linear(config.text.hidden_size, config.text.vocab_size, bias=False)


class TimeEmbedder(nn.Module):
    """Times to vectors."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, times: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """(B,) -> (B, width) in ``dtype``."""
        embedded: torch.Tensor = self.mlp(time_features(times).to(dtype))
        return embedded


class Table(nn.Module):
    """A fixed table of places, kept in the checkpoint; its values are those of the file."""

    def __init__(self, width: int, side: int) -> None:
        super().__init__()
        table = sincos_table(width, side)
        self.pos_embed = nn.Parameter(table.to(torch.get_default_device()), requires_grad=False)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """(N,) -> (N, width)."""
        return self.pos_embed[rows]


def initialise(network: Bagel, seed: int, spread: float = 0.02) -> None:
    """Fresh weights to train from: normal with ``spread``, biases 0, norms 1, velocities 0 at first.

    Both sets of the transformer begin alike, as in the published training: the gen half is a copy of the
    und half.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in network.named_parameters():
        if name.endswith("pos_embed"):
            continue
        with torch.no_grad():
            if parameter.dim() > 1:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * spread)
            elif name.endswith("bias"):
                parameter.zero_()
            else:
                parameter.fill_(1.0)
    state = dict(network.named_parameters())
    with torch.no_grad():
        network.llm2vae.weight.zero_()
        for name, parameter in state.items():
            if "_moe_gen" in name:
                parameter.copy_(state[name.replace("_moe_gen", "")])
