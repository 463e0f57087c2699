"""The exponential moving average of the weights that move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["Average"]


class Average:
    """After every step: average = decay * average + (1 - decay) * weights. It begins at the starting weights.

    Args:
        parameters: the weights, by name; they are read at every :meth:`update`.
        decay: at least 0, below 1. About 1 / (1 - decay) steps are averaged.
    """

    def __init__(self, parameters: Mapping[str, torch.nn.Parameter], decay: float) -> None:
        self.decay = decay
        self._parameters = dict(parameters)
        self.values: dict[str, torch.Tensor] = {
            name: parameter.detach().clone() for name, parameter in parameters.items()
        }

    def update(self) -> None:
        """Takes in the weights as they are now."""
        for name, value in self.values.items():
            value.lerp_(self._parameters[name].detach(), 1 - self.decay)
