"""Which parts of a picture are scored: pluggable proposals.

The released code takes SAM's masks, whatever they show; a detector that is asked for the prompt's
objects, or the shapes world's oracle, does as well. Either way boxes come in whole pixels, the largest
first, and only the first few are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.instruments.base import Detector

if TYPE_CHECKING:
    from PIL.Image import Image

    from selfreward_eval.rewarders.base import RewardSample

THRESHOLD = 0.3
"""Least score of a detection that becomes a region."""

PLACE_WORDS = frozenset(
    {"front", "back", "top", "bottom", "side", "left", "right", "middle", "center", "background"}
)
"""Noun phrases that name no object."""


@dataclass(frozen=True)
class Proposal:
    """A part of a picture that may be scored.

    Attributes:
        box: x0, y0, x1, y1 in whole pixels, far edges exclusive, not empty.
        area: pixels of the mask, or of the box where there is none.
        label: the object that the proposer names; empty if it names none.
        score: the proposer's confidence in [0, 1]; None if it gives none.
    """

    box: tuple[int, int, int, int]
    area: int
    label: str = ""
    score: float | None = None


@runtime_checkable
class Proposer(Protocol):
    """Proposes regions."""

    def identity(self) -> dict[str, Any]:
        """Name, revision and every setting that can change a proposal; JSON values."""
        ...

    def propose(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[list[Proposal]]:
        """Every sample's regions, the largest first."""
        ...


class DetectorRegions:
    """The objects that a detector finds.

    Args:
        detector: the instrument.
        labels: what it looks for; None takes the classes in the item's metadata (GenEval's clauses),
            else the prompt's noun phrases without their articles.
        threshold: least score.
    """

    def __init__(
        self, detector: Detector, labels: Sequence[str] | None = None, threshold: float = THRESHOLD
    ) -> None:
        if isinstance(labels, str):
            raise UsageError(f"labels are a list of names, got the text {labels!r}")
        self.detector, self.threshold = detector, float(threshold)
        self.labels = None if labels is None else tuple(labels)

    def identity(self) -> dict[str, Any]:
        return {
            "name": "detector",
            "detector": self.detector.identity(),
            "labels": None if self.labels is None else list(self.labels),
            "threshold": self.threshold,
        }

    def propose(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[list[Proposal]]:
        """Every sample's objects. Samples with the same labels are detected together.

        Raises:
            InputError: a prompt names no object.
        """
        by_labels: dict[tuple[str, ...], list[int]] = {}
        for k, (prompt, sample) in enumerate(zip(prompts, samples, strict=True)):
            labels = object_labels(prompt, sample.metadata) if self.labels is None else self.labels
            by_labels.setdefault(labels, []).append(k)
        proposals: dict[int, list[Proposal]] = {}
        for labels, numbers in by_labels.items():
            detected = self.detector.detect([samples[k].image for k in numbers], labels)
            for k, detections in zip(numbers, detected, strict=True):
                kept = [detection for detection in detections if detection.score >= self.threshold]
                proposals[k] = largest_first(
                    proposal
                    for detection in kept
                    for proposal in whole_pixels(
                        detection.box,
                        samples[k].image,
                        area=None if detection.mask is None else int(detection.mask.sum()),
                        label=detection.label,
                        score=float(detection.score),
                    )
                )
        return [proposals[k] for k in range(len(samples))]


def object_labels(prompt: str, metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """The labels of the objects that a prompt names, each once.

    >>> object_labels("two red cups on a tray", {})
    ('red cups', 'tray')

    Raises:
        InputError: it names none.
    """
    classes = [str(clause["class"]) for clause in metadata.get("include") or () if "class" in clause]
    if not classes:
        from selfreward_eval.tasks.t2i_compbench.facts import read

        chunks = metadata.get("chunks") or read(prompt, "color").chunks
        classes = [label for label in (_bare(str(chunk)) for chunk in chunks) if label not in PLACE_WORDS]
    labels = tuple(filter(None, dict.fromkeys(classes)))
    if not labels:
        raise InputError(f"the prompt {prompt!r} names no object to look for; choose regions=sam")
    return labels


def whole_pixels(
    box: Sequence[float],
    image: Image,
    *,
    area: int | None = None,
    label: str = "",
    score: float | None = None,
) -> Iterator[Proposal]:
    """A box rounded to whole pixels within the picture; nothing where no pixel is left."""
    x0, x1 = (min(max(0, round(edge)), image.width) for edge in (box[0], box[2]))
    y0, y1 = (min(max(0, round(edge)), image.height) for edge in (box[1], box[3]))
    if x0 < x1 and y0 < y1:
        yield Proposal((x0, y0, x1, y1), (x1 - x0) * (y1 - y0) if area is None else area, label, score)


def largest_first(proposals: Iterator[Proposal]) -> list[Proposal]:
    """By area, the largest first; of equal ones in order of their boxes."""
    return sorted(proposals, key=lambda proposal: (-proposal.area, proposal.box))


def _bare(phrase: str) -> str:
    """A noun phrase without its article or number."""
    from selfreward_eval.rewarders.questions.english import NUMBERS

    words = phrase.lower().split()
    while words and words[0] in ("a", "an", "the", "some", "several", *NUMBERS):
        words = words[1:]
    return " ".join(words)
