"""The shipped tiny flow model: ``--model tiny-flow``.

BAGEL's architecture and file format at a few million parameters, trained on the shapes world, so that
everything about flow matching runs without a download.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from selfreward_eval.harness.models.bagel.adapter import BagelModel

WEIGHTS = Path(__file__).parent / "weights" / "tiny-flow"

GUIDANCE = 3.0
TIMES = 12
SHIFT = 1.0
"""Chosen on prompts of the training split; see the model card."""


class TinyFlowModel(BagelModel):
    """The embedded flow-matching model.

    Args:
        device: as for ``bagel``.
        dtype: as for ``bagel``; ``auto`` is float64 on a CPU, which is exact in any batch.
        guidance: scale of the text; 1 is off.
        guidance_start: guidance is on at times above it.
        renorm: of the guided velocity, as for ``bagel``.
        renorm_min: least factor of the renormalisation; 1 switches it off.
        num_timesteps: times that drawing stops at; n of them make n - 1 steps.
        timestep_shift: above 1 spends more steps near the noise.
        name: how the run is called.
    """

    world = "shapes"
    """What it was trained on: rewarders take the questions, regions and instruments of this world."""

    def __init__(
        self,
        device: str = "auto",
        dtype: str = "auto",
        guidance: float = GUIDANCE,
        guidance_start: float = 0.0,
        renorm: str = "global",
        renorm_min: float = 1.0,
        num_timesteps: int = TIMES,
        timestep_shift: float = SHIFT,
        name: str | None = None,
    ) -> None:
        given: dict[str, Any] = {key: value for key, value in locals().items() if key in _OWN}
        super().__init__(str(WEIGHTS), max_new_tokens=64, **given | {"name": name or "tiny-flow"})

    def variant(self, *, weights: str | None = None, **changes: Any) -> BagelModel:
        """As for any BAGEL; of the shipped weights it stays a tiny-flow model."""
        if weights is not None or not {"rows", "filled"}.isdisjoint(changes):
            return super().variant(weights=weights, **changes)
        own = {key: self._arguments[key] for key in _OWN} | {"name": self.name}
        made = TinyFlowModel(**own | {key: value for key, value in changes.items() if value is not None})
        made.max_new_tokens = self.max_new_tokens
        return made

    @classmethod
    def _made(cls, arguments: dict[str, Any]) -> BagelModel:
        """Other weights are no tiny-flow model any more, so that a copy of theirs keeps them."""
        return BagelModel._made(arguments)

    def identity(self) -> dict[str, Any]:
        """As for any BAGEL, with the checkpoint's name in place of a path of this installation."""
        return super().identity() | {"adapter": "tiny-flow", "weights": WEIGHTS.name}

    def unknown_words(self, prompts: Sequence[str]) -> list[str]:
        """Words of ``prompts`` that the vocabulary lacks, each once, in order."""
        tokenizer = self.loaded.tokenizer
        words = dict.fromkeys(word for prompt in prompts for word in prompt.split())
        return [
            word
            for word in words
            if tokenizer.unk_token_id in tokenizer(word, add_special_tokens=False)["input_ids"]
        ]


_OWN = (
    "device",
    "dtype",
    "guidance",
    "guidance_start",
    "renorm",
    "renorm_min",
    "num_timesteps",
    "timestep_shift",
)

__all__ = ["TinyFlowModel"]
