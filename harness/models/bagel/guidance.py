"""Classifier-free guidance of velocities, and the times that drawing stops at.

Three velocities take part: v after everything, v_T after everything but the text, v_I after everything but
the input picture. Sources: the settings of the published inference code; norms are taken per picture, where
that code takes one norm over all pictures of a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from selfreward_eval.harness.errors import UsageError

__all__ = ["RENORMALISATIONS", "Guidance", "Velocity", "guided", "times"]

RENORMALISATIONS = ("global", "channel", "text_channel")

TINY = 1e-8
"""Added to the norm that is divided by."""

Velocity = Callable[[], torch.Tensor]
"""Computes a velocity (B, L, C); called only where its guidance scale is above 1."""


@dataclass(frozen=True)
class Guidance:
    """How the velocities are combined.

    Attributes:
        text: scale s_T of the text; 1 is off.
        image: scale s_I of the input picture; 1 is off, and it works only together with ``text``.
        start: guidance is on at times above it ...
        end: ... and up to this one.
        renorm: ``global`` takes one norm a picture, ``channel`` one a token, ``text_channel`` one a token of
            the text guidance alone.
        renorm_min: least factor of the renormalisation; 1 switches it off.

    Raises:
        UsageError: settings that exclude each other, or out of range.
    """

    text: float = 4.0
    image: float = 1.0
    start: float = 0.4
    end: float = 1.0
    renorm: str = "global"
    renorm_min: float = 0.0

    def __post_init__(self) -> None:
        if self.renorm not in RENORMALISATIONS:
            raise UsageError(f"unknown renorm {self.renorm!r}; known: {', '.join(RENORMALISATIONS)}")
        if not 0 <= self.renorm_min <= 1:
            raise UsageError(f"renorm_min must lie between 0 and 1 (1 is off), got {self.renorm_min}")
        if not 0 <= self.start < self.end <= 1:
            raise UsageError(
                f"guidance is on from guidance_start to guidance_end, 0 <= start < end <= 1; got {self.start} "
                f"and {self.end}. For no guidance write guidance=1"
            )
        for name, scale in (("guidance", self.text), ("image_guidance", self.image)):
            if not 1 <= scale < float("inf"):
                raise UsageError(f"{name} must be at least 1 (1 is off), got {scale}")
        if self.image > 1 and self.text == 1:
            raise UsageError(
                f"image_guidance={self.image:g} has no effect without guidance of the text; set guidance above "
                "1, or image_guidance=1"
            )

    def on(self, at: torch.Tensor) -> torch.Tensor:
        """Where guidance is on: bool, of the shape of the times ``at``."""
        return (at > self.start) & (at <= self.end)


def guided(
    setting: Guidance, velocity: torch.Tensor, without_text: Velocity, without_image: Velocity
) -> torch.Tensor:
    """The velocity with both guidances, as at a time where they are on: (B, L, C)."""
    if setting.text <= 1:
        return velocity
    text = without_text()
    pushed = text + setting.text * (velocity - text)
    image = without_image() if setting.image > 1 else None
    whole = (1, 2) if setting.renorm == "global" else (2,)
    if setting.renorm == "text_channel":
        pushed = pushed * _factor(setting, velocity, pushed, whole)
        return pushed if image is None else image + setting.image * (pushed - image)
    if image is not None:
        pushed = image + setting.image * (pushed - image)
    return pushed * _factor(setting, velocity, pushed, whole)


def _factor(
    setting: Guidance, velocity: torch.Tensor, pushed: torch.Tensor, over: tuple[int, ...]
) -> torch.Tensor:
    before = torch.linalg.vector_norm(velocity, dim=over, keepdim=True)
    after = torch.linalg.vector_norm(pushed, dim=over, keepdim=True)
    return (before / (after + TINY)).clamp(setting.renorm_min, 1.0)


def times(points: int, shift: float) -> torch.Tensor:
    """Times from 1 to 0 that drawing stops at: float64 (points,), which make ``points - 1`` steps.

    Raises:
        UsageError: fewer than two points, or a shift that is not above 0.
    """
    if points < 2:
        raise UsageError(f"num_timesteps must be at least 2 (n of them make n - 1 steps), got {points}")
    if not 0 < shift < float("inf"):
        raise UsageError(f"timestep_shift must be above 0, got {shift}")
    even = torch.linspace(1, 0, points, dtype=torch.float64)
    return shift * even / (1 + (shift - 1) * even)
