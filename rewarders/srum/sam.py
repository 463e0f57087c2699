"""Regions by Segment Anything, as transformers computes it: a grid of points, a mask for each.

The released code uses ``SamAutomaticMaskGenerator`` with its defaults; these are the same numbers.

Source: Kirillov et al. 2023, arXiv:2304.02643; WayneJin0918/SRUM at a53ba18, ``srum_data_infer/vlm.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.instruments.backends.devices import check_settings
from selfreward_eval.harness.instruments.backends.networks import load_config, load_network
from selfreward_eval.harness.instruments.backends.processors import PROCESSOR_FILES, load_image_processor
from selfreward_eval.harness.instruments.backends.weights import Weights
from selfreward_eval.rewarders.srum.regions import Proposal, largest_first, whole_pixels

if TYPE_CHECKING:
    from PIL.Image import Image

    from selfreward_eval.rewarders.base import RewardSample

MODEL_TYPE = "sam"


class SamRegions:
    """Every mask that is sure and stable enough.

    Args:
        weights: folder or hub name of a ``SamModel``, in safetensors.
        points: points along each side of the grid.
        points_at_once: computed together; a matter of memory.
        iou: least overlap that the network predicts for its own mask.
        stability: least overlap of the mask with itself under another cut-off.
        overlap: of two masks whose boxes overlap more than this, the surer one is kept.
        device: where to compute; a GPU if there is one.
        dtype: of weights and activations.
        revision: of the hub repository.

    Nothing is loaded before the first :meth:`identity` or picture.
    """

    def __init__(
        self,
        weights: str = "facebook/sam-vit-huge",
        points: int = 32,
        points_at_once: int = 64,
        iou: float = 0.88,
        stability: float = 0.95,
        overlap: float = 0.7,
        device: str | None = None,
        dtype: str = "float32",
        revision: str | None = None,
    ) -> None:
        check_settings("sam", dtype, points_at_once)
        if points < 1:
            raise UsageError(f"sam needs at least one point along each side, got points={points}")
        self.weights, self.revision = weights, revision
        self.points, self.points_at_once = int(points), int(points_at_once)
        self.iou, self.stability, self.overlap = float(iou), float(stability), float(overlap)
        self.device, self.dtype = device, dtype
        self._weights = Weights(weights, revision, reads=PROCESSOR_FILES)
        self._pipeline: Any = None
        self._identity: dict[str, Any] | None = None

    def identity(self) -> dict[str, Any]:
        """What a proposal depends on. Weights are known by their content, not by their name.

        Raises:
            CheckpointError: the weights cannot be had.
        """
        if self._identity is None:
            self._identity = {
                "name": "sam",
                "weights": self._weights.shown,
                "revision": self.revision,
                "sha256": self._weights.sha256,
                "dtype": self.dtype,
                "points": self.points,
                "iou": self.iou,
                "stability": self.stability,
                "overlap": self.overlap,
            }
        return dict(self._identity)

    def propose(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[list[Proposal]]:
        """Every sample's masks as boxes; what the prompt says does not matter."""
        return [self._masks(sample.image) for sample in samples]

    def _masks(self, image: Image) -> list[Proposal]:
        import numpy as np

        found = self._load()(
            image.convert("RGB"),
            points_per_crop=self.points,
            points_per_batch=self.points_at_once,
            pred_iou_thresh=self.iou,
            stability_score_thresh=self.stability,
            crops_nms_thresh=self.overlap,
        )
        proposals: list[Proposal] = []
        for mask, score in zip(found["masks"], found["scores"], strict=True):
            pixels = np.asarray(mask, dtype=bool)
            rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
            if rows.size:
                box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
                proposals += whole_pixels(
                    [float(edge) for edge in box], image, area=int(pixels.sum()), score=float(score)
                )
        return largest_first(iter(proposals))

    def _load(self) -> Any:
        """transformers' mask-generation pipeline, built once.

        Raises:
            CheckpointError: the weights or the picture processor do not load.
        """
        if self._pipeline is None:
            from transformers import MaskGenerationPipeline

            folder = self._weights.folder
            load_config(folder, [MODEL_TYPE])
            processor = load_image_processor(folder)
            network = load_network("SamModel", folder, dtype=self.dtype, device=self.device)
            self._pipeline = MaskGenerationPipeline(
                model=network,
                image_processor=processor,
                device=network.device,
            )
        return self._pipeline
