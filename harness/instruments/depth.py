"""Relative depth by DPT (MiDaS) as T2I-CompBench reads it, and by Depth Anything.

Source: Karine-Huang/T2I-CompBench at 1b70949, UniDet_eval: pictures squashed to
480x480, the map scaled to [0, 1] per picture, resized to the picture with aligned
corners, and kept as an 8-bit picture. Upstream computes in half precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from selfreward_eval.harness.errors import CheckpointError, UsageError
from selfreward_eval.harness.instruments.backends.batching import batches, check_pictures
from selfreward_eval.harness.instruments.backends.devices import check_settings
from selfreward_eval.harness.instruments.backends.networks import load_config, load_network
from selfreward_eval.harness.instruments.backends.preprocessing import (
    HALF,
    IMAGENET_MEAN,
    IMAGENET_STD,
    preprocess,
)
from selfreward_eval.harness.instruments.backends.weights import Weights

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from PIL.Image import Image
    from transformers import PreTrainedConfig

UNUSED = ("neck.fusion_stage.layers.0.residual_layer1.",)
"""The first fusion layer has nothing to add to, so published checkpoints lack these weights."""


@dataclass(frozen=True)
class Kind:
    """One family of depth networks, and how it takes pictures.

    Attributes:
        name: of the instrument.
        architecture: class of transformers.
        model_type: as the checkpoint's configuration calls it.
        mean: per channel, of values in [0, 1].
        std: per channel, of values in [0, 1].
        resample: how pictures are squashed.
    """

    name: str
    architecture: str
    model_type: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    resample: str


def nearness(inverse_depth: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """A map scaled to [0, 1] and resized to its picture: float32 (``height``, ``width``), larger is nearer.

    Scaled first, then resized (bilinear, corners aligned), as upstream. A constant map says nothing of
    what is nearer, and becomes 0 everywhere; upstream divides by zero there.

    Args:
        inverse_depth: (h, w), larger is nearer, of any scale.
        width: of the picture.
        height: of the picture.
    """
    import torch

    values = inverse_depth.float()
    low, span = values.min(), values.max() - values.min()
    scaled = (values - low) / span if span > 0 else torch.zeros_like(values)
    return torch.nn.functional.interpolate(
        scaled[None, None], size=(height, width), mode="bilinear", align_corners=True
    )[0, 0].clamp(0, 1)


def as_8_bit(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is left of a map in [0, 1] once it is an 8-bit picture: multiples of 1/255, rounded down."""
    return np.floor(np.float32(255) * depth).astype(np.uint8).astype(np.float32) / np.float32(255)


class _Depth:
    """What the depth instruments share."""

    kind: ClassVar[Kind]

    def __init__(
        self,
        weights: str,
        image_size: int,
        quantise: bool,
        device: str | None,
        dtype: str,
        batch_size: int,
        revision: str | None,
    ) -> None:
        check_settings(self.kind.name, dtype, batch_size)
        if image_size < 1:
            raise UsageError(f"{self.kind.name} needs an image_size of at least one patch, got {image_size}")
        self.weights, self.revision = weights, revision
        self.image_size, self.quantise = image_size, quantise
        self.device, self.dtype, self.batch_size = device, dtype, batch_size
        self._weights = Weights(weights, revision)
        self._network: Any = None
        self._identity: dict[str, Any] | None = None

    def identity(self) -> dict[str, Any]:
        """What a reading depends on. Weights are known by their content, not by their name.

        Raises:
            CheckpointError: the weights cannot be had.
        """
        if self._identity is None:
            self._identity = {
                "name": self.kind.name,
                "weights": self._weights.shown,
                "revision": self.revision,
                "sha256": self._weights.sha256,
                "dtype": self.dtype,
                "image_size": self.image_size,
                "quantise": self.quantise,
            }
        return dict(self._identity)

    def depth(self, images: Sequence[Image]) -> list[NDArray[np.float32]]:
        """One (H, W) map per picture in [0, 1]; larger is nearer. Scaled per picture: maps do not compare.

        Raises:
            InputError: a picture has no pixel.
            CheckpointError: the weights do not load, or compute no number.
        """
        check_pictures(self.kind.name, images)
        return [depth_map for batch in batches(images, self.batch_size) for depth_map in self._depth(batch)]

    def _depth(self, images: Sequence[Image]) -> list[NDArray[np.float32]]:
        import torch

        network, kind = self._load(), self.kind
        pixels = preprocess(images, self.image_size, resample=kind.resample, mean=kind.mean, std=kind.std)
        with torch.inference_mode():
            inverse_depth = network(
                pixel_values=pixels.to(network.device, network.dtype)
            ).predicted_depth.float()
        if not bool(inverse_depth.isfinite().all()):
            raise CheckpointError(
                f"{kind.name} computes no number in {self.dtype}; its weights overflow or are damaged, so "
                "use dtype=float32 or other weights"
            )
        maps = [
            nearness(values, *image.size).cpu().numpy()
            for values, image in zip(inverse_depth, images, strict=True)
        ]
        return [as_8_bit(depth_map) if self.quantise else depth_map for depth_map in maps]

    def _load(self) -> Any:
        """The network, loaded once."""
        if self._network is None:
            folder, name = self._weights.folder, self.kind.name
            config = load_config(folder, [self.kind.model_type])
            self._check(config, folder)
            patch = _patch(config)
            if self.image_size % patch:
                raise UsageError(
                    f"{name} reads patches of {patch} pixels, so an image_size of {self.image_size} does not "
                    f"fit; choose a multiple of {patch}"
                )
            network = load_network(
                self.kind.architecture, folder, dtype=self.dtype, device=self.device, unused=UNUSED
            )
            self._fit(network)
            self._network = network
        return self._network

    def _check(self, config: PreTrainedConfig, folder: Path) -> None:
        """Refuses checkpoints of the right architecture that read something else."""

    def _fit(self, network: Any) -> None:
        """Makes the network take pictures of :attr:`image_size`."""


