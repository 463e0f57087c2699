"""Settings that change a picture or an answer, with a preset for each published source of them.

The published tables and scripts differ in their settings, so each is a part of a run's identity. A preset
gives all of them; an argument that is given replaces the preset's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError, did_you_mean
from selfreward_eval.harness.models.bagel.config import Resizing

if TYPE_CHECKING:
    import torch

__all__ = [
    "ANSWER_RESIZING",
    "PRESETS",
    "RENORMALISATIONS",
    "DrawingSettings",
    "Guidance",
    "answer_limits",
    "parse_size",
    "preset_with",
]

THINK_BEFORE_DRAWING = (
    "Before the picture is made, write down how you plan it, between <think> and </think>. "
    "Then make the picture."
)
"""In our words: what the published sentence asks for. For published numbers give theirs."""

THINK_BEFORE_ANSWERING = (
    "Before you answer, write down your reasoning, between <think> and </think>. Then give the answer."
)

ANSWER_RESIZING = ("inferencer", "chat", "vlm")
"""How a picture is resized before it is looked at: first as for the autoencoder and then for the tower; for
the tower alone; the same with the larger limits of the published understanding benchmarks."""

VLM_LIMITS = {"min_side": 378, "max_pixels": 2_007_040}


RENORMALISATIONS = ("global", "channel", "text_channel")


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
                f"guidance is on from guidance_start={self.start} to guidance_end={self.end}, which is no "
                "span of times in [0, 1]; write 0 <= guidance_start < guidance_end <= 1 (guidance=1 for none)"
            )
        for name, scale in (("guidance", self.text), ("image_guidance", self.image)):
            if not 1 <= scale < float("inf"):
                raise UsageError(f"{name} must be at least 1 (1 is off), got {scale}")
        if self.image > 1 and self.text == 1:
            raise UsageError(
                f"image_guidance={self.image:g} has no effect without guidance of the text; set guidance "
                "above 1, or image_guidance=1"
            )

    def on(self, at: torch.Tensor) -> torch.Tensor:
        """Where guidance is on: bool, of the shape of the times ``at``."""
        return (at > self.start) & (at <= self.end)


@dataclass(frozen=True)
class DrawingSettings:
    """How a picture is drawn.

    Attributes:
        guidance: scales, span of times and renormalisation.
        num_timesteps: times that drawing stops at; n of them make n - 1 steps.
        timestep_shift: above 1 spends more of the steps near the noise.
        crop_borders: whether black rows and columns at a picture's edges are cut off.
        think: whether a plan is written first.
        max_think_tokens: its length at most, in tokens.
        think_prompt: what asks for it.
    """

    guidance: Guidance = field(default_factory=Guidance)
    num_timesteps: int = 50
    timestep_shift: float = 3.0
    crop_borders: bool = False
    think: bool = False
    max_think_tokens: int = 1000
    think_prompt: str = THINK_BEFORE_DRAWING

    def to_json(self) -> dict[str, Any]:
        """JSON values for an identity; what only thinking uses is left out without it."""
        guidance = self.guidance
        found: dict[str, Any] = {
            "guidance": guidance.text,
            "image_guidance": guidance.image,
            "guidance_start": guidance.start,
            "guidance_end": guidance.end,
            "renorm": guidance.renorm,
            "renorm_min": guidance.renorm_min,
            "renorm_over": "picture",
            "num_timesteps": self.num_timesteps,
            "timestep_shift": self.timestep_shift,
            "crop_borders": self.crop_borders,
            "think": self.think,
        }
        if self.think:
            found |= {"max_think_tokens": self.max_think_tokens, "think_prompt": self.think_prompt}
        return found


PRESETS: Mapping[str, DrawingSettings] = {
    "inferencer": DrawingSettings(),
    "geneval": DrawingSettings(Guidance(start=0.0), crop_borders=True),
    "editing": DrawingSettings(Guidance(image=2.0, start=0.0, renorm="text_channel")),
}
"""Text to picture in BAGEL's notebook; its GenEval script; editing in its notebook."""

_GUIDANCE = {
    "guidance": "text",
    "image_guidance": "image",
    "guidance_start": "start",
    "guidance_end": "end",
    "renorm": "renorm",
    "renorm_min": "renorm_min",
}


def preset_with(preset: str, given: Mapping[str, Any]) -> DrawingSettings:
    """The settings of ``preset`` with those of ``given`` that are not None.

    Raises:
        UsageError: an unknown preset, settings out of range, or settings that exclude each other.
    """
    if preset not in PRESETS:
        raise UsageError(f"unknown preset {preset!r}; {did_you_mean(preset, PRESETS)}")
    chosen = PRESETS[preset]
    scales = {_GUIDANCE[name]: value for name, value in given.items() if name in _GUIDANCE}
    rest = {name: value for name, value in given.items() if name not in _GUIDANCE}
    found = _changed(chosen, rest)
    found = replace(found, guidance=_changed(chosen.guidance, scales))
    if found.num_timesteps < 2:
        raise UsageError(
            f"num_timesteps must be at least 2 (n of them make n - 1 steps), got {found.num_timesteps}"
        )
    if not 0 < found.timestep_shift < float("inf"):
        raise UsageError(f"timestep_shift must be above 0, got {found.timestep_shift}")
    if found.max_think_tokens < 1:
        raise UsageError(f"max_think_tokens must be at least 1, got {found.max_think_tokens}")
    return found


def parse_size(size: int | str | None) -> tuple[int, int] | None:
    """(height, width) of ``1024`` or ``"768x1024"`` (height x width); None stays.

    Raises:
        UsageError: it is neither.
    """
    if size is None:
        return None
    parts = str(size).lower().split("x")
    if len(parts) > 2 or not all(part.strip().isdecimal() and len(part) < 9 for part in parts):
        raise UsageError(
            f"size must be pixels, such as size=1024 or size=768x1024 (height x width), got {size!r}"
        )
    height, width = int(parts[0]), int(parts[-1])
    return height, width


def answer_limits(resizing: str, published: Resizing) -> Resizing:
    """The tower's limits for a way of resizing, one of :data:`ANSWER_RESIZING`."""
    return replace(published, **VLM_LIMITS) if resizing == "vlm" else published


def _changed(settings: Any, given: Mapping[str, Any]) -> Any:
    """``settings`` with what is given, each in the type that it has there."""
    changes = {}
    for entry in fields(settings):
        value = given.get(entry.name)
        if value is None:
            continue
        old = getattr(settings, entry.name)
        if isinstance(old, bool) != isinstance(value, bool) or isinstance(old, str) != isinstance(value, str):
            raise UsageError(f"{entry.name} takes {type(old).__name__}, got {value!r}")
        if isinstance(old, int) and not isinstance(old, bool) and value != int(value):
            raise UsageError(f"{entry.name} must be a whole number, got {value!r}")
        changes[entry.name] = type(old)(value)
    return replace(settings, **changes)
