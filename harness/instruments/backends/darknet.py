"""YOLOv3-tiny: darknet's network and file of weights, in torch.

13 convolutions and two grids of boxes. A file of weights is a header of 20 bytes and then float32 values,
layer by layer: biases, scales, means and variances of a normalised layer, then its kernel. Nothing in it is
code.

Source: darknet's ``yolov3-tiny.cfg``, ``parser.c`` (weights), ``maxpool_layer.c``, ``yolo_layer.c``; Redmon
and Farhadi, "YOLOv3: An Incremental Improvement", 2018, arXiv:1804.02767.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from selfreward_eval.harness.errors import CheckpointError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

CLASSES = 80
STRIDE = 32
"""A side of the network's input is a multiple of this."""

HEADER = 20
"""Bytes: three int32 of the version and a uint64 of the pictures seen in training."""

EPSILON = 1e-5
SLOPE = 0.1
"""Of the leaky rectifier."""

PER_BOX = 5 + CLASSES
OUTPUTS = 3 * PER_BOX

COARSE = ((81, 82), (135, 169), (344, 319))
FINE = ((10, 14), (23, 27), (37, 58))
"""Widths and heights of the anchors of each grid, in pixels of the network's input."""


@dataclass(frozen=True)
class Layer:
    """One convolution.

    Attributes:
        inputs: channels.
        outputs: channels.
        kernel: side.
        normalised: whether batch normalisation and the rectifier follow.
    """

    inputs: int
    outputs: int
    kernel: int
    normalised: bool = True

    @property
    def numbers(self) -> int:
        """How many values it has in the file."""
        return self.outputs * (4 if self.normalised else 1) + self.outputs * self.inputs * self.kernel**2


LAYERS = (
    *(Layer(inputs, outputs, 3) for inputs, outputs in ((3, 16), (16, 32), (32, 64), (64, 128), (128, 256))),
    Layer(256, 512, 3),
    Layer(512, 1024, 3),
    Layer(1024, 256, 1),
    Layer(256, 512, 3),
    Layer(512, OUTPUTS, 1, normalised=False),
    Layer(256, 128, 1),
    Layer(384, 256, 3),
    Layer(256, OUTPUTS, 1, normalised=False),
)
"""In the order of the file."""

NUMBERS = sum(layer.numbers for layer in LAYERS)


@dataclass(frozen=True)
class Convolution:
    """One layer with its values; the normalisation is part of kernel and bias."""

    kernel: Tensor
    bias: Tensor
    rectified: bool

    def __call__(self, pixels: Tensor) -> Tensor:
        from torch.nn.functional import conv2d, leaky_relu

        out = conv2d(pixels, self.kernel, self.bias, padding=self.kernel.shape[-1] // 2)
        return leaky_relu(out, SLOPE) if self.rectified else out


class YoloV3Tiny:
    """The network.

    Args:
        layers: of :data:`LAYERS`, in that order.
    """

    def __init__(self, layers: list[Convolution]) -> None:
        self.layers = layers

    def __call__(self, pixels: Tensor) -> list[Tensor]:
        """(B, 3, H, W) in [0, 1] -> the coarse and the fine grid, (B, 255, h, w) each, before any sigmoid."""
        import torch
        from torch.nn.functional import interpolate, max_pool2d, pad

        out = fine = pixels
        for number, layer in enumerate(self.layers[:6]):
            out = layer(out)
            fine = out if number == 4 else fine
            # The sixth pooling keeps the size: it looks one pixel beyond the right and the lower edge.
            out = max_pool2d(out, 2) if number < 5 else max_pool2d(pad(out, (0, 1, 0, 1), value=-inf), 2, 1)
        seventh, shrunk, eighth, coarse, upwards, ninth, last = self.layers[6:]
        shared = shrunk(seventh(out))
        larger = interpolate(upwards(shared), scale_factor=2, mode="nearest")
        return [coarse(eighth(shared)), last(ninth(torch.cat([larger, fine], 1)))]


def load_weights(path: Path, device: str) -> YoloV3Tiny:
    """The network with the values of darknet's file.

    Raises:
        CheckpointError: the file cannot be read, has another length than YOLOv3-tiny's, or holds values that
            are no numbers.
    """
    import numpy as np
    import torch

    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"yolov3_tiny: {path} cannot be read ({error.strerror or error})") from error
    if len(content) != HEADER + 4 * NUMBERS:
        raise CheckpointError(
            f"yolov3_tiny: {path} holds {len(content):,} bytes, YOLOv3-tiny's weights for COCO are "
            f"{HEADER + 4 * NUMBERS:,}; give darknet's own file"
        )
    values = np.frombuffer(content, dtype="<f4", offset=HEADER)
    if not np.isfinite(values).all():
        raise CheckpointError(f"yolov3_tiny: {path} holds values that are no numbers; it is damaged")
    layers: list[Convolution] = []
    start = 0
    for layer in LAYERS:
        kernel, bias = _layer_values(layer, values[start : start + layer.numbers])
        start += layer.numbers
        tensors = [torch.from_numpy(array.copy()).to(device) for array in (kernel, bias)]
        layers.append(Convolution(tensors[0], tensors[1], layer.normalised))
    return YoloV3Tiny(layers)


def decode(grid: Tensor, anchors: tuple[tuple[int, int], ...], size: int) -> tuple[Tensor, Tensor]:
    """One picture's grid as boxes and scores.

    Args:
        grid: (255, h, w), before any sigmoid.
        anchors: of this grid.
        size: side of the network's input in pixels.

    Returns:
        Boxes (n, 4) as x0, y0, x1, y1 in pixels of the network's input, and scores (n, 80): the probability
        that there is an object times that of the class.
    """
    import torch

    height, width = grid.shape[1:]
    cells = grid.reshape(len(anchors), PER_BOX, height, width).permute(0, 2, 3, 1).float()
    sizes = torch.tensor(anchors, dtype=torch.float32, device=grid.device).view(-1, 1, 1, 2)
    columns = torch.arange(width, device=grid.device).view(1, 1, width)
    rows = torch.arange(height, device=grid.device).view(1, height, 1)
    x = (cells[..., 0].sigmoid() + columns) * (size / width)
    y = (cells[..., 1].sigmoid() + rows) * (size / height)
    half = cells[..., 2:4].exp() * sizes / 2
    boxes = torch.stack([x - half[..., 0], y - half[..., 1], x + half[..., 0], y + half[..., 1]], -1)
    scores = cells[..., 4:5].sigmoid() * cells[..., 5:].sigmoid()
    return boxes.reshape(-1, 4), scores.reshape(-1, CLASSES)


def _layer_values(
    layer: Layer, values: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Kernel (outputs, inputs, side, side) and bias of a layer, with its normalisation folded in."""
    import numpy as np

    heads = 4 if layer.normalised else 1
    rows = values[: heads * layer.outputs].reshape(heads, layer.outputs)
    shape = (layer.outputs, layer.inputs, layer.kernel, layer.kernel)
    kernel = values[heads * layer.outputs :].reshape(shape)
    if not layer.normalised:
        return kernel, rows[0]
    bias, scale, mean, variance = rows
    factor = scale / np.sqrt(variance + np.float32(EPSILON))
    return kernel * factor[:, None, None, None], bias - mean * factor
