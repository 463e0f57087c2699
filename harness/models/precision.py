"""Where a model computes, and in which type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selfreward_eval.harness.errors import UsageError

if TYPE_CHECKING:
    import torch

__all__ = ["DTYPES", "EXACT_BELOW", "check_dtype", "choose_device", "choose_dtype"]

DTYPES = ("auto", "float64", "float32", "bfloat16", "float16")
EXACT_BELOW = 50_000_000
"""Parameters below which ``auto`` computes in float64 on a CPU: exact in any batch, and cheap enough."""


def check_dtype(name: str) -> None:
    """Refuses a type that is none of :data:`DTYPES`.

    Raises:
        UsageError: it is none.
    """
    if name not in DTYPES:
        raise UsageError(f"unknown dtype {name!r}; known: {', '.join(DTYPES)}")


def choose_device(name: str) -> torch.device:
    """The device called ``name``: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        UsageError: an unknown one, or one that is not here.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise UsageError(f"unknown device {name!r}; known: auto, cpu, cuda, cuda:N")
    visible = torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= visible:
        seen = f"{visible} CUDA devices are visible" if visible else "no CUDA device is visible"
        raise UsageError(f"device {name!r} is asked for but {seen}; use device=cpu")
    return device


def choose_dtype(name: str, device: torch.device, parameters: int) -> torch.dtype:
    """The type called ``name``, one of :data:`DTYPES`, for a network of so many parameters.

    ``auto`` is bfloat16 on a GPU, float64 for small networks on a CPU and float32 for the others.
    """
    import torch

    if name != "auto":
        chosen: torch.dtype = getattr(torch, name)
        return chosen
    if device.type == "cuda":
        return torch.bfloat16
    return torch.float64 if parameters < EXACT_BELOW else torch.float32
