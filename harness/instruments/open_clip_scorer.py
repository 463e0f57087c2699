"""How well a text fits a picture, by any CLIP that open_clip has.

Source: Karine-Huang/T2I-CompBench at 1b70949, CLIPScore_eval: OpenAI's ViT-B/32, the
plain cosine, and an error for texts that are too long. Upstream computes in half
precision on a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import CheckpointError, InputError, UsageError
from selfreward_eval.harness.instruments.backends.batching import (
    batches,
    check_pairs,
    check_pictures,
    distinct_pictures,
    distinct_texts,
)
from selfreward_eval.harness.instruments.backends.devices import check_settings, choose_device
from selfreward_eval.harness.instruments.backends.open_clip_loading import (
    Clip,
    ClipSource,
    check_control,
    check_length,
)
from selfreward_eval.harness.instruments.backends.zero_shot import SCALE, best, class_vectors

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

MODEL, TAG = "ViT-B-32", "openai"
TEMPLATES = ("a photo of a {}.",)


class OpenClipScorer:
    """Cosine similarity of picture and text, and classes named without training.

    Args:
        model: architecture of open_clip, folder in its layout, or ``hf-hub:owner/name``.
        pretrained: tag of the architecture (``openai`` unless given) or path of a safetensors file.
        device: where to compute; a GPU if there is one.
        dtype: of weights and activations.
        batch_size: pictures, and texts, computed together.
        quick_gelu: OpenAI's activation. By default what the weights were trained with.
        truncate: cut texts that are longer than the network's context instead of refusing them.
        revision: of the hub repository.

    Nothing is loaded before the first :meth:`identity` or picture.
    """

    def __init__(
        self,
        model: str = MODEL,
        pretrained: str | None = None,
        device: str | None = None,
        dtype: str = "float32",
        batch_size: int = 32,
        quick_gelu: bool | None = None,
        truncate: bool = False,
        revision: str | None = None,
    ) -> None:
        check_settings("open_clip", dtype, batch_size)
        self.model, self.pretrained, self.revision = model, pretrained, revision
        self.device, self.dtype, self.batch_size = device, dtype, batch_size
        self.quick_gelu, self.truncate = quick_gelu, truncate
        self._source: ClipSource | None = None
        self._clip: Clip | None = None
        self._identity: dict[str, Any] | None = None

    def identity(self) -> dict[str, Any]:
        """What a reading depends on. Weights are known by their content, not by their name.

        Raises:
            CheckpointError: the weights cannot be had.
            UsageError: a tag beside a folder.
            MissingExtra: open_clip is not installed.
        """
        if self._identity is None:
            source = self._found()
            self._identity = {
                "name": "open_clip",
                "model": source.shown,
                "pretrained": source.shown_weights,
                "revision": self.revision,
                "sha256": source.sha256(),
                "quick_gelu": self._activation(),
                "dtype": self.dtype,
                "truncate": self.truncate,
            }
        return dict(self._identity)

    def similarities(self, images: Sequence[Image], texts: Sequence[str]) -> list[float]:
        """The embeddings' cosine in [-1, 1] for every (picture, text), aligned; neither scaled nor clamped.

        A picture or text that comes several times is computed once.

        Raises:
            UsageError: not as many texts as pictures.
            InputError: a picture has no pixel, a text spells a control token, or it is too long and
                ``truncate`` is off.
            CheckpointError: the weights do not load, or compute no number.
        """
        check_pairs("open_clip", images, texts)
        if not texts:
            return []
        pictures, picture_of = distinct_pictures(images)
        sentences, sentence_of = distinct_texts(texts)
        self._check_texts(sentences)
        image_vectors, text_vectors = self._see(pictures), self._read(sentences)
        cosines = (image_vectors[picture_of] * text_vectors[sentence_of]).sum(dim=-1)
        self._check_numbers(cosines)
        # Rounding may carry a cosine of 1 beyond it.
        return cosines.clamp(-1, 1).tolist()

    def classify(
        self, images: Sequence[Image], classes: Sequence[str], templates: Sequence[str] = TEMPLATES
    ) -> list[str]:
        """The class of every picture; of equally probable ones the first.

        Raises:
            As :meth:`class_logits`.
        """
        return [best(row, classes) for row in self.class_logits(images, classes, templates)]

    def class_logits(
        self, images: Sequence[Image], classes: Sequence[str], templates: Sequence[str] = TEMPLATES
    ) -> list[list[float]]:
        """100 x cosine similarity of every picture with every class; one row per picture.

        Args:
            images: of any size.
            classes: names, at least one.
            templates: sentences with ``{}`` where the name goes, at least one. Upstream of zero-shot
                classification averages over them.

        Raises:
            UsageError: no class, no template, or a template without ``{}``.
            InputError: a picture has no pixel, or a sentence is too long and ``truncate`` is off.
            CheckpointError: the weights do not load, or compute no number.
        """
        import torch

        check_pictures("open_clip", images)
        if not classes or not templates or not all("{}" in template for template in templates):
            raise UsageError(
                "open_clip needs at least one class, and templates that have {} in them for its name, such "
                f"as {TEMPLATES[0]!r}; got {len(classes)} classes and {list(templates)}"
            )
        if not images:
            return []
        sentences = [[template.replace("{}", name) for template in templates] for name in classes]
        self._check_texts([text for texts in sentences for text in texts])
        with torch.inference_mode():
            vectors = class_vectors(self._load(), sentences, choose_device(self.device)).float()
        pictures, picture_of = distinct_pictures(images)
        logits = (SCALE * self._see(pictures) @ vectors)[picture_of]
        self._check_numbers(logits)
        return logits.tolist()

    def fits(self, texts: Sequence[str]) -> list[bool]:
        """Whether each text is short enough not to be cut."""
        return check_length(self._load(), texts)

    def _see(self, images: Sequence[Image]) -> torch.Tensor:
        """Unit vectors of pictures: float32 (N, width)."""
        import torch

        clip, device = self._load(), choose_device(self.device)
        rows = []
        for batch in batches(images, self.batch_size):
            pixels = torch.stack([clip.transform(image.convert("RGB")) for image in batch])
            with torch.inference_mode():
                embeddings = clip.network.encode_image(pixels.to(device, getattr(torch, self.dtype)))
            rows.append(torch.nn.functional.normalize(embeddings.float(), dim=-1))
        return torch.cat(rows)

    def _read(self, texts: Sequence[str]) -> torch.Tensor:
        """Unit vectors of texts: float32 (N, width)."""
        import torch

        clip, device = self._load(), choose_device(self.device)
        rows = []
        for batch in batches(texts, self.batch_size):
            with torch.inference_mode():
                embeddings = clip.network.encode_text(clip.tokenise(list(batch)).to(device))
            rows.append(torch.nn.functional.normalize(embeddings.float(), dim=-1))
        return torch.cat(rows)

    def _check_texts(self, texts: Sequence[str]) -> None:
        check_control(self._load(), texts, "open_clip: the text")
        if self.truncate:
            return
        for text, fits in zip(texts, self.fits(texts), strict=True):
            if not fits:
                raise InputError(
                    f"open_clip: {text!r} is longer than the {self._load().context} tokens that {self.model} "
                    "reads; shorten it, or write truncate=true to have its end cut off"
                )

    def _check_numbers(self, values: torch.Tensor) -> None:
        if not bool(values.isfinite().all()):
            raise CheckpointError(
                f"open_clip computes no number in {self.dtype}; its weights overflow or are damaged, so use "
                "dtype=float32 or other weights"
            )

    def _found(self) -> ClipSource:
        """Where the network is."""
        if self._source is None:
            source = ClipSource("open_clip", self.model, self.pretrained, self.revision)
            if self.pretrained is None and source.folder is None:
                source = ClipSource("open_clip", self.model, TAG, self.revision)
            self._source = source
        return self._source

    def _activation(self) -> bool:
        return self._found().quick_gelu() if self.quick_gelu is None else self.quick_gelu

    def _load(self) -> Clip:
        """The network, loaded once."""
        if self._clip is None:
            source = self._found()
            self._clip = source.load(
                source.file,
                device=self.device,
                quick_gelu=self._activation(),
                dtype=self.dtype,
            )
        return self._clip
