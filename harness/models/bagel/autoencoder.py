"""The continuous autoencoder of FLUX, under the tensor names of ``ae.safetensors``.

Pictures are (B, 3, H, W) in [-1, 1]; latents are (B, z, H / f, W / f), scaled and shifted so that their
spread is about 1. The factor f is 2 to the number of resolutions less one: 8 in the published model.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from selfreward_eval.harness.models.bagel.config import AutoencoderConfig

__all__ = ["AutoencoderConfig", "FluxAutoencoder"]

EPSILON = 1e-6


class FluxAutoencoder(nn.Module):
    """Encoder and decoder; see :class:`AutoencoderConfig`."""

    def __init__(self, config: AutoencoderConfig | None = None) -> None:
        super().__init__()
        self.config = config or AutoencoderConfig()
        self.encoder = Encoder(self.config)
        self.decoder = Decoder(self.config)

    def moments(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log-variance of the latents before scaling, each (B, z, H / f, W / f)."""
        mean, log_variance = self.encoder(pictures).chunk(2, dim=1)
        return mean, log_variance

    def encode(
        self, pictures: torch.Tensor, generators: Sequence[torch.Generator] | torch.Generator | None = None
    ) -> torch.Tensor:
        """Latents of pictures.

        Args:
            pictures: (B, 3, H, W) in [-1, 1]; sides are multiples of f.
            generators: of the sample around the mean, on the CPU, one for every picture or one for all;
                None takes the mean.

        Returns:
            (B, z, H / f, W / f), scaled and shifted.
        """
        mean, log_variance = self.moments(pictures)
        sample = mean
        if generators is not None:
            shape = mean.shape[1:]
            if isinstance(generators, torch.Generator):
                noise = torch.randn(mean.shape, generator=generators)
            else:
                noise = torch.stack([torch.randn(shape, generator=generator) for generator in generators])
            sample = mean + (0.5 * log_variance).exp() * noise.to(mean)
        return self.config.scale_factor * (sample - self.config.shift_factor)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Pictures (B, 3, H, W), about [-1, 1] but not clamped, of latents as :meth:`encode` gives them."""
        decoded: torch.Tensor = self.decoder(latents / self.config.scale_factor + self.config.shift_factor)
        return decoded


class ResidualBlock(nn.Module):
    """Two normalised convolutions beside a shortcut, which is a 1 x 1 convolution where widths differ."""

    def __init__(self, width: int, out: int, groups: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, width, eps=EPSILON)
        self.conv1 = nn.Conv2d(width, out, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, out, eps=EPSILON)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1)
        if width != out:
            self.nin_shortcut = nn.Conv2d(width, out, 1)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(B, width, H, W) -> (B, out, H, W)."""
        inner = self.conv1(functional.silu(self.norm1(hidden)))
        inner = self.conv2(functional.silu(self.norm2(inner)))
        shortcut = self.nin_shortcut(hidden) if hasattr(self, "nin_shortcut") else hidden
        return torch.add(shortcut, inner)


class PixelAttention(nn.Module):
    """Attention of one head between all places of a feature map."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, width, eps=EPSILON)
        self.q = nn.Conv2d(width, width, 1)
        self.k = nn.Conv2d(width, width, 1)
        self.v = nn.Conv2d(width, width, 1)
        self.proj_out = nn.Conv2d(width, width, 1)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(B, width, H, W) -> the same shape."""
        normed = self.norm(hidden)
        query, key, value = (part(normed).flatten(2).transpose(1, 2) for part in (self.q, self.k, self.v))
        attended = functional.scaled_dot_product_attention(query[:, None], key[:, None], value[:, None])
        return torch.add(hidden, self.proj_out(attended[:, 0].transpose(1, 2).reshape(hidden.shape)))


class Downsample(nn.Module):
    """Halves both sides; the picture is padded by one on the right and at the bottom only."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=2)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(B, width, H, W) -> (B, width, H / 2, W / 2)."""
        halved: torch.Tensor = self.conv(functional.pad(hidden, (0, 1, 0, 1)))
        return halved


class Upsample(nn.Module):
    """Doubles both sides by repeating pixels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(B, width, H, W) -> (B, width, 2 H, 2 W)."""
        doubled: torch.Tensor = self.conv(functional.interpolate(hidden, scale_factor=2.0, mode="nearest"))
        return doubled


class Middle(nn.Module):
    """Two residual blocks around the attention, at the coarsest resolution."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.block_1 = ResidualBlock(width, width, groups)
        self.attn_1 = PixelAttention(width, groups)
        self.block_2 = ResidualBlock(width, width, groups)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(B, width, H, W) -> the same shape."""
        middle: torch.Tensor = self.block_2(self.attn_1(self.block_1(hidden)))
        return middle


class Level(nn.Module):
    """The blocks of one resolution, and the change to the next one, if there is one."""

    def __init__(self, widths: Sequence[int], groups: int) -> None:
        super().__init__()
        self.block = nn.ModuleList(ResidualBlock(width, out, groups) for width, out in pairwise(widths))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(B, first width, H, W) -> (B, last width, H or H / 2 or 2 H, ...)."""
        for block in self.block:
            hidden = block(hidden)
        for change in ("downsample", "upsample"):
            if hasattr(self, change):
                hidden = getattr(self, change)(hidden)
        return hidden


class Encoder(nn.Module):
    """Pictures to mean and log-variance of the latents."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        groups, count = config.norm_groups, config.num_res_blocks
        self.conv_in = nn.Conv2d(config.in_channels, config.ch, 3, padding=1)
        self.down = nn.ModuleList()
        width = config.ch
        for place, multiple in enumerate(config.ch_mult):
            level = Level([width] + [config.ch * multiple] * count, groups)
            width = config.ch * multiple
            if place + 1 < len(config.ch_mult):
                level.downsample = Downsample(width)
            self.down.append(level)
        self.mid = Middle(width, groups)
        self.norm_out = nn.GroupNorm(groups, width, eps=EPSILON)
        self.conv_out = nn.Conv2d(width, 2 * config.z_channels, 3, padding=1)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) -> (B, 2 z, H / f, W / f), mean before log-variance."""
        hidden = self.conv_in(pictures)
        for level in self.down:
            hidden = level(hidden)
        moments: torch.Tensor = self.conv_out(functional.silu(self.norm_out(self.mid(hidden))))
        return moments


class Decoder(nn.Module):
    """Latents to pictures; its levels are numbered from the finest, as the encoder's."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        groups, count = config.norm_groups, config.num_res_blocks + 1
        width = config.ch * config.ch_mult[-1]
        self.conv_in = nn.Conv2d(config.z_channels, width, 3, padding=1)
        self.mid = Middle(width, groups)
        levels = []
        for place in reversed(range(len(config.ch_mult))):
            out = config.ch * config.ch_mult[place]
            level = Level([width] + [out] * count, groups)
            width = out
            if place:
                level.upsample = Upsample(width)
            levels.append(level)
        self.up = nn.ModuleList(reversed(levels))
        self.norm_out = nn.GroupNorm(groups, width, eps=EPSILON)
        self.conv_out = nn.Conv2d(width, config.out_ch, 3, padding=1)

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """(B, z, h, w) -> (B, 3, f h, f w)."""
        hidden = self.mid(self.conv_in(latents))
        for level in reversed(list(self.up)):
            hidden = level(hidden)
        pictures: torch.Tensor = self.conv_out(functional.silu(self.norm_out(hidden)))
        return pictures
