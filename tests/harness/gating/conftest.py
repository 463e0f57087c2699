"""Policies from a few lines, runs with a known loss, and checkpoints that were damaged on purpose."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Marks = dict[str, list[list[float]]]


@pytest.fixture
def policy(tmp_path: Path) -> Callable[[str], Path]:
    """``policy(text)``: a policy file with that content."""

    def write(text: str) -> Path:
        path = tmp_path / "gate.toml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def arms() -> Callable[..., tuple[Marks, Marks]]:
    """``arms(loss, items=150, ...)``: marks of a base and of a candidate that is worse by about ``loss``.

    Two categories of ``items`` items with two samples each, right half of the time; most luck is shared.
    """

    def draw(loss: float, items: int = 150, seed: int = 0) -> tuple[Marks, Marks]:
        rng = np.random.default_rng(seed)
        before, after = {}, {}
        for category in ("one", "two"):
            luck = rng.random((items, 2))
            other = np.where(rng.random((items, 2)) < 0.8, luck, rng.random((items, 2)))
            before[category] = (luck < 0.5).astype(float).tolist()
            after[category] = (other < 0.5 - loss).astype(float).tolist()
        return before, after

    return draw


@pytest.fixture(scope="session")
def noisy_copy() -> Callable[..., Path]:
    """``noisy_copy(checkpoint, target, scale)``: the checkpoint with noise on one layer's MLP.

    The noise is normal, seeded, and ``scale`` times as large as the weights' own spread.
    """

    def copy(checkpoint: Path, target: Path, scale: float, seed: int = 0) -> Path:
        from safetensors.numpy import load_file, save_file

        shutil.copytree(checkpoint, target)
        file = target / "model.safetensors"
        tensors = load_file(file)
        rng = np.random.default_rng(seed)
        touched = [name for name in sorted(tensors) if "language_model.layers.2.mlp" in name]
        assert touched
        for name in touched:
            weights = tensors[name]
            noise = rng.normal(size=weights.shape) * scale * weights.std(dtype=np.float64)
            tensors[name] = (weights + noise).astype(weights.dtype)
        save_file(tensors, file, metadata={"format": "pt"})
        return target

    return copy
