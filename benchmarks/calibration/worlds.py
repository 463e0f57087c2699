"""Data of known truth: prompts that differ, pictures of one prompt that resemble each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SHARED = 0.5
"""Share of prompts that stand alike in both runs. The others are drawn anew for the second one, as
when training helps some prompts and hurts others without a difference on average."""


def chances(rng: np.random.Generator, mean: float, icc: float, shape: tuple[int, ...]) -> Array:
    """Each prompt's chance of a right picture, Beta distributed so that its pictures have this ICC.

    Args:
        rng: source of chance.
        mean: share of right pictures over all prompts.
        icc: intraclass correlation of single pictures, in [0, 1).
        shape: (runs, prompts).
    """
    if icc == 0:
        return np.full(shape, mean)
    weight = 1 / icc - 1
    return rng.beta(mean * weight, (1 - mean) * weight, size=shape)


def moved(rng: np.random.Generator, before: Array, other: Array) -> Array:
    """The second run without a difference on average: :data:`SHARED` as ``before``, the rest as ``other``."""
    return np.where(rng.random(before.shape) < SHARED, before, other)


def item_means(rng: np.random.Generator, chance: Array, m: int) -> Array:
    """The share of right pictures of every prompt, shape (runs, prompts)."""
    return rng.binomial(m, chance) / m


def marks_of(means: Array, m: int) -> Array:
    """Pictures with these shares: shape (runs, prompts, m). Their order within a prompt means nothing."""
    return (np.arange(m) < np.round(means * m)[..., None]).astype(float)


def pictures(rng: np.random.Generator, chance: Array, m: int) -> Array:
    """Marks of 0 and 1, shape (runs, prompts, m)."""
    return (rng.random((*chance.shape, m)) < chance[..., None]).astype(float)


def score_means(rng: np.random.Generator, quality: Array, m: int) -> Array:
    """Each prompt's mean of ``m`` scores in [0, 1] around its quality, shape (runs, prompts).

    A score is uniform around the quality, nearly as far as the closer end of the range on either side.
    """
    reach = 0.9 * np.minimum(quality, 1 - quality)
    total = np.zeros(quality.shape)
    for _ in range(m):
        total += quality + reach * (2 * rng.random(quality.shape) - 1)
    return total / m
