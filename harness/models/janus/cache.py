"""Keys and values of a drawing whose length is known: written in place, where growing would copy them all.

transformers' ``DynamicCache`` joins old and new entries at every step. For a small model these copies
take several times as long as its layers.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicLayer


class ReservedLayer(DynamicLayer):
    """One layer's entries in a buffer of ``capacity`` positions; what is read is a view of those written."""

    def __init__(self, capacity: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._capacity = capacity

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        self.dtype, self.device = key_states.dtype, key_states.device
        self._buffers = [
            new.new_empty((*new.shape[:-2], self._capacity, new.shape[-1]))
            for new in (key_states, value_states)
        ]
        self.keys, self.values = (buffer[..., :0, :] for buffer in self._buffers)
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Everything up to the new positions: (B, heads, positions, width) twice.

        Raises:
            ValueError: more positions than were reserved.
        """
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start = self.get_seq_length()
        end = start + key_states.shape[-2]
        if end > self._capacity:
            raise ValueError(f"the cache holds {self._capacity} positions, {end} were written")
        views = []
        for buffer, new in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[..., start:end, :] = new
            views.append(buffer[..., :end, :])
        self.keys, self.values = views
        return self.keys, self.values


def reserved(capacity: int) -> Cache:
    """A cache of all layers for sequences of up to ``capacity`` positions."""
    return Cache(layer_class_to_replicate=partial(ReservedLayer, capacity))  # type: ignore[arg-type]
