"""The policy gradient of a batch under every reward, at the weights that drew it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from selfreward_eval.harness.records import Item
from selfreward_eval.trainers.methods.srum_policy import cell_advantages, region_advantages
from selfreward_eval.trainers.pool import Drawings
from studies.signal.batches import Batch

if TYPE_CHECKING:
    import torch

GROUPS = 16
"""Prompts whose likelihoods are computed together."""

PART = "language_model"
"""Of the names of weights whose gradients are compared. The others (picture embeddings, the head over 2,048
codes) have gradients of the same size and almost no signal, see docs/signal.md."""

MAP = "srum_map"
"""SRUM's map, cell by cell, as ``srum`` with ``away=policy`` weighs it."""

COVERED = "srum_covered"
"""The same with ``cells=regions``: ground counts for nothing, regions are held against each other."""


def advantages(batch: Batch) -> dict[str, NDArray[np.float32]]:
    """Reward -> the weight of every token, (P, n, N), as the trainers have it; 0 where there is no reward."""
    import torch

    items = tuple(Item(str(k), text, "") for k, text in enumerate(batch.prompts))
    shape = batch.tokens.shape
    out: dict[str, NDArray[np.float32]] = {}
    for name, values in batch.values.items():
        drawings = Drawings(items, torch.from_numpy(batch.tokens), values)
        rows = np.stack([np.nan_to_num(drawings.advantages(group)) for group in range(shape[0])])
        out[name] = np.broadcast_to(rows[:, :, None], shape).astype(np.float32)
    with_maps = Drawings(items, torch.from_numpy(batch.tokens), batch.values["srum"], batch.maps)
    out[MAP] = np.stack([cell_advantages(with_maps, group) for group in range(shape[0])])
    out[COVERED] = np.stack([region_advantages(with_maps, group) for group in range(shape[0])])
    return out


def by_cell(batch: Batch) -> dict[str, tuple[float, float]]:
    """Kind of cell (ground, right, wrong) -> (share of all cells, mean advantage in the map's gradient)."""
    weights = advantages(batch)[MAP]
    has_map = np.isfinite(batch.maps).all(-1)
    maps, weights = batch.maps[has_map], weights[has_map]
    kinds = {"ground": maps == 0, "right": maps > 0, "wrong": maps < 0}
    return {
        name: (float(cells.mean()), float(weights[cells].mean()) if cells.any() else 0.0)
        for name, cells in kinds.items()
    }


def gradients(model: Any, batch: Batch, part: str = PART) -> dict[str, torch.Tensor]:
    """Reward -> gradient of the mean over tokens of advantage * log-likelihood, (W,), float32.

    Args:
        model: the training copy that drew the batch.
        batch: candidates with rewards.
        part: of the names of the weights.
    """
    import torch

    named = [weight for name, weight in model.trainable() if part in name]
    weights = advantages(batch)
    sums: Mapping[str, list[torch.Tensor]] = {
        name: [torch.zeros_like(weight) for weight in named] for name in weights
    }
    prompts, n = batch.tokens.shape[:2]
    for weight in named:
        weight.requires_grad_(True)
    try:
        for first in range(0, prompts, GROUPS):
            groups = np.repeat(np.arange(first, min(first + GROUPS, prompts)), n)
            ks = np.tile(np.arange(n), len(groups) // n)
            texts = [batch.prompts[group] for group in groups]
            logp = model.drawing_logprobs(texts, torch.from_numpy(batch.tokens[groups, ks]))
            for k, (name, weight_of) in enumerate(weights.items()):
                total = (logp * torch.from_numpy(weight_of[groups, ks])).sum() / batch.tokens.size
                # Of all weights that are trained, drawing alone does not use every one.
                found = torch.autograd.grad(
                    total, named, retain_graph=k + 1 < len(weights), allow_unused=True
                )
                for into, part_of in zip(sums[name], found, strict=True):
                    if part_of is not None:
                        into += part_of
    finally:
        for weight in named:
            weight.requires_grad_(False)
    return {name: torch.cat([each.flatten() for each in vectors]) for name, vectors in sums.items()}
