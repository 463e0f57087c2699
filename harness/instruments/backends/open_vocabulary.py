"""What all open-vocabulary detectors share: settings, batches, and scores to detections.

A backend adds how its network reads pictures. It returns :class:`PhraseScores`; here they become
detections, one for every (box, label) pair whose score reaches the floor, so that one box may carry
several labels. Overlapping boxes are not suppressed: which candidates count is the task's decision.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from selfreward_eval.harness.errors import CheckpointError, UsageError
from selfreward_eval.harness.instruments.backends.devices import check_settings, usable_device
from selfreward_eval.harness.instruments.backends.phrases import Template, phrases
from selfreward_eval.harness.instruments.backends.weights import Weights
from selfreward_eval.harness.instruments.base import Detection

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

Plan = TypeVar("Plan")
"""What a network is given for the labels, beside the pictures."""


@dataclass(frozen=True)
class PhraseScores:
    """A network's output for one picture and some phrases.

    Attributes:
        phrases: the P phrases.
        scores: (Q, P) float32 in [0, 1], of every box for every phrase.
        boxes: (Q, 4) float32: centre x, centre y, width, height, as shares of ``frame``.
        frame: width and height in pixels of the picture with its padding, if it has any.
    """

    phrases: tuple[str, ...]
    scores: Tensor
    boxes: Tensor
    frame: tuple[int, int]


def pixel_boxes(boxes: Tensor, frame: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Boxes in pixels of the picture, (Q, 4) float32: x0, y0, x1, y1, far edges exclusive.

    Cut to the picture. Boxes without area stay, as the network gave them.

    Args:
        boxes: (Q, 4) centre x, centre y, width, height, as shares of ``frame``.
        frame: width and height of the picture with its padding on the right and below.
        size: width and height of the picture.
    """
    import torch

    boxes = boxes.float()
    centre, half = boxes[:, :2], boxes[:, 2:] / 2
    scale = boxes.new_tensor([*frame, *frame])
    limit = boxes.new_tensor([*size, *size])
    corners = torch.cat([centre - half, centre + half], dim=1) * scale
    return torch.minimum(corners.clamp(min=0), limit)


def detections(
    reading: PhraseScores, size: tuple[int, int], spellings: Mapping[str, Sequence[str]], floor: float
) -> list[Detection]:
    """The candidates of one picture, by phrase, the surest first; equals in the network's order.

    A candidate whose centre lies in the padding is left out.

    Args:
        reading: of the network.
        size: width and height of the picture.
        spellings: every label that a phrase stands for.
        floor: least score that is kept.
    """
    corners = pixel_boxes(reading.boxes, reading.frame, size)
    centres = reading.boxes[:, :2].float() * reading.boxes.new_tensor(reading.frame).float()
    inside = (centres <= centres.new_tensor(size)).all(dim=1)
    candidates = []
    for column, phrase in enumerate(reading.phrases):
        scores = reading.scores[:, column].float()
        order = scores.argsort(descending=True, stable=True)
        kept = order[(inside & (scores >= floor))[order]]
        scored_boxes = list(zip(corners[kept].tolist(), scores[kept].tolist(), strict=True))
        for label in spellings[phrase]:
            candidates += [
                Detection(label, (x0, y0, x1, y1), score) for (x0, y0, x1, y1), score in scored_boxes
            ]
    return candidates


