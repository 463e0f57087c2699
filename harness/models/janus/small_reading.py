"""A small language model on a CPU reading prompts and then picture tokens, one a step, many rows at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.models.janus.small_llama import Keys, SmallLlama

if TYPE_CHECKING:
    import torch


class SmallReading:
    """Prompts that rows share are read once; keys and values lie where all that will be drawn has room.

    Args:
        model: a ``JanusForConditionalGeneration`` whose language model fits.
        rows: prompts, int64 (L_i,) each.
        count: picture tokens that will follow.
    """

    def __init__(self, model: Any, rows: Sequence[torch.Tensor], count: int) -> None:
        import torch

        self._model, self._small = model, SmallLlama(model.model.language_model)
        self._rows, self._count = [row.tolist() for row in rows], count
        self._layers: list[Keys] = []
        self._seen = torch.zeros(0)
        self._step = 0

    def prompts(self) -> torch.Tensor:
        """The last states of the prompts: (B, width)."""
        read = self._small.prompts(self._rows, self._model.get_input_embeddings())
        padding = self._small.padding(read)
        places = padding.shape[-1]
        # Places for all that will be drawn, so that nothing is copied at every step.
        self._seen = padding.new_zeros(len(padding), 1, 1, places + self._count)
        self._seen[..., :places] = padding[:, :, None]
        for layer in read.layers:
            kept = []
            for tensor in layer:
                _, heads, _, width = tensor.shape
                room = tensor.new_empty(len(read.row), heads, places + self._count, width)
                room[:, :, :places] = tensor[read.row]
                kept.append(room)
            self._layers.append(Keys(*kept))
        self._next, self._places = read.lengths, places
        return read.last

    def more(self, tokens: torch.Tensor) -> torch.Tensor:
        """The states after one more picture token each, int64 (B, 1): (B, width)."""
        states = self._model.prepare_embeddings_for_image_generation(tokens)
        place = self._places + self._step
        mask = self._seen[..., : place + 1]
        turns = self._small.turns(self._next + self._step, 1, states.dtype)
        for number, layer in enumerate(self._layers):
            queries, own = self._small.asked(number, states, turns)
            for room, tensor in zip(layer, own, strict=True):
                room[:, :, place] = tensor[:, :, 0]
            seen = Keys(*(room[:, :, : place + 1] for room in layer))
            states = self._small.told(number, states, queries, seen, mask)
        self._step += 1
        return self._small.finished(states)[:, 0]
