"""A BAGEL network without weights: what training it would take is worked out on it.

Only the configuration files of a checkpoint are read.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from selfreward_eval.harness.instruments.backends.weights import folder_of
from selfreward_eval.harness.models.bagel.config import FILES, BagelConfig
from selfreward_eval.harness.models.bagel.config_files import read_config
from selfreward_eval.harness.models.bagel.contexts import Markers
from selfreward_eval.harness.models.bagel.cost import on_meta
from selfreward_eval.harness.models.bagel.sequences import velocities

__all__ = ["BagelShapes", "shapes_of"]


class BagelShapes:
    """Meets :class:`selfreward_eval.harness.models.training.Shapes`.

    Args:
        config: sizes; ``image_size`` is that of the pictures that are drawn.
        frozen: beginnings of the names of weights that no trainer changes.
    """

    dtype = torch.float32

    def __init__(self, config: BagelConfig, frozen: tuple[str, ...]) -> None:
        self.config = config
        self._frozen = frozen
        self._network, self._autoencoder = on_meta(config, self.dtype)

    @property
    def network(self) -> torch.nn.Module:
        """On the meta device."""
        return self._network

    @property
    def transformer(self) -> torch.nn.Module:
        """Its layers."""
        return self._network.transformer

    def trainable(self) -> list[tuple[str, torch.nn.Parameter]]:
        """Parameters that a trainer may change, by name."""
        named = self._network.named_parameters()
        return [(name, parameter) for name, parameter in named if not name.startswith(self._frozen)]

    def with_layers(self, count: int) -> BagelShapes:
        """The same with so many layers."""
        text = replace(self.config.text, num_hidden_layers=count)
        return BagelShapes(replace(self.config, text=text), self._frozen)

    def beside(self) -> int:
        """Bytes of the autoencoder, which lies beside the network in float32."""
        return sum(4 * parameter.numel() for parameter in self._autoencoder.parameters())

    def velocity(self, rows: int, prompt_tokens: int) -> torch.Tensor:
        """Velocities of noisy pictures, each after a prompt of so many tokens, markers included."""
        config, grid = self.config, self.config.grid()
        latents = torch.empty(rows, grid[0] * grid[1], config.token_width, device="meta")
        times = torch.empty(rows, device="meta")
        ids = [[0] * (prompt_tokens - 2)] * rows
        return velocities(self._network, Markers(0, 1, 2, 3), ids, latents, times, grid)

    def encode(self, rows: int) -> torch.Tensor:
        """Latents of pictures."""
        pixels = torch.empty(rows, 3, *self.config.image_size, device="meta")
        with torch.no_grad():
            return self._autoencoder.encode(pixels)


def shapes_of(
    weights: str, revision: str | None, size: tuple[int, int] | None, frozen: tuple[str, ...]
) -> BagelShapes:
    """The shapes of a checkpoint.

    Args:
        weights: folder in the hub's layout, or hub name.
        revision: the hub's branch, tag or commit.
        size: of drawn pictures, (height, width); None for the checkpoint's.
        frozen: beginnings of the names of weights that no trainer changes.

    Raises:
        CheckpointError: a configuration file is missing or damaged.
        ValueError: a size that it cannot draw.
    """
    config = read_config(folder_of(weights, revision, FILES), weights)
    if size is not None:
        config = replace(config, image_size=size)
        config.grid()
    return BagelShapes(config, frozen)
