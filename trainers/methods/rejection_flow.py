"""``rejection`` on a flow-matching model: plain flow matching on the best picture of each prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from selfreward_eval.trainers.base import Side, TrainerInfo
from selfreward_eval.trainers.flow.matching import matched, require_matching
from selfreward_eval.trainers.flow.trainer import FlowTrainer
from selfreward_eval.trainers.settings import Settings

if TYPE_CHECKING:
    import torch

    from selfreward_eval.harness.models.training import TrainsFlow
    from selfreward_eval.trainers.pool import Pool


class RejectionFlow(FlowTrainer):
    """Best-of-n fine-tuning.

    Args:
        dropout: probability that a prompt is left out.
        shift: of training times, s t / (1 + (s - 1) t).
        encoding: ``mean`` or ``sample``, see :class:`selfreward_eval.trainers.methods.srum_flow.SrumFlow`.
        settings: see :class:`selfreward_eval.trainers.settings.Settings`.
    """

    info = TrainerInfo(
        "rejection",
        "1",
        "best-of-n fine-tuning by flow matching: the candidate with the highest reward is learnt",
        ours=("candidates", "steps", "batch_size", "learning_rate", "warmup", "dropout", "shift"),
    )
    drops_text = True
    defaults = Settings(learning_rate=2e-4, schedule="constant", precision="no")

    def __init__(
        self, dropout: float = 0.1, shift: float = 1.0, encoding: str = "mean", **settings: Any
    ) -> None:
        own = {"dropout": float(dropout), "shift": float(shift), "encoding": encoding}
        require_matching("rejection", own)
        super().__init__(own, settings)
        self.keeps_pictures = encoding == "sample"

    def loss(
        self, model: TrainsFlow, pool: Pool, picks: Mapping[Side, Sequence[int]]
    ) -> tuple[torch.Tensor, dict[str, float]]:
        drawings = pool.flow
        assert drawings is not None
        groups = drawings.groups[list(picks["drawing"])]
        places = np.stack([groups, [drawings.best(group) for group in groups]], 1)
        seed = self.settings.seed
        batch = matched(model, drawings, places, places, self.own, step=self.step, seed=seed)
        loss = ((batch.velocity - (batch.noise - batch.learnt)) ** 2).mean()
        return loss, {"loss": float(loss.detach())}
