"""Layers over several devices, by accelerate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.models.bagel.network import Bagel

__all__ = ["MAPS", "dispatched", "placed"]

MAPS = ("auto", "balanced", "balanced_low_0", "sequential")
WHOLE = ["MotLayer", "VisionLayer", "TimeEmbedder", "Table", "Connector"]
"""Parts that lie on one device."""


def placed(
    network: Bagel, device_map: str | None, device: torch.device, dtype: torch.dtype
) -> dict[str, torch.device]:
    """Part of the network -> its device.

    Args:
        network: on the meta device.
        device_map: one of :data:`MAPS`, or None for ``device`` alone.
        device: of a network in one piece.
        dtype: that the weights will have.

    Raises:
        UsageError: an unknown map, or less memory than the weights need.
    """
    if device_map is None:
        return {"": device}
    if device_map not in MAPS:
        raise UsageError(f"unknown device_map {device_map!r}; known: {', '.join(MAPS)}, or leave it out")
    from accelerate import infer_auto_device_map
    from accelerate.utils import get_balanced_memory

    memory: Any = None
    if device_map != "sequential":
        memory = get_balanced_memory(
            network, dtype=dtype, no_split_module_classes=WHOLE, low_zero=device_map == "balanced_low_0"
        )
    found = infer_auto_device_map(network, max_memory=memory, dtype=dtype, no_split_module_classes=WHOLE)
    # Layers that wait in main memory would be copied for every step of a drawing.
    if "disk" in found.values() or ("cpu" in found.values() and torch.cuda.is_available()):
        raise UsageError(
            f"the devices here have too little memory for these weights (device_map={device_map}); use "
            "dtype=bfloat16, or more devices"
        )
    return {part: torch.device("cuda", place) if isinstance(place, int) else torch.device(place)
            for part, place in found.items()}  # fmt: skip


def dispatched(network: Bagel, places: Mapping[str, torch.device]) -> Bagel:
    """The network with inputs moved to each part's device."""
    from accelerate import dispatch_model

    spread: Bagel = dispatch_model(network, {part: str(place) for part, place in places.items()})
    return spread
