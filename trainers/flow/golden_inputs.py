"""Inputs and digests of the golden file ``flow_rl*.json``: waves by rule, tensors as a few numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

__all__ = ["added_waves", "digest", "plus_wave", "tensor", "wave"]


def wave(seed: float, shape: Any, amp: float = 1.0, offset: float = 0.0) -> torch.Tensor:
    """The file's input rule: numbers by their flat place, rounded to float32, given as float64."""
    import torch

    i = np.arange(int(np.prod(shape)), dtype=np.float64)
    values = offset + amp * np.sin(0.7 * i + 0.001 * i * np.sqrt(i) + seed)
    return torch.from_numpy(values.astype(np.float32).astype(np.float64).reshape(shape))


def tensor(given: Mapping[str, Any]) -> torch.Tensor:
    """The wave of a JSON description: ``seed``, ``shape``, perhaps ``amp`` and ``offset``."""
    return wave(given["seed"], given["shape"], given.get("amp", 1.0), given.get("offset", 0.0))


_NUMBER = r"-?\d+(?:\.\d+)?"


def plus_wave(base: torch.Tensor, seed: float, amp: float) -> torch.Tensor:
    """``base`` plus a wave of its shape, summed in float32 as the file says."""
    return (base.float() + wave(seed, tuple(base.shape), amp).float()).double()


def added_waves(rule: str) -> dict[str, tuple[float, float]]:
    """Name -> (seed, amp) of every ``name = ... + wave(seed, amp A)`` of a rule in words.

    A rule without a name, such as ``mean + wave(2, amp 0.1)``, has the name "".

    >>> added_waves("old = target + wave(3, amp 0.3); new = target + wave(4, amp 0.25)")
    {'old': (3.0, 0.3), 'new': (4.0, 0.25)}
    """
    found: dict[str, tuple[float, float]] = {}
    for part in rule.split(";"):
        name, equals, _ = part.partition("=")
        match = re.search(rf"wave\(({_NUMBER}), amp ({_NUMBER})\)", part)
        if match:
            found[name.strip() if equals else ""] = (float(match[1]), float(match[2]))
    return found


def digest(values: torch.Tensor) -> dict[str, Any]:
    """The file's summary of a tensor."""
    flat = values.detach().double().flatten()
    return {
        "shape": list(values.shape),
        "first8": flat[:8].tolist(),
        "last4": flat[-4:].tolist(),
        "mean": float(flat.mean()),
        "mean_abs": float(flat.abs().mean()),
    }
