"""The tiny CLIP that comes with the project, as an instrument.

Trained on the shapes world by ``python -m selfreward_eval.trainers.pretrain clip``; its card,
with its accuracy, lies beside its weights.
"""

from __future__ import annotations

from pathlib import Path

from selfreward_eval.harness.instruments.open_clip_scorer import OpenClipScorer

FOLDER = Path(__file__).parents[2] / "harness" / "models" / "weights" / "tiny-clip"


class TinyClip(OpenClipScorer):
    """CLIPScore of the shapes world: open_clip's own code on the shipped weights."""

    def __init__(self, batch_size: int = 64) -> None:
        super().__init__(str(FOLDER), device="cpu", batch_size=batch_size)
