"""The weights that a training run moves, and putting them back.

Training happens inside the adapter that the caller holds. Whatever becomes of the run, the adapter is
given back as it was: its identity names the weights that it was loaded with, and results measured with
moved ones under that name would be wrong. What was learnt lies in the checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError

if TYPE_CHECKING:
    import torch

    from selfreward_eval.trainers.settings import Settings

__all__ = ["TrainableWeights", "holding", "language_model"]


def language_model(model: Any) -> torch.nn.Module:
    """The transformer inside a Janus adapter that all sides share."""
    found: torch.nn.Module = model.loaded.model.model.language_model
    return found


class TrainableWeights:
    """Makes a model's weights, or low-rank adapters beside them, ready to be trained.

    Attributes:
        parameters: what moves, by name; requires gradients, float32.
        total: number of weights of the whole model, adapters not included.

    Args:
        model: an adapter that offers ``trainable()``, loaded in float32.
        settings: ``lora_rank``, ``lora_alpha`` and ``seed`` are read.

    Raises:
        UsageError: the model was loaded in another type.
    """

    def __init__(self, model: Any, settings: Settings) -> None:
        import torch

        if model.loaded.dtype != torch.float32:
            found = str(model.loaded.dtype).removeprefix("torch.")
            raise UsageError(
                f"training needs weights in float32, got {found}; load the model with dtype=float32 "
                "(the setting precision says what the forward passes compute in)"
            )
        self._model = model
        self._lora = settings.lora_rank > 0
        self._start: dict[str, torch.Tensor] = {}
        network: torch.nn.Module = model.loaded.model
        self.total = sum(one.numel() for one in network.parameters())
        if self._lora:
            from selfreward_eval.trainers import lora

            lora.inject(language_model(model), settings.lora_rank, settings.lora_alpha, settings.seed)
            named = network.named_parameters()
            self.parameters = {name: one for name, one in named if one.requires_grad}
        else:
            self.parameters = dict(model.trainable())
            # Kept in main memory, where there is more of it than on a GPU.
            self._start = {name: one.detach().to("cpu", copy=True) for name, one in self.parameters.items()}
        for one in self.parameters.values():
            one.requires_grad_(True)

    @property
    def count(self) -> int:
        """Number of weights that move."""
        return sum(one.numel() for one in self.parameters.values())

    def export(self, folder: Path, values: Mapping[str, torch.Tensor] | None = None) -> None:
        """Writes the whole model into ``folder`` in the hub's layout, adapters merged; nothing else changes.

        Args:
            folder: appears whole or not at all.
            values: weights to write in place of the present ones, such as their average.
        """
        from selfreward_eval.trainers import lora

        whole = lora.merged(language_model(self._model)) if self._lora else nullcontext()
        with holding(self.parameters, values or {}), whole:
            self._model.save(folder)

    def close(self) -> None:
        """Puts everything back; a second call does nothing."""
        import torch

        for one in self.parameters.values():
            one.requires_grad_(False)
            one.grad = None
        if self._lora:
            from selfreward_eval.trainers import lora

            lora.remove(language_model(self._model))
        with torch.no_grad():
            for name, value in self._start.items():
                self.parameters[name].copy_(value)


@contextmanager
def holding(
    parameters: Mapping[str, torch.nn.Parameter], values: Mapping[str, torch.Tensor]
) -> Iterator[None]:
    """Inside, the parameters that ``values`` names hold these values; afterwards their own again."""
    import torch

    kept = {name: parameters[name].detach().clone() for name in values}
    with torch.no_grad():
        for name, value in values.items():
            parameters[name].copy_(value)
    try:
        yield
    finally:
        with torch.no_grad():
            for name, value in kept.items():
                parameters[name].copy_(value)
