"""Mask2Former as a detector: transformers' network between mmdet's pre- and post-processing.

The hub weights are another training run than the mmdet file of the official
GenEval evaluator, with the same architecture: see ``tasks/geneval/README.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from selfreward_eval.harness.errors import CheckpointError
from selfreward_eval.harness.instruments.backends import mask2former_mmdet as mmdet
from selfreward_eval.harness.instruments.backends.coco import COCO_CLASSES, coco_indices
from selfreward_eval.harness.instruments.backends.devices import check_settings, choose_device
from selfreward_eval.harness.instruments.backends.finite import is_finite
from selfreward_eval.harness.instruments.backends.networks import load_config, load_network
from selfreward_eval.harness.instruments.backends.weights import Weights
from selfreward_eval.harness.instruments.base import Detection

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image
    from transformers import Mask2FormerForUniversalSegmentation


class Mask2FormerDetector:
    """Finds the objects of COCO's 80 classes, with masks.

    Args:
        weights: folder or hub name of a ``Mask2FormerForUniversalSegmentation`` with 80 classes in
            COCO order, in safetensors.
        device: where to compute; a GPU if there is one.
        dtype: of weights and activations; post-processing is always float32.
        batch_size: pictures of the same size computed together; upstream computes one at a time.
        revision: of the hub repository.

    Nothing is loaded before the first :meth:`identity` or :meth:`detect`.
    """

    def __init__(
        self,
        weights: str = "facebook/mask2former-swin-small-coco-instance",
        device: str | None = None,
        dtype: str = "float32",
        batch_size: int = 1,
        revision: str | None = None,
    ) -> None:
        check_settings("mask2former", dtype, batch_size)
        self.weights, self.revision = weights, revision
        self.device, self.dtype, self.batch_size = device, dtype, batch_size
        self._weights = Weights(weights, revision)
        self._model: Mask2FormerForUniversalSegmentation | None = None
        self._identity: dict[str, Any] | None = None

    def identity(self) -> dict[str, Any]:
        """What a reading depends on. Weights are known by their content, not by their name.

        Raises:
            CheckpointError: the weights cannot be had.
        """
        if self._identity is None:
            self._identity = {
                "name": "mask2former",
                "weights": self._weights.shown,
                "revision": self.revision,
                "sha256": self._weights.sha256,
                "dtype": self.dtype,
                "resize": [mmdet.SHORT_EDGE, mmdet.LONG_EDGE],
                "candidates": mmdet.MAX_CANDIDATES,
            }
        return dict(self._identity)

    def detect(self, images: Sequence[Image], labels: Sequence[str]) -> list[list[Detection]]:
        """The best 100 candidates of every picture, as far as their class is among ``labels``.

        Raises:
            UsageError: a label is no COCO class.
            CheckpointError: the weights do not load, or compute no number.
        """
        labels_by_class = coco_indices(labels)
        detections_of: list[list[Detection]] = [[] for _ in images]
        for batch in self._batches(images):
            for i, detections in zip(
                batch, self._detect([images[i] for i in batch], labels_by_class), strict=True
            ):
                detections_of[i] = detections
        return detections_of

    def _batches(self, images: Sequence[Image]) -> list[list[int]]:
        """Indices of pictures of the same size, at most ``batch_size`` together: no padding between them."""
        sizes: dict[tuple[int, int], list[int]] = {}
        for i, image in enumerate(images):
            sizes.setdefault(image.size, []).append(i)
        step = self.batch_size
        return [
            of_one_size[k : k + step]
            for of_one_size in sizes.values()
            for k in range(0, len(of_one_size), step)
        ]

    def _detect(self, images: Sequence[Image], labels_by_class: dict[int, str]) -> list[list[Detection]]:
        """Detections in pictures of one size."""
        import torch

        model = self._loaded()
        pixels = torch.cat([mmdet.load_pixels(self._tensor(image)) for image in images])
        with torch.inference_mode():
            output = model(pixel_values=pixels.to(model.dtype))
            if not (is_finite(output.class_queries_logits) and is_finite(output.masks_queries_logits)):
                raise CheckpointError(
                    f"mask2former computes no number in {self.dtype}; its weights overflow or are damaged, "
                    "so use dtype=float32 or other weights"
                )
            input_size = mmdet.input_size(*images[0].size)
            return [
                self._detections(classes, mmdet.restore_masks(masks, input_size, image.size), labels_by_class)
                for image, classes, masks in zip(
                    images, output.class_queries_logits, output.masks_queries_logits, strict=True
                )
            ]

    def _detections(
        self, class_logits: torch.Tensor, mask_logits: torch.Tensor, labels_by_class: dict[int, str]
    ) -> list[Detection]:
        """The candidates of one picture whose class was asked for."""
        instances = mmdet.instances(class_logits, mask_logits)
        masks = instances.masks.cpu().numpy()
        rows = zip(
            instances.classes.tolist(),
            instances.scores.tolist(),
            instances.boxes.tolist(),
            instances.queries.tolist(),
            strict=True,
        )
        return [
            Detection(labels_by_class[index], (box[0], box[1], box[2], box[3]), score, masks[query])
            for index, score, box, query in rows
            if index in labels_by_class
        ]

    def _tensor(self, image: Image) -> torch.Tensor:
        import torch

        return torch.from_numpy(np.array(image.convert("RGB"))).to(choose_device(self.device))

    def _loaded(self) -> Mask2FormerForUniversalSegmentation:
        """The network, loaded once."""
        if self._model is None:
            folder = self._weights.folder
            config = load_config(folder, ["mask2former"])
            if config.num_labels != len(COCO_CLASSES):
                raise CheckpointError(
                    f"{folder} is a Mask2Former with {config.num_labels} classes, not with COCO's "
                    f"{len(COCO_CLASSES)}; name other weights"
                )
            self._model = load_network(
                "Mask2FormerForUniversalSegmentation", folder, dtype=self.dtype, device=self.device
            )
        return self._model
