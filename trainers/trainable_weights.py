"""The weights that a training run changes, and restoring them.

Training changes the model object that the caller holds. However the run ends, its weights are restored: its
identity names the weights that it was loaded with, and results of trained ones under that name would be
wrong. The trained weights are in the checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, cast

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.trainers import lora

if TYPE_CHECKING:
    import torch

    from selfreward_eval.harness.models.training import Shapes, Trains
    from selfreward_eval.trainers.settings import Settings

__all__ = ["TrainableWeights", "holding"]


class TrainableWeights:
    """Makes a model's weights, or low-rank adapters beside them, ready to be trained.

    Attributes:
        parameters: what is trained, by name; requires gradients, float32.
        total: number of weights of the whole model, adapters not included.

    Args:
        model: in float32.
        settings: ``lora_rank``, ``lora_alpha``, ``only`` and ``seed`` are read.
        restores: whether :meth:`close` puts the starting weights back, for which they are copied.

    Raises:
        UsageError: the model was loaded in another type, or no weight has a name with ``only``.
    """

    def __init__(self, model: Trains | Shapes, settings: Settings, *, restores: bool = True) -> None:
        import torch

        if model.dtype != torch.float32:
            dtype = str(model.dtype).removeprefix("torch.")
            raise UsageError(
                f"training needs weights in float32, got {dtype}; load the model with dtype=float32 "
                "(the setting precision says what the forward passes compute in)"
            )
        self._model = model
        self._lora = settings.lora_rank > 0
        self._initial: dict[str, torch.Tensor] = {}
        network = model.network
        self.total = sum(parameter.numel() for parameter in network.parameters())
        if self._lora:
            lora.inject(
                model.transformer, settings.lora_rank, settings.lora_alpha, settings.seed, settings.only
            )
            named = network.named_parameters()
            self.parameters = {name: parameter for name, parameter in named if parameter.requires_grad}
        else:
            named_weights = model.trainable()
            self.parameters = {name: weight for name, weight in named_weights if settings.only in name}
            if not self.parameters:
                raise UsageError(
                    f"no weight that may be trained has {settings.only!r} in its name; names are such as "
                    f"{', '.join(name for name, _ in named_weights[:3])}. Correct the setting only"
                )
            # Kept in main memory, where there is more of it than on a GPU.
            self._initial = {
                name: parameter.detach().to("cpu", copy=True)
                for name, parameter in self.parameters.items()
                if restores
            }
        for parameter in self.parameters.values():
            parameter.requires_grad_(True)

    @property
    def count(self) -> int:
        """Number of weights that are trained."""
        return sum(parameter.numel() for parameter in self.parameters.values())

    def renew(self) -> None:
        """Takes the parameters anew by their names, when the network's have become other objects."""
        named = dict(self._model.network.named_parameters())
        self.parameters = {name: named[name] for name in self.parameters}

    def export(
        self,
        folder: Path,
        values: Mapping[str, torch.Tensor] | None = None,
        whole: Callable[[], AbstractContextManager[None]] = nullcontext,
        *,
        writes: bool = True,
    ) -> None:
        """Writes the whole model into ``folder`` in the hub's layout, adapters merged; nothing else changes.

        Args:
            folder: appears whole or not at all.
            values: weights to write in place of the present ones, such as their average.
            whole: makes a model that is shared out over processes whole.
            writes: whether this process is the one that writes.
        """
        with holding(self.parameters, values or {}), whole():
            if writes:
                with lora.merged(self._model.transformer) if self._lora else nullcontext():
                    # Shapes alone, without numbers, are only counted and never written.
                    cast("Trains", self._model).save(folder)

    def close(self) -> None:
        """Puts everything back; a second call does nothing."""
        import torch

        for parameter in self.parameters.values():
            parameter.requires_grad_(False)
            parameter.grad = None
        if self._lora:
            lora.remove(self._model.transformer)
        with torch.no_grad():
            for name, value in self._initial.items():
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
