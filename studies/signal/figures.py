"""What gradients of different batches have in common: noise shares nothing, so what they share is signal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import nan, sqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch


def cosines(first: Sequence[torch.Tensor], second: Sequence[torch.Tensor]) -> NDArray[np.float64]:
    """Cosine of each of ``first`` with each of ``second``: (B, B)."""
    out = np.empty((len(first), len(second)))
    for (i, a), (j, b) in product(enumerate(first), enumerate(second)):
        size = float(a.norm() * b.norm())
        out[i, j] = float(a @ b) / size if size else 0.0
    return out


def divided(gradients: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Every weight's gradients over the root of their mean square, as Adam divides them."""
    import torch

    scale = torch.stack([gradient**2 for gradient in gradients]).mean(0).sqrt() + 1e-12
    return [gradient / scale for gradient in gradients]


def agreement(table: NDArray[np.float64]) -> tuple[float, float]:
    """Mean cosine between different batches, and its standard error by leaving out one batch after another.

    Args:
        table: :func:`cosines`; its diagonal, where both sides share their pictures, does not count.
    """
    count = len(table)
    others = ~np.eye(count, dtype=bool)
    without = []
    for left_out in range(count):
        kept = np.arange(count) != left_out
        without.append(float(table[np.ix_(kept, kept)][others[np.ix_(kept, kept)]].mean()))
    spread = (count - 1) / count * sum((value - np.mean(without)) ** 2 for value in without)
    return float(table[others].mean()), sqrt(spread)


def pictures_to_half(own: float, pictures: int) -> float:
    """Pictures whose mean gradient has cosine 0.5 with the true one; NaN where no signal is seen.

    Args:
        own: cosine between two batches' gradients.
        pictures: of one batch.
    """
    return pictures * (1 - own) / (3 * own) if own > 0 else nan
