"""An object's colour by CLIP zero-shot classification, with GenEval's crops and prompts.

Source: djghosh13/geneval at af4902f, with clip_benchmark's zero-shot classifier:
per colour, the normalised mean of the normalised embeddings of three sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import CheckpointError, InputError, UsageError
from selfreward_eval.harness.instruments.backends.crops import GREY, cut_out
from selfreward_eval.harness.instruments.backends.devices import choose_device
from selfreward_eval.harness.instruments.backends.open_clip_loading import Clip, ClipSource
from selfreward_eval.harness.instruments.backends.weights import file_hash
from selfreward_eval.harness.instruments.backends.zero_shot import SCALE, best, class_vectors
from selfreward_eval.harness.instruments.base import Detection

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

TEMPLATES = (
    "a photo of a {colour} {label}",
    "a photo of a {colour}-colored {label}",
    "a photo of a {colour} object",
)


def best_colour(logits: Sequence[float], colours: Sequence[str]) -> str:
    """The colour with the largest logit; of equal ones the first."""
    return best(logits, colours)


class OpenClipColourClassifier:
    """Names an object's colour.

    Args:
        model: architecture, as open_clip names it.
        pretrained: a tag of that architecture, or the path of a safetensors file.
        device: where to compute; a GPU if there is one.
        batch_size: crops computed together.
        autocast: half precision where it is safe, as upstream on its GPU; full precision otherwise.
        quick_gelu: OpenAI's activation. By default what the tag was trained with; for a path, what
            the architecture's configuration says (``ViT-L-14-quickgelu`` has it).
        background: what surrounds the object.

    Nothing is loaded before the first :meth:`identity` or :meth:`classify`.
    """

    def __init__(
        self,
        model: str = "ViT-L-14",
        pretrained: str = "openai",
        device: str | None = None,
        batch_size: int = 16,
        autocast: bool = False,
        quick_gelu: bool | None = None,
        background: str = GREY,
    ) -> None:
        if batch_size < 1:
            raise UsageError(f"open_clip_colour needs a batch_size of at least 1, got {batch_size}")
        self.model, self.pretrained, self.device = model, pretrained, device
        self.batch_size, self.autocast = batch_size, autocast
        self.quick_gelu, self.background = quick_gelu, background
        self._source = ClipSource("open_clip_colour", model, pretrained)
        self._file: Path | None = None
        self._clip: Clip | None = None
        self._sentences: dict[tuple[str, tuple[str, ...]], Any] = {}
        self._identity: dict[str, Any] | None = None

    def identity(self) -> dict[str, Any]:
        """What a reading depends on. Weights are known by their content, not by their name.

        Raises:
            CheckpointError: the weights cannot be had.
        """
        if self._identity is None:
            self._identity = {
                "name": "open_clip_colour",
                "model": self.model,
                "pretrained": Path(self.pretrained).name,
                "sha256": file_hash(self._found()),
                "quick_gelu": self._activation(),
                "autocast": self.autocast,
                "background": self.background,
                "templates": list(TEMPLATES),
            }
        return dict(self._identity)

    def classify(self, image: Image, detections: Sequence[Detection], colours: Sequence[str]) -> list[str]:
        """The colour of every detection in ``image``, an RGB picture.

        Raises:
            InputError: a detection has no pixel.
            CheckpointError: the weights do not load, or compute no number.
        """
        logits = self.logits(image, detections, colours)
        return [best_colour(row, colours) for row in logits]

    def logits(
        self, image: Image, detections: Sequence[Detection], colours: Sequence[str]
    ) -> list[list[float]]:
        """100 x cosine similarity of every detection with every colour; one row per detection."""
        import torch

        clip = self._load()
        crops = [clip.transform(self._crop(image, detection)) for detection in detections]
        rows: list[list[float]] = []
        for start in range(0, len(crops), self.batch_size):
            pixels = torch.stack(crops[start : start + self.batch_size]).to(choose_device(self.device))
            with torch.inference_mode(), self._precision():
                embeddings = torch.nn.functional.normalize(clip.network.encode_image(pixels), dim=-1)
                for offset, features in enumerate(embeddings):
                    label = detections[start + offset].label
                    rows.append((SCALE * features @ self._colour_vectors(label, colours)).float().tolist())
        if not all(isfinite(logit) for row in rows for logit in row):
            raise CheckpointError(
                "open_clip_colour computes no number; its weights overflow or are damaged, so use "
                "autocast=false or other weights"
            )
        return rows

    def _crop(self, image: Image, detection: Detection) -> Image:
        crop = cut_out(image, detection.box, detection.mask, background=self.background)
        if 0 in crop.size:
            raise InputError(
                f"the box {list(detection.box)} of {detection.label!r} has no pixel, so its colour cannot "
                "be read"
            )
        return crop

    def _colour_vectors(self, label: str, colours: Sequence[str]) -> torch.Tensor:
        """One unit vector per colour of ``label``, as columns: (width, len(colours)); computed once."""
        key = (label, tuple(colours))
        if key not in self._sentences:
            sentences = [
                [text.format(colour=colour, label=label) for text in TEMPLATES] for colour in colours
            ]
            self._sentences[key] = class_vectors(self._load(), sentences, choose_device(self.device))
        return self._sentences[key]

    def _precision(self) -> AbstractContextManager[Any]:
        """The context to compute in."""
        import torch

        kind = torch.device(choose_device(self.device)).type
        half = torch.float16 if kind == "cuda" else torch.bfloat16
        return torch.autocast(kind, dtype=half, enabled=self.autocast)

    def _found(self) -> Path:
        """The safetensors file; a tag's is downloaded on first use."""
        if self._file is None:
            self._file = self._source.file
        return self._file

    def _activation(self) -> bool:
        """Whether the network uses QuickGELU."""
        return self._source.quick_gelu() if self.quick_gelu is None else self.quick_gelu

    def _load(self) -> Clip:
        """The network, loaded once."""
        if self._clip is None:
            self._clip = self._source.load(self._found(), device=self.device, quick_gelu=self._activation())
        return self._clip
