"""Fixed tables and layouts: sin-cos positions, time frequencies, packing of latents and of patches.

Shapes are those of ``torch``; everything is computed in the caller's type.
"""

from __future__ import annotations

import math

import torch

__all__ = [
    "pack_latents",
    "pack_patches",
    "places",
    "rotary",
    "sincos_table",
    "time_features",
    "unpack_latents",
]

TIME_FEATURES = 256


def sincos_table(width: int, side: int) -> torch.Tensor:
    """Positions of a square of ``side`` x ``side`` places: float32 (side * side, width), in raster order.

    The first half of a row comes from the column, the second from the row; each half holds the sines of
    width / 4 frequencies and then their cosines.
    """
    quarter = width // 4
    frequencies = 10000.0 ** (-torch.arange(quarter, dtype=torch.float64) / quarter)
    angles = torch.arange(side, dtype=torch.float64)[:, None] * frequencies
    waves = torch.cat([angles.sin(), angles.cos()], dim=1)
    columns = waves[None].expand(side, side, -1)
    rows = waves[:, None].expand(side, side, -1)
    return torch.cat([columns, rows], dim=2).reshape(side * side, -1).float()


def places(grid: tuple[int, int], side: int) -> torch.Tensor:
    """Rows of a table of ``side`` x ``side`` places for a (rows, columns) picture: int64 (rows * columns,).

    A smaller picture lies in the top left corner.
    """
    rows, columns = grid
    return (torch.arange(rows)[:, None] * side + torch.arange(columns)).flatten()


def time_features(times: torch.Tensor) -> torch.Tensor:
    """Cosines and then sines of times in [0, 1], not multiplied by anything: (B,) -> (B, 256)."""
    half = TIME_FEATURES // 2
    frequencies = torch.exp(
        -math.log(10000.0) * torch.arange(half, dtype=times.dtype, device=times.device) / half
    )
    angles = times[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=1)


def rotary(positions: torch.Tensor, width: int, theta: float, dtype: torch.dtype) -> torch.Tensor:
    """Cosines and sines for rotary positions: (2, B, 1, N, width / 2) of positions (B, N)."""
    exponents = torch.arange(0, width, 2, dtype=dtype, device=positions.device) / width
    angles = positions.to(dtype)[:, None, :, None] / theta**exponents
    return torch.stack([angles.cos(), angles.sin()])


def pack_latents(latents: torch.Tensor, patch: int) -> torch.Tensor:
    """(B, z, h, w) -> tokens (B, h / patch * w / patch, patch * patch * z), the channel fastest."""
    batch, channels, height, width = latents.shape
    split = latents.reshape(batch, channels, height // patch, patch, width // patch, patch)
    return split.permute(0, 2, 4, 3, 5, 1).reshape(batch, -1, patch * patch * channels)


def unpack_latents(tokens: torch.Tensor, grid: tuple[int, int], patch: int) -> torch.Tensor:
    """The inverse of :func:`pack_latents` for a (rows, columns) grid of tokens."""
    (rows, columns), batch = grid, tokens.shape[0]
    split = tokens.reshape(batch, rows, columns, patch, patch, -1)
    return split.permute(0, 5, 1, 3, 2, 4).reshape(batch, -1, rows * patch, columns * patch)


def pack_patches(pixels: torch.Tensor, patch: int) -> torch.Tensor:
    """Pictures (B, 3, H, W) -> patches (B, H / patch * W / patch, patch * patch * 3), the channel fastest."""
    return pack_latents(pixels, patch)
