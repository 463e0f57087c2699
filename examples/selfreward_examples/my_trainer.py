"""A trainer: the loss of rewarded candidates. Drawing, rewarding and optimising are done for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from selfreward_eval import Trainer, TrainerInfo

if TYPE_CHECKING:
    from selfreward_eval.trainers.base import Side
    from selfreward_eval.trainers.pool import Pool


class MyWeighted(Trainer):
    """``selfreward-eval train --trainer my_weighted --rewarder my_vividness``

    Reward-weighted likelihood: every candidate of a prompt is learnt, the better ones more.

    Args:
        sharpness: factor on the normalised rewards before the softmax; 0 weighs all alike.
        settings: see :class:`selfreward_eval.trainers.settings.Settings`.
    """

    info = TrainerInfo("my_weighted", "1", "reward-weighted likelihood", ours=("sharpness",))

    def __init__(self, sharpness: float = 1.0, **settings: Any) -> None:
        super().__init__({"sharpness": float(sharpness)}, settings)

    def loss(
        self, model: Any, pool: Pool, picks: Mapping[Side, Sequence[int]]
    ) -> tuple[torch.Tensor, dict[str, float]]:
        drawings = pool.drawings
        assert drawings is not None
        texts: list[str] = []
        tokens: list[torch.Tensor] = []
        weights: list[torch.Tensor] = []
        for group in drawings.groups[list(picks["drawing"])]:
            scored = drawings.scored[group]  # A candidate without a reward is not learnt.
            advantages = torch.tensor(drawings.advantages(group)[scored])
            weights.append(torch.softmax(self.own["sharpness"] * advantages, 0))
            tokens.append(drawings.tokens[group][torch.from_numpy(scored)])
            texts += [drawings.items[group].text] * int(scored.sum())
        logp = model.drawing_logprobs(texts, torch.cat(tokens)).mean(-1)
        weight = torch.cat(weights).to(logp)
        loss = -(weight * logp).sum() / len(weights)
        return loss, {"loss": float(loss.detach()), "likelihood": float(logp.detach().mean())}
