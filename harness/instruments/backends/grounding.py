"""Grounding DINO, whichever package computes it: what goes in and how scores come out.

A caption holds all labels, "dog. red frog.". For each of its boxes the network gives a logit per
token. The score of a label is the sigmoid of the largest logit among the label's own tokens. (The
official demo takes the largest over all tokens and makes up a phrase of those above a second
threshold; a task asks for its labels, so there is nothing to make up.)

Labels of one caption see the same boxes and, through the picture, each other: a label's score
depends on the labels asked for beside it. ``labels_per_pass`` = 1 asks for each alone.

Source: Liu et al. 2023, arXiv 2303.05499; IDEA-Research/GroundingDINO, ``util/inference.py`` and
``datasets/transforms.py``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import CheckpointError, UsageError
from selfreward_eval.harness.instruments.backends.captions import Caption, TextRules, captions
from selfreward_eval.harness.instruments.backends.networks import load_config
from selfreward_eval.harness.instruments.backends.open_vocabulary import OpenVocabularyDetector, PhraseScores
from selfreward_eval.harness.instruments.backends.processors import load_tokenizer_with_offsets

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor
    from transformers import PreTrainedConfig, PreTrainedTokenizerBase

MODEL_TYPE = "grounding-dino"
"""The architecture, as transformers calls it."""

FLOOR = 0.05
"""Least score returned. Tasks ask for 0.2 and more; below this lie hundreds of boxes of nothing."""

SHORT_EDGE, LONG_EDGE = 800, 1333
"""Official test resize: the short edge becomes 800, unless the long one exceeds 1333."""

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, of pixels in [0, 1]."""

SIGNS = {"[CLS]": 101, "[SEP]": 102, ".": 1012, "?": 1029}
"""What parts phrases, with its ids in BERT's uncased vocabulary, on which the network was trained."""


def input_size(width: int, height: int) -> tuple[int, int]:
    """Size (width, height) of the picture the network sees, proportions kept; edges round down."""
    short, long = min(width, height), max(width, height)
    edge = SHORT_EDGE
    if long / short * edge > LONG_EDGE:
        edge = max(1, round(LONG_EDGE * short / long))
    other = int(edge * long / short)
    return (edge, other) if width < height else (other, edge)


def load_pixels(image: Image) -> Tensor:
    """The network's input for one picture: float32 (3, h, w).

    Bilinear with antialiasing in 8 bits, as Pillow resizes; then ImageNet's mean and deviation.
    """
    import numpy as np
    import torch
    from PIL.Image import Resampling

    picture = image.convert("RGB")
    size = input_size(*picture.size)
    if picture.size != size:
        picture = picture.resize(size, Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255
    mean, deviation = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(DEVIATION).view(3, 1, 1)
    return (pixels - mean) / deviation


def label_scores(logits: Tensor, caption: Caption) -> Tensor:
    """The score of every box for every phrase of a caption: float32 (..., P) in [0, 1].

    Args:
        logits: (..., T), one per token.
        caption: whose tokens they are.
    """
    import torch

    best = [logits[..., list(span)].amax(dim=-1) for _, span in caption.spans]
    return torch.stack(best, dim=-1).float().sigmoid()


class GroundingDetector(OpenVocabularyDetector[list[Caption]]):
    """Grounding DINO behind either backend; see :class:`OpenVocabularyDetector` for the arguments.

    Args:
        labels_per_pass: most labels of one caption; as many as the text has room for if None.
    """

    def __init__(
        self,
        weights: str = "IDEA-Research/grounding-dino-tiny",
        device: str | None = None,
        dtype: str = "float32",
        batch_size: int = 1,
        revision: str | None = None,
        floor: float = FLOOR,
        template: str = "{label}",
        labels_per_pass: int | None = None,
    ) -> None:
        super().__init__(weights, device, dtype, batch_size, revision, floor, template)
        if labels_per_pass is not None and labels_per_pass < 1:
            raise UsageError(f"{self.NAME} needs labels_per_pass of at least 1, got {labels_per_pass}")
        if any(sign in template for sign in ".?"):
            raise UsageError(
                f"the template {template!r} of {self.NAME} must hold no '.' or '?': they end a label"
            )
        self.labels_per_pass = labels_per_pass
        self._loaded_tokenizer: PreTrainedTokenizerBase | None = None
        self._loaded_config: PreTrainedConfig | None = None

    @abstractmethod
    def _forward(self, pixels: Tensor, caption: Caption) -> tuple[Tensor, Tensor]:
        """Logits (B, Q, T) per token and boxes (B, Q, 4) for pictures of one size and one caption."""

    def _settings(self) -> dict[str, Any]:
        return {"labels_per_pass": self.labels_per_pass, "resize": [SHORT_EDGE, LONG_EDGE]}

    def _plan(self, labels: Sequence[str]) -> list[Caption]:
        tokenizer = self._tokenizer()

        def tokenise(text: str) -> tuple[list[int], list[tuple[int, int]]]:
            encoding = tokenizer(text, return_offsets_mapping=True)
            return list(encoding["input_ids"]), list(encoding["offset_mapping"])

        rules = TextRules(
            instrument=self.NAME,
            tokenise=tokenise,
            limit=int(self._config().max_text_len),
            separators=frozenset(SIGNS.values()),
            unknown=tokenizer.unk_token_id,
            per_caption=self.labels_per_pass,
        )
        return captions(labels, self._template, rules)

    def _read(self, images: Sequence[Image], plan: list[Caption]) -> list[list[PhraseScores]]:
        import torch

        pixels = torch.stack([load_pixels(image) for image in images]).to(self._place())
        scores_of: list[list[PhraseScores]] = [[] for _ in images]
        for caption in plan:
            names = tuple(phrase for phrase, _ in caption.spans)
            with torch.inference_mode():
                logits, boxes = self._forward(pixels, caption)
                scores = label_scores(logits, caption).cpu()
            for i, image in enumerate(images):
                scores_of[i].append(PhraseScores(names, scores[i], boxes[i].float().cpu(), image.size))
        return scores_of

    def _config(self) -> PreTrainedConfig:
        """transformers' configuration of the network, read once."""
        if self._loaded_config is None:
            self._loaded_config = load_config(self._weights.folder, [MODEL_TYPE])
        return self._loaded_config

    def _tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer, loaded once; its signs must be where the network looks for them."""
        if self._loaded_tokenizer is None:
            folder = self._weights.folder
            tokenizer = load_tokenizer_with_offsets(folder)
            ids = tokenizer.convert_tokens_to_ids(list(SIGNS))
            if ids != list(SIGNS.values()):
                raise CheckpointError(
                    f"the tokenizer in {folder} is not BERT's uncased one ({', '.join(SIGNS)} are "
                    f"{ids}, not {list(SIGNS.values())}); name the one that the network was trained with"
                )
            self._loaded_tokenizer = tokenizer
        return self._loaded_tokenizer
