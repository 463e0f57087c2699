"""Classifier-free guidance of velocities, and the times that drawing stops at.

Three velocities take part: v after everything, v_T after everything but the text, v_I after everything but
the input picture. Sources: the settings of the published inference code; norms are taken per picture, where
that code takes one norm over all pictures of a batch.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from selfreward_eval.harness.models.bagel.settings import Guidance

__all__ = ["Velocity", "guided", "times"]

TINY = 1e-8
"""Added to the norm that is divided by."""

Velocity = Callable[[], torch.Tensor]
"""Computes a velocity (B, L, C); called only where its guidance scale is above 1."""


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
    """Times from 1 to 0 that drawing stops at: float64 (points,), which make ``points - 1`` steps."""
    even = torch.linspace(1, 0, points, dtype=torch.float64)
    return shift * even / (1 + (shift - 1) * even)
