"""``rejection``: best-of-n fine-tuning, the baseline that every other trainer has to beat.

Of each prompt's candidates the one with the highest reward is learnt, all others are thrown away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from selfreward_eval.trainers.base import Side, Trainer, TrainerInfo
from selfreward_eval.trainers.methods.rejection_flow import RejectionFlow
from selfreward_eval.trainers.objectives import likelihood
from selfreward_eval.trainers.settings import Settings

if TYPE_CHECKING:
    from selfreward_eval.harness.models.training import TrainsLikelihoods
    from selfreward_eval.trainers.pool import Pool


class Rejection(Trainer):
    """Best-of-n fine-tuning.

    Args:
        settings: see :class:`selfreward_eval.trainers.settings.Settings`.
    """

    info = TrainerInfo(
        "rejection",
        "1",
        "best-of-n fine-tuning: the candidate with the highest reward is learnt",
        ours=("candidates", "steps", "batch_size", "learning_rate", "warmup"),
    )
    for_flow = RejectionFlow
    defaults = Settings()

    def __init__(self, **settings: Any) -> None:
        super().__init__({}, settings)

    def loss(
        self, model: TrainsLikelihoods, pool: Pool, picks: Mapping[Side, Sequence[int]]
    ) -> tuple[torch.Tensor, dict[str, float]]:
        drawings = pool.drawings
        assert drawings is not None
        groups = drawings.groups[list(picks["drawing"])]
        best = [drawings.best(group) for group in groups]
        logp = model.drawing_logprobs(
            [drawings.items[group].text for group in groups], drawings.tokens[groups, best]
        )
        loss = likelihood(logp).mean()
        return loss, {"loss": float(loss.detach()), "likelihood": float(logp.detach().mean())}
