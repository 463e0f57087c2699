"""OWLv2 as a detector: transformers' network, asked for each label in a sentence of its own.

Every patch of the picture gives one box. The score of a label is the sigmoid of the patch's logit for
the label's sentence; no label's score depends on the others. The network sees the picture in a black
square; what it finds in the padding is left out.

Source: Minderer et al. 2023, arXiv 2306.09683; transformers' ``Owlv2ImageProcessor``, after
google-research/scenic, ``projects/owl_vit``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.instruments.backends.networks import load_config, load_network
from selfreward_eval.harness.instruments.backends.open_vocabulary import OpenVocabularyDetector, PhraseScores
from selfreward_eval.harness.instruments.backends.processors import load_tokenizer_with_offsets

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

FLOOR = 0.01
"""Least score returned. Tasks ask for 0.1 and more; below this lie thousands of patches of nothing."""

MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""CLIP's, of pixels in [0, 1]."""

TEXTS = 64
"""Sentences embedded together; a speed choice."""


def load_pixels(image: Image, edge: int) -> Tensor:
    """The network's input for one picture: float32 (3, edge, edge).

    Padded to a square with black on the right and below, blurred by a Gaussian if it will shrink,
    resized bilinearly, then CLIP's mean and deviation.
    """
    import numpy as np
    import torch
    from torch.nn.functional import interpolate, pad
    from torchvision.transforms.v2.functional import gaussian_blur

    width, height = image.size
    side = max(width, height)
    pixels = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).float() / 255
    pixels = pad(pixels, (0, side - width, 0, side - height))
    sigma = (side / edge - 1) / 2
    if sigma > 0:
        kernel = 2 * math.ceil(3 * sigma) + 1
        pixels = gaussian_blur(pixels, [kernel, kernel], [sigma, sigma])
    pixels = interpolate(pixels[None], size=(edge, edge), mode="bilinear", align_corners=False)[0]
    mean, deviation = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(DEVIATION).view(3, 1, 1)
    return (pixels - mean) / deviation


class Owlv2Detector(OpenVocabularyDetector["tuple[tuple[str, ...], Tensor]"]):
    """Finds what labels name, with boxes; see :class:`OpenVocabularyDetector` for the arguments."""

    NAME = "owlv2"
    _model: Any = None
    _loaded_tokenizer: PreTrainedTokenizerBase | None = None

    def __init__(
        self,
        weights: str = "google/owlv2-base-patch16-ensemble",
        device: str | None = None,
        dtype: str = "float32",
        batch_size: int = 1,
        revision: str | None = None,
        floor: float = FLOOR,
        template: str = "a photo of a {label}",
    ) -> None:
        super().__init__(weights, device, dtype, batch_size, revision, floor, template)

    def _settings(self) -> dict[str, Any]:
        return {}

    def _plan(self, labels: Sequence[str]) -> tuple[tuple[str, ...], Tensor]:
        """The phrases and the unit vectors of their sentences, (P, D) float32."""
        import torch

        model, device = self._loaded(), self._place()
        length = int(model.config.text_config.max_position_embeddings)
        rows = [self._tokens(phrase, length) for phrase in labels]
        vectors_of_batches = []
        for start in range(0, len(rows), TEXTS):
            ids = torch.tensor([row for row, _ in rows[start : start + TEXTS]], device=device)
            mask = torch.tensor([row_mask for _, row_mask in rows[start : start + TEXTS]], device=device)
            with torch.inference_mode(), self._precision():
                vectors = model.owlv2.get_text_features(input_ids=ids, attention_mask=mask).pooler_output
            vectors_of_batches.append(torch.nn.functional.normalize(vectors.float(), dim=-1))
        return tuple(labels), torch.cat(vectors_of_batches)

    def _read(
        self, images: Sequence[Image], plan: tuple[tuple[str, ...], Tensor]
    ) -> list[list[PhraseScores]]:
        import torch

        names, vectors = plan
        model, device = self._loaded(), self._place()
        edge = int(model.config.vision_config.image_size)
        pixels = torch.stack([load_pixels(image, edge) for image in images]).to(device)
        with torch.inference_mode(), self._precision():
            patches, _ = model.image_embedder(pixels)
            patches = patches.flatten(1, 2)
            logits, _ = model.class_predictor(patches, vectors.expand(len(images), -1, -1))
            # Not box_predictor: it adds the position of the patch in the half type.
            boxes = (model.box_head(patches).float() + model.box_bias.to(device)).sigmoid()
        scores, boxes = logits.float().sigmoid().cpu(), boxes.cpu()
        frames = [(max(image.size), max(image.size)) for image in images]
        return [[PhraseScores(names, scores[i], boxes[i], frame)] for i, frame in enumerate(frames)]

    def _tokens(self, phrase: str, length: int) -> tuple[list[int], list[int]]:
        """Token ids and mask of a phrase's sentence, filled up to ``length``."""
        tokenizer = self._tokenizer()
        ids = list(tokenizer(self._template.around(phrase))["input_ids"])
        if len(ids) > length:
            raise UsageError(
                f"{self.NAME} cannot look for the label {phrase!r}: its sentence takes {len(ids)} tokens, "
                f"and the network reads {length}; shorten the label or the template"
            )
        if {tokenizer.bos_token_id, tokenizer.eos_token_id} & set(ids[1:-1]):
            raise UsageError(
                f"{self.NAME} cannot look for the label {phrase!r}: it holds a sign that starts or ends "
                "a text; spell it without"
            )
        rest = length - len(ids)
        return ids + [tokenizer.pad_token_id] * rest, [1] * len(ids) + [0] * rest

    def _tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer, loaded once."""
        if self._loaded_tokenizer is None:
            self._loaded_tokenizer = load_tokenizer_with_offsets(self._weights.folder)
        return self._loaded_tokenizer

    def _loaded(self) -> Any:
        """The network, loaded once."""
        if self._model is None:
            load_config(self._weights.folder, ["owlv2"])
            self._model = load_network(
                "Owlv2ForObjectDetection", self._weights.folder, dtype="float32", device=self.device
            )
        return self._model
