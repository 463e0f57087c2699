"""Batches of pictures with every reward, kept on disk: what is there is not made again."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from selfreward_eval.harness.files import atomic_write_bytes
from selfreward_eval.harness.seeds import sample_seed
from selfreward_eval.rewarders.base import Reward, RewardSample
from selfreward_eval.rewarders.building import build
from selfreward_eval.trainers.reward_maps import reward_maps
from selfreward_eval.trainers.sources import ShapesSource

SEED = 4711
"""Of prompts and pictures; no training run uses it."""

REWARDERS: Mapping[str, Mapping[str, Any]] = {
    "dsr": {},
    "srum": {"reading": "paper"},
    "vqa": {},
    "detection": {},
    "random": {},
}
"""Registry names with arguments beside those of the shapes world."""

PARTS = {"srum_global": "layout", "srum_local": "local"}
"""Column -> component of SRUM's reward."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Candidates of P prompts.

    Attributes:
        prompts: P texts.
        tokens: int64 (P, n, N).
        values: column -> rewards, NaN where there is none: float64 (P, n).
        maps: SRUM's map in the paper's reading, float32 (P, n, N), NaN where there is none.
    """

    prompts: tuple[str, ...]
    tokens: NDArray[np.int64]
    values: Mapping[str, NDArray[np.float64]]
    maps: NDArray[np.float32]


def batch(folder: Path, model: Any, number: int, prompts: int, candidates: int) -> Batch:
    """Batch ``number`` of the starting model.

    Args:
        folder: where batches are kept.
        model: a training copy of the model, with its starting weights.
        number: from 0; another number has other pictures.
        prompts: P.
        candidates: n.
    """
    items = ShapesSource().items(number, prompts, SEED)
    path = folder / f"batch-{number:03d}.npz"
    if not path.exists():
        asked = [(item, k) for item in items for k in range(candidates)]
        texts = [item.text for item, _ in asked]
        # Some prompts come again in another batch, and have other pictures there.
        seeds = [sample_seed(f"signal-{number}", item.id, k, SEED) for item, k in asked]
        tokens, _ = model.draw(texts, seeds)
        pictures = model.decode(tokens)
        samples = [
            RewardSample(picture, category=item.category, metadata=item.metadata, group=item.id)
            for (item, _), picture in zip(asked, pictures, strict=True)
        ]
        shape = (prompts, candidates)
        columns: dict[str, Any] = {"tokens": tokens.cpu().numpy().reshape(*shape, -1)}
        for name, arguments in REWARDERS.items():
            rewarder = build(name, model, world="shapes", **arguments)
            rewards = rewarder.score(texts, samples)
            columns[name] = _array([reward.value for reward in rewards], shape)
            if name == "srum":
                side = isqrt(tokens.shape[1])
                columns["maps"] = reward_maps(rewarder, rewards, (side, side)).reshape(*shape, -1)
                columns |= {column: _part(rewards, part, shape) for column, part in PARTS.items()}
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **columns)
        folder.mkdir(parents=True, exist_ok=True)
        atomic_write_bytes(path, buffer.getvalue())
    with np.load(path, allow_pickle=False) as kept:
        values = {name: kept[name] for name in (*REWARDERS, *PARTS)}
        return Batch(tuple(item.text for item in items), kept["tokens"], values, kept["maps"])


def _part(rewards: list[Reward], part: str, shape: tuple[int, int]) -> NDArray[np.float64]:
    return _array([reward.components.get(part) for reward in rewards], shape)


def _array(values: list[float | None], shape: tuple[int, int]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values]).reshape(shape)
