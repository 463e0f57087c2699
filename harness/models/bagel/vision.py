"""The SigLIP tower that looks at pictures, under the names of the checkpoint.

The patch embedding is a linear layer over 588 numbers, not a convolution, and the last layer of the
original tower is left out.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from selfreward_eval.harness.models.bagel.config import VisionConfig

__all__ = ["Connector", "VisionTower"]


class VisionTower(nn.Module):
    """Patches to features; the inner module keeps the checkpoint's prefix ``vision_model``."""

    def __init__(self, config: VisionConfig, patch_width: int, table_side: int) -> None:
        super().__init__()
        self.vision_model = Tower(config, patch_width, table_side)

    def forward(self, patches: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """(B, P, 588) in [-1, 1] and their places (P,) -> features (B, P, width)."""
        features: torch.Tensor = self.vision_model(patches, places)
        return features


class Tower(nn.Module):
    """Patches, layers and the last normalisation."""

    def __init__(self, config: VisionConfig, patch_width: int, table_side: int) -> None:
        super().__init__()
        self.embeddings = Embeddings(patch_width, config.hidden_size, table_side)
        self.encoder = Encoder(config)
        self.post_layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, patches: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """(B, P, 588) -> (B, P, width); patches of one picture see each other, and no others."""
        normed: torch.Tensor = self.post_layernorm(self.encoder(self.embeddings(patches, places)))
        return normed


class Embeddings(nn.Module):
    """Patches with their places."""

    def __init__(self, patch_width: int, width: int, table_side: int) -> None:
        super().__init__()
        self.patch_embedding = nn.Linear(patch_width, width)
        self.position_embedding = nn.Embedding(table_side**2, width)

    def forward(self, patches: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """(B, P, 588) -> (B, P, width)."""
        return torch.add(self.patch_embedding(patches), self.position_embedding(places))


class Encoder(nn.Module):
    """The layers."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(VisionLayer(config) for _ in range(config.layers))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(B, P, width) -> the same shape."""
        for layer in self.layers:
            hidden = layer(hidden)
        return hidden


class VisionLayer(nn.Module):
    """One layer with the normalisation first."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.layer_norm1 = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.self_attn = VisionAttention(width, config.num_attention_heads)
        self.layer_norm2 = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.mlp = TwoLayers(width, config.intermediate_size, width)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(B, P, width) -> the same shape."""
        hidden = hidden + self.self_attn(self.layer_norm1(hidden))
        return torch.add(hidden, self.mlp(self.layer_norm2(hidden)))


class VisionAttention(nn.Module):
    """Full attention of several heads."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(B, P, width) -> the same shape."""
        batch, count, width = hidden.shape
        query, key, value = (
            part(hidden).view(batch, count, self.heads, -1).transpose(1, 2)
            for part in (self.q_proj, self.k_proj, self.v_proj)
        )
        attended = functional.scaled_dot_product_attention(query, key, value)
        mixed: torch.Tensor = self.out_proj(attended.transpose(1, 2).reshape(batch, count, width))
        return mixed


class TwoLayers(nn.Module):
    """A linear layer, GELU in its tanh form, a linear layer."""

    def __init__(self, width: int, inner: int, out: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, inner)
        self.fc2 = nn.Linear(inner, out)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(..., width) -> (..., out)."""
        mixed: torch.Tensor = self.fc2(functional.gelu(self.fc1(hidden), approximate="tanh"))
        return mixed


class Connector(TwoLayers):
    """Features of the tower to the language model's width."""

    def __init__(self, vision_width: int, text_width: int) -> None:
        super().__init__(vision_width, text_width, text_width)
