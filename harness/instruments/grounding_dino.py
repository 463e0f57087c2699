"""Grounding DINO as transformers computes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selfreward_eval.harness.instruments.backends.captions import Caption
from selfreward_eval.harness.instruments.backends.grounding import GroundingDetector
from selfreward_eval.harness.instruments.backends.networks import load_network

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import GroundingDinoForObjectDetection


class GroundingDinoDetector(GroundingDetector):
    """Finds what labels name, with boxes; transformers' ``GroundingDinoForObjectDetection``.

    Arguments, scores and their limits are those of :class:`GroundingDetector`.
    """

    NAME = "grounding_dino"
    _model: GroundingDinoForObjectDetection | None = None

    def _forward(self, pixels: Tensor, caption: Caption) -> tuple[Tensor, Tensor]:
        encoding = self._tokenizer()([caption.text] * len(pixels), return_tensors="pt").to(pixels.device)
        model = self._loaded()
        with self._precision():
            output = model(
                pixel_values=pixels,
                input_ids=encoding["input_ids"],
                attention_mask=encoding["attention_mask"],
            )
        return output.logits, output.pred_boxes

    def _loaded(self) -> GroundingDinoForObjectDetection:
        """The network, loaded once."""
        if self._model is None:
            self._config()
            self._model = load_network(
                "GroundingDinoForObjectDetection", self._weights.folder, dtype="float32", device=self.device
            )
        return self._model
