"""An object's colour by CLIP zero-shot classification, with GenEval's crops and prompts.

Source: djghosh13/geneval at af4902f, with clip_benchmark's zero-shot classifier:
per colour, the normalised mean of the normalised embeddings of three sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import CheckpointError, InputError, MissingExtra, UsageError
from harness.instruments.base import Detection
from harness.instruments.crops import GREY, cut_out
from harness.instruments.devices import choose_device
from harness.instruments.weights import file_hash

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

TEMPLATES = (
    "a photo of a {colour} {label}",
    "a photo of a {colour}-colored {label}",
    "a photo of a {colour} object",
)
SCALE = 100.0
"""Logits are cosine similarities times this."""


def best_colour(logits: Sequence[float], colours: Sequence[str]) -> str:
    """The colour with the largest logit; of equal ones the first."""
    return colours[int(np.argmax(np.asarray(logits, dtype=np.float32)))]


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
        self._file: Path | None = None
        self._loaded: tuple[Any, Any, Any] | None = None
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
            CheckpointError: the weights do not load.
        """
        logits = self.logits(image, detections, colours)
        return [best_colour(row, colours) for row in logits]

    def logits(
        self, image: Image, detections: Sequence[Detection], colours: Sequence[str]
    ) -> list[list[float]]:
        """100 x cosine similarity of every detection with every colour; one row per detection."""
        import torch

        model, transform, _ = self._load()
        crops = [transform(self._crop(image, detection)) for detection in detections]
        rows: list[list[float]] = []
        for start in range(0, len(crops), self.batch_size):
            pixels = torch.stack(crops[start : start + self.batch_size]).to(choose_device(self.device))
            with torch.inference_mode(), self._precision():
                seen = torch.nn.functional.normalize(model.encode_image(pixels), dim=-1)
                for offset, features in enumerate(seen):
                    label = detections[start + offset].label
                    rows.append((SCALE * features @ self._colour_vectors(label, colours)).float().tolist())
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
        import torch

        key = (label, tuple(colours))
        if key not in self._sentences:
            model, _, tokenise = self._load()
            vectors = []
            for colour in colours:
                words = tokenise([template.format(colour=colour, label=label) for template in TEMPLATES])
                embedded = model.encode_text(words.to(choose_device(self.device)))
                mean = torch.nn.functional.normalize(embedded, dim=-1).mean(dim=0)
                vectors.append(mean / mean.norm())
            self._sentences[key] = torch.stack(vectors, dim=1)
        return self._sentences[key]

    def _precision(self) -> Any:
        """The context to compute in."""
        import torch

        kind = torch.device(choose_device(self.device)).type
        half = torch.float16 if kind == "cuda" else torch.bfloat16
        return torch.autocast(kind, dtype=half, enabled=self.autocast)

    def _found(self) -> Path:
        """The safetensors file; a tag's is downloaded on first use."""
        if self._file is not None:
            return self._file
        path = Path(self.pretrained).expanduser()
        if not path.is_file():
            path = self._download()
        if path.suffix != ".safetensors":
            raise CheckpointError(
                f"{path} is not a safetensors file, and pickled weights are not loaded; save it again as "
                "safetensors"
            )
        self._file = path
        return path

    def _download(self) -> Path:
        open_clip = _open_clip()
        tag = open_clip.get_pretrained_cfg(self.model, self.pretrained)
        if not tag:
            tags = ", ".join(open_clip.list_pretrained_tags_by_model(self.model)) or "none"
            raise CheckpointError(
                f"{self.pretrained!r} is neither a file nor weights of the open_clip model {self.model!r} "
                f"(known: {tags})"
            )
        try:
            return Path(open_clip.download_pretrained(tag))
        except (OSError, RuntimeError) as error:
            raise CheckpointError(
                f"the weights {self.pretrained!r} of {self.model!r} cannot be downloaded ({error}); connect "
                "once, or give the path of a safetensors file as pretrained"
            ) from error

    def _tag(self) -> dict[str, Any]:
        """What open_clip knows of the tag; empty for a path."""
        if Path(self.pretrained).expanduser().is_file():
            return {}
        return dict(_open_clip().get_pretrained_cfg(self.model, self.pretrained) or {})

    def _activation(self) -> bool:
        """Whether the network uses QuickGELU. open_clip itself only warns where a tag needs it."""
        if self.quick_gelu is not None:
            return self.quick_gelu
        config = _open_clip().get_model_config(self.model) or {}
        return bool(self._tag().get("quick_gelu", config.get("quick_gelu", False)))

    def _load(self) -> tuple[Any, Any, Any]:
        """Network, picture transform and tokeniser, loaded once."""
        if self._loaded is not None:
            return self._loaded
        from safetensors import SafetensorError

        open_clip = _open_clip()
        tag, path = self._tag(), self._found()
        looks = {key: tag[key] for key in ("mean", "std", "interpolation", "resize_mode") if key in tag}
        try:
            model = open_clip.create_model(
                self.model,
                pretrained=str(path),
                device=choose_device(self.device),
                force_preprocess_cfg=looks,
                quick_gelu=self._activation(),
            )
        except (OSError, KeyError, ValueError, RuntimeError, AssertionError, SafetensorError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise CheckpointError(
                f"{path} does not load as the open_clip model {self.model!r} ({reason})"
            ) from error
        settings = open_clip.transform.PreprocessCfg(**model.visual.preprocess_cfg)
        transform = open_clip.transform.image_transform_v2(settings, is_train=False)
        self._loaded = (model.eval(), transform, open_clip.get_tokenizer(self.model))
        return self._loaded


def _open_clip() -> Any:
    """The package, which is an extra."""
    try:
        import open_clip
    except ModuleNotFoundError as error:
        raise MissingExtra(
            "the instrument 'open_clip_colour' needs open_clip; install selfreward-eval[instruments]"
        ) from error
    return open_clip
