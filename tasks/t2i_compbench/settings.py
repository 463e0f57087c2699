"""Settings that affect a score besides prompt and picture: the protocol and the detector's settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.tasks.t2i_compbench.boxes import SCORE_THRESHOLD
from selfreward_eval.tasks.t2i_compbench.numeracy import NOUNS

Protocol = Literal["official", "fixed"]

THRESHOLDS = {"grounding_dino": 0.35, "groundingdino_py": 0.35, "owlv2": 0.1}
"""Detector -> the score that a candidate must exceed: values in common use, not tuned here.

Scores of different detectors are not comparable. Upstream's 0.1 is for UniDet; others default to it."""

METRIC = "score"

ROLES: dict[str, tuple[str, ...]] = {
    "color": ("vqa",),
    "shape": ("vqa",),
    "texture": ("vqa",),
    "spatial": ("detector",),
    "3d_spatial": ("detector", "depth"),
    "numeracy": ("detector",),
    "non_spatial": ("similarity",),
    "complex": ("vqa", "detector", "similarity"),
}
"""Category -> the instruments that measure it."""


@dataclass(frozen=True)
class Settings:
    """How pictures are measured.

    Attributes:
        protocol: ``official``, including its bugs, or ``fixed``.
        threshold: detections count if their score exceeds it.
        labels: the vocabulary of a closed-vocabulary detector; None for an open-vocabulary one,
            whose labels are each prompt's own nouns.
        nouns: (singular, plural) of what numeracy counts.
        resized: whether the detector is shown pictures resized to the 479/480-pixel frame, as
            upstream. If not, it sees the picture itself and its boxes are scaled into the frame.
    """

    protocol: Protocol = "official"
    threshold: float = SCORE_THRESHOLD
    labels: tuple[str, ...] | None = None
    nouns: Sequence[tuple[str, str]] = NOUNS
    resized: bool = True

    def __post_init__(self) -> None:
        if self.protocol not in get_args(Protocol):
            known = " or ".join(get_args(Protocol))
            raise UsageError(f"t2i_compbench has no protocol {self.protocol!r}; choose {known}")
        if not 0 <= self.threshold < 1:
            raise UsageError(f"a detection threshold lies in [0, 1), got {self.threshold}")
        if self.labels is not None and not self.labels:
            raise UsageError(
                "the detector's label space is empty; name its labels, or none for open vocabulary"
            )


def roles(categories: Sequence[str]) -> tuple[str, ...]:
    """The instruments that any of ``categories`` needs, in a fixed order."""
    needed = {role for category in categories for role in ROLES[category]}
    return tuple(role for role in ("detector", "depth", "vqa", "similarity") if role in needed)