class OpenVocabularyDetector(ABC, Generic[Plan]):
    """A detector that takes any labels; see its subclasses.

    Args:
        weights: folder or hub name of the network and its tokenizer, in safetensors.
        device: where to compute; a GPU if there is one.
        dtype: of matrix products. Weights, positions and boxes stay float32, because half types
            cannot tell neighbouring pixels apart.
        batch_size: pictures of the same size computed together.
        revision: of the hub repository.
        floor: least score of a candidate that is returned.
        template: text that the network reads for a label, with ``{label}`` in it.

    Nothing is loaded before the first :meth:`identity` or :meth:`detect`.
    """

    NAME: ClassVar[str]

    def __init__(
        self,
        weights: str,
        device: str | None,
        dtype: str,
        batch_size: int,
        revision: str | None,
        floor: float,
        template: str,
    ) -> None:
        check_settings(self.NAME, dtype, batch_size)
        if not 0 <= floor <= 1:
            raise UsageError(f"{self.NAME} needs a floor between 0 and 1, got {floor}")
        self.weights, self.revision = weights, revision
        self.device, self.dtype, self.batch_size = device, dtype, batch_size
        self.floor, self.template = float(floor), template
        self._template = Template.parse(template, self.NAME)
        self._weights = Weights(weights, revision, reads_text=True)
        self._identity: dict[str, Any] | None = None

    def identity(self) -> dict[str, Any]:
        """What a reading depends on. Weights and tokenizer are known by content, not by name.

        Raises:
            CheckpointError: the weights cannot be had.
        """
        if self._identity is None:
            self._identity = {
                "name": self.NAME,
                "weights": self._weights.shown,
                "revision": self.revision,
                "sha256": self._weights.sha256,
                "dtype": self.dtype,
                "floor": self.floor,
                "template": self.template,
                **self._settings(),
            }
        return dict(self._identity)

    def detect(self, images: Sequence[Image], labels: Sequence[str]) -> list[list[Detection]]:
        """Every candidate of every picture whose score for a label reaches the floor.

        Ordered by label, the surest first. Labels that differ in case or spacing alone share their
        candidates; the same label twice counts once.

        Raises:
            UsageError: a label that the network cannot read, or a device that is not here.
            CheckpointError: the weights do not load, or give scores that are no numbers.
        """
        candidates: list[list[Detection]] = [[] for _ in images]
        spellings = phrases(labels, self.NAME)
        if not images or not spellings:
            return candidates
        plan = self._plan(list(spellings))
        for batch in self._batches(images):
            for i, readings in zip(batch, self._read([images[i] for i in batch], plan), strict=True):
                for reading in readings:
                    self._check(reading)
                    candidates[i] += detections(reading, images[i].size, spellings, self.floor)
        return candidates

    @abstractmethod
    def _settings(self) -> dict[str, Any]:
        """Further settings that can change a reading."""

    @abstractmethod
    def _plan(self, labels: Sequence[str]) -> Plan:
        """The network's text input for these phrases; the same for every picture."""

    @abstractmethod
    def _read(self, images: Sequence[Image], plan: Plan) -> list[list[PhraseScores]]:
        """The readings of every picture; all pictures are of one size."""

    def _batches(self, images: Sequence[Image]) -> Iterator[list[int]]:
        """Indices of pictures of the same size, at most ``batch_size`` together: no padding between them."""
        sizes: dict[tuple[int, int], list[int]] = {}
        for i, image in enumerate(images):
            sizes.setdefault(image.size, []).append(i)
        for same in sizes.values():
            for start in range(0, len(same), self.batch_size):
                yield same[start : start + self.batch_size]

    def _check(self, reading: PhraseScores) -> None:
        """Refuses a reading that is NaN or infinite."""
        import torch

        if not (torch.isfinite(reading.scores).all() and torch.isfinite(reading.boxes).all()):
            raise CheckpointError(
                f"the {self.NAME} of {self.weights} gives scores or boxes that are no numbers in "
                f"{self.dtype}; compute in float32, or name other weights"
            )

    def _place(self) -> str:
        """The device to compute on."""
        return usable_device(self.NAME, self.device)

    def _precision(self) -> AbstractContextManager[Any]:
        """The context to compute in: matrix products in ``dtype``, all else as the network keeps it."""
        import torch

        kind = torch.device(self._place()).type
        half = torch.bfloat16 if self.dtype == "float32" else getattr(torch, self.dtype)
        return torch.autocast(kind, dtype=half, enabled=self.dtype != "float32")
