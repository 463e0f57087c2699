"""Where an instrument computes, when nobody says."""

from __future__ import annotations


def choose_device(device: str | None) -> str:
    """``device`` itself, or the GPU if there is one, or the CPU."""
    if device is not None:
        return device
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
