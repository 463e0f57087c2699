"""Where an instrument computes, and in which precision."""

from __future__ import annotations

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.instruments.backends.weights import first_line

DTYPES = ("float32", "float16", "bfloat16")


def check_settings(instrument: str, dtype: str, batch_size: int) -> None:
    """Refuses settings that no network can compute with.

    Raises:
        UsageError: an unknown ``dtype``, or a ``batch_size`` below 1.
    """
    if dtype not in DTYPES:
        raise UsageError(f"{instrument} cannot compute in {dtype!r}; choose one of {', '.join(DTYPES)}")
    if batch_size < 1:
        raise UsageError(f"{instrument} needs a batch_size of at least 1, got {batch_size}")


def choose_device(device: str | None) -> str:
    """``device`` itself, or the GPU if there is one, or the CPU."""
    if device is not None:
        return device
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def usable_device(needed_by: str, device: str | None) -> str:
    """``device``, or the GPU if there is one, or the CPU; tried out.

    Raises:
        UsageError: there is no such device here; the message names ``needed_by``.
    """
    import torch

    chosen = choose_device(device)
    try:
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UsageError(
            f"{needed_by} cannot compute on device={chosen} ({first_line(error)}); write device=cpu"
        ) from error
    return chosen
