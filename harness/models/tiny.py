"""The shipped tiny model: ``--model tiny``, or ``--model tiny --model-args checkpoint=early``.

Checkpoints in the real Janus format, so that everything runs without a download: ``final``, ``early`` of the
same training to compare it with, and ``dsr``, which is ``final`` after 76,800 pictures of dual self-rewards.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.models.janus.adapter import JanusModel

WEIGHTS = Path(__file__).parent / "weights"
CHECKPOINTS = ("final", "early", "dsr")

GUIDANCE = 2.0
"""Chosen on prompts of the training split; see the model card."""


class TinyModel(JanusModel):
    """The embedded unified model.

    Args:
        checkpoint: ``final``, ``early`` or ``dsr``.
        device: as for ``janus``.
        dtype: as for ``janus``; ``auto`` is float64 on a CPU, which is exact in any batch.
        guidance: classifier-free guidance scale when drawing.
        temperature: when drawing.
        top_k: when drawing; 0 for all codes.
        name: how the run is called; ``tiny-<checkpoint>`` by default.
    """

    world = "shapes"
    """What it was trained on: rewarders take the questions, regions and instruments of this world."""

    # It was shown pictures with every question in training; without one it answers at random.
    complete = None  # type: ignore[assignment]
    completion_logprobs = None  # type: ignore[assignment]

    def __init__(
        self,
        checkpoint: str = "final",
        device: str = "auto",
        dtype: str = "auto",
        guidance: float = GUIDANCE,
        temperature: float = 1.0,
        top_k: int = 0,
        name: str | None = None,
    ) -> None:
        if checkpoint not in CHECKPOINTS:
            raise UsageError(
                f"the tiny model has no checkpoint {checkpoint!r}; it has {', '.join(CHECKPOINTS)}"
            )
        super().__init__(
            str(WEIGHTS / f"tiny-{checkpoint}"),
            device=device,
            dtype=dtype,
            guidance=guidance,
            temperature=temperature,
            top_k=top_k,
            max_new_tokens=64,
            name=name or f"tiny-{checkpoint}",
        )

    def variant(self, *, weights: str | None = None, **changes: Any) -> JanusModel:
        """As for any Janus; of the shipped weights it stays a tiny model."""
        if weights is not None or not {"rows", "filled"}.isdisjoint(changes):
            return super().variant(weights=weights, **changes)
        made = TinyModel(
            Path(self.weights).name.removeprefix("tiny-"),
            **{
                "device": self._load_arguments[2],
                "dtype": self._load_arguments[3],
                "guidance": self.sampling.guidance,
                "temperature": self.sampling.temperature,
                "top_k": self.sampling.top_k,
                "name": self.name,
                **changes,
            },
        )
        made.max_new_tokens = self.max_new_tokens
        return made

    def identity(self) -> dict[str, object]:
        """As for any Janus, with the checkpoint's name in place of a path of this installation."""
        return super().identity() | {"adapter": "tiny", "weights": Path(self.weights).name}

    def unknown_words(self, prompts: Sequence[str]) -> list[str]:
        """Words of ``prompts`` that the tiny model's vocabulary lacks, each once, in order."""
        tokenizer = self.loaded.processor.tokenizer
        words = dict.fromkeys(word for prompt in prompts for word in prompt.split())
        return [
            word
            for word in words
            if tokenizer.unk_token_id in tokenizer(word, add_special_tokens=False)["input_ids"]
        ]
