"""Decodes small pictures together on a CPU, with the very pixels of decoding each alone.

A convolution may compute one picture and eight pictures by different algorithms, whose sums round
differently, and a pixel in some hundred thousand then falls on the other side of a whole number. Which
convolutions do depends on their shapes, the processor and the library, so it is found out: the first eight
pictures go both ways through every convolution, those that differ take one picture at a time from then on,
and the whole is compared with decoding each alone before it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

TOGETHER = 8
"""Pictures decoded at once; always exactly so many, since other shapes would have to be tried anew."""

LARGEST = 128
"""Side in pixels. Larger pictures keep a processor busy alone, and need much memory together."""

WORTH = 32
"""Pictures after which it is tried: what trying costs is saved again on some thirty pictures."""


class DecodingTogether:
    """Decodes pictures of one model; see the module.

    Args:
        model: a ``JanusForConditionalGeneration`` on a CPU, whose codec stays as it is.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._seen = 0
        self._alone: set[int] = set()
        self._tried = self._exact = False

    def __call__(self, tokens: torch.Tensor) -> Iterator[torch.Tensor]:
        """Pixels of picture tokens (B, N) in [-1, 1], some pictures at a time: (b, H, W, 3)."""
        self._seen += len(tokens)
        for rows in tokens.split(TOGETHER):
            if len(rows) == TOGETHER and self._exact:
                yield self._together(rows)
            else:
                each = self._each(rows)
                if len(rows) == TOGETHER and not self._tried and self._seen >= WORTH:
                    self._try(rows, each)
                yield each

    def _each(self, rows: torch.Tensor) -> torch.Tensor:
        import torch

        return torch.cat([self._model.decode_image_tokens(row[None]) for row in rows])

    def _try(self, rows: torch.Tensor, each: torch.Tensor) -> None:
        """Notes which convolutions need each picture alone, and whether that is enough."""
        import torch
        from torch.nn import Conv2d

        # Its convolutions work otherwise, so it is a codec of its own; the weights are the model's.
        codec = self._model.model.vqmodel
        shared = {id(tensor): tensor for tensor in (*codec.parameters(), *codec.buffers())}
        self._codec = deepcopy(codec, shared)
        convolutions = [part for part in self._codec.modules() if isinstance(part, Conv2d)]
        for part in convolutions:
            setattr(part, "forward", partial(self._compared, part))  # noqa: B010 - types forbid methods
        self._exact = torch.equal(self._together(rows), each)
        self._tried = True
        for part in convolutions:
            own = partial(_alone, part) if id(part) in self._alone else partial(_forward, part)
            setattr(part, "forward", own)  # noqa: B010 - types forbid methods

    def _together(self, rows: torch.Tensor) -> torch.Tensor:
        pixels: torch.Tensor = self._codec.decode(rows).permute(0, 2, 3, 1)
        return pixels

    def _compared(self, convolution: Any, states: torch.Tensor) -> torch.Tensor:
        import torch

        each = _alone(convolution, states)
        if not torch.equal(_forward(convolution, states), each):
            self._alone.add(id(convolution))
        return each


def _forward(convolution: Any, states: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = type(convolution).forward(convolution, states)
    return found


def _alone(convolution: Any, states: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.cat([_forward(convolution, row[None]) for row in states])