class DptDepth(_Depth):
    """DPT trained as MiDaS, by default the hybrid that upstream uses.

    Args:
        weights: folder or hub name of a ``DPTForDepthEstimation``, in safetensors.
        image_size: side in pixels to which pictures are squashed (bilinear).
        quantise: keep 8 bits per pixel, as upstream.
        device: where to compute; a GPU if there is one.
        dtype: of weights and activations; maps are scaled and resized in float32.
        batch_size: pictures computed together.
        revision: of the hub repository.

    Nothing is loaded before the first :meth:`identity` or :meth:`depth`.
    """

    kind = Kind("dpt_depth", "DPTForDepthEstimation", "dpt", HALF, HALF, "bilinear")

    def __init__(
        self,
        weights: str = "Intel/dpt-hybrid-midas",
        image_size: int = 480,
        quantise: bool = True,
        device: str | None = None,
        dtype: str = "float32",
        batch_size: int = 8,
        revision: str | None = None,
    ) -> None:
        super().__init__(weights, image_size, quantise, device, dtype, batch_size, revision)

    def _fit(self, network: Any) -> None:
        # The hybrid resizes its position embedding to any picture, and yet insists on one size.
        if network.config.is_hybrid:
            network.dpt.embeddings.image_size = (self.image_size, self.image_size)


class DepthAnything(_Depth):
    """Depth Anything: another evaluator than DPT, never in one column with it.

    Args:
        weights: folder or hub name of a relative ``DepthAnythingForDepthEstimation``, in safetensors.
        image_size: side in pixels to which pictures are squashed (bicubic).
        quantise: keep 8 bits per pixel.
        device: where to compute; a GPU if there is one.
        dtype: of weights and activations; maps are scaled and resized in float32.
        batch_size: pictures computed together.
        revision: of the hub repository.

    Nothing is loaded before the first :meth:`identity` or :meth:`depth`.
    """

    kind = Kind(
        "depth_anything",
        "DepthAnythingForDepthEstimation",
        "depth_anything",
        IMAGENET_MEAN,
        IMAGENET_STD,
        "bicubic",
    )

    def __init__(
        self,
        weights: str = "depth-anything/Depth-Anything-V2-Small-hf",
        image_size: int = 518,
        quantise: bool = False,
        device: str | None = None,
        dtype: str = "float32",
        batch_size: int = 8,
        revision: str | None = None,
    ) -> None:
        super().__init__(weights, image_size, quantise, device, dtype, batch_size, revision)

    def _check(self, config: PreTrainedConfig, folder: Path) -> None:
        if config.depth_estimation_type != "relative":
            raise CheckpointError(
                f"{folder} estimates {config.depth_estimation_type} depth, where larger is farther; name a "
                "relative Depth Anything"
            )


def _patch(config: PreTrainedConfig) -> int:
    """Side in pixels of what the network reads as one patch."""
    backbone = config.backbone_config
    size = (
        config.patch_size if backbone is None or not hasattr(backbone, "patch_size") else backbone.patch_size
    )
    return int(size if isinstance(size, int) else size[0])
