"""The exponential moving average (EMA) of the weights that are trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["Ema"]


class Ema:
    """After every step: average = decay * average + (1 - decay) * weights; first the starting weights.

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
        """Averages in the present weights."""
        for name, value in self.values.items():
            value.lerp_(self._parameters[name].detach(), 1 - self.decay)
