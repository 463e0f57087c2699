"""``dsr_grpo``: dual self-rewards by group-relative policy optimisation, both directions at once.

Every candidate of a group counts by its advantage, its reward normalised within the group. The ratio to
the model that sampled is clipped, and a KL term penalises distance from the reference model. The ratio is
that of the distribution that draws, guidance included.

Source: arXiv:2506.07963; GRPO, arXiv:2402.03300. The paper's group size, clip and KL weight are not
known: those here are this project's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.trainers.base import Side, Trainer, TrainerInfo
from selfreward_eval.trainers.methods.dsr_grpo_flow import DualGrpoFlow
from selfreward_eval.trainers.methods.group_terms import SideTerms, captioning_terms, members, side_loss
from selfreward_eval.trainers.settings import Settings

if TYPE_CHECKING:
    from selfreward_eval.harness.models.training import TrainsLikelihoods
    from selfreward_eval.trainers.pool import Drawings, Pool


class DualGrpo(Trainer):
    """GRPO on whole groups, on both sides.

    Args:
        ratio: eps, where the ratio to the model that sampled is clipped.
        kl: weight of the KL estimate to the reference model, on the drawing side.
        captioning: weight of the captioning side beside 1 for drawing; 0 trains drawing alone.
        captioning_kl: weight of the KL estimate within the captioning side. Weights that captions alone
            move, such as those that name words, take Adam's full steps however small ``captioning`` is:
            what holds captions near the start has to stand beside their own reward.
        settings: see :class:`selfreward_eval.trainers.settings.Settings`; ``batch_size`` counts groups.
    """

    info = TrainerInfo(
        "dsr_grpo",
        "1",
        "dual self-rewards: GRPO, pictures for prompts and captions for pictures",
        sides=("drawing", "captioning"),
        paper="https://arxiv.org/abs/2506.07963",
        ours=(
            "ratio",
            "kl",
            "captioning",
            "captioning_kl",
            "prompts",
            "candidates",
            "rounds",
            "steps",
            "learning_rate",
            "ema",
            "guidance",
        ),
    )
    for_flow = DualGrpoFlow
    defaults = Settings(
        prompts=64,
        pictures=16,
        rounds=16,
        steps=4,
        batch_size=16,
        schedule="constant",
        learning_rate=2.5e-4,
        ema=0.9,
        # The ratio is 1 at first only if steps and candidates compute likelihoods in the same precision.
        precision="no",
    )

    def __init__(
        self,
        ratio: float = 0.2,
        kl: float = 0.02,
        captioning: float = 0.05,
        captioning_kl: float = 0.5,
        **settings: Any,
    ) -> None:
        if not 0 < ratio < 1 or min(kl, captioning, captioning_kl) < 0:
            raise UsageError(
                "the trainer 'dsr_grpo' needs a ratio in (0, 1), and kl, captioning and captioning_kl of 0 "
                "or more"
            )
        own = {"ratio": ratio, "kl": kl, "captioning": captioning, "captioning_kl": captioning_kl}
        super().__init__({name: float(value) for name, value in own.items()}, settings)
        self.sides = self.info.sides if captioning else ("drawing",)
        self.on_policy = True
        kl_weights = {"drawing": kl, "captioning": captioning_kl}
        self.anchored = tuple(side for side in self.sides if kl_weights[side])
        if captioning and self.settings.temperature != 1.0:
            raise UsageError(
                f"the trainer 'dsr_grpo' writes captions at temperature 1, got {self.settings.temperature}: "
                "the ratio would be that of another distribution; leave it at 1, or set captioning=0"
            )

    def loss(
        self, model: TrainsLikelihoods, pool: Pool, picks: Mapping[Side, Sequence[int]]
    ) -> tuple[torch.Tensor, dict[str, float]]:
        parts: list[torch.Tensor] = []
        logged: dict[str, float] = {}
        if "drawing" in picks:
            assert pool.drawings is not None
            terms = _drawing_terms(model, pool.drawings, picks["drawing"])
            parts.append(side_loss("drawing", logged, terms, self.own["ratio"], self.own["kl"]))
        if "captioning" in picks:
            assert pool.captions is not None
            terms = captioning_terms(model, pool.captions, picks["captioning"])
            side = side_loss("captioning", logged, terms, self.own["ratio"], self.own["captioning_kl"])
            parts.append(self.own["captioning"] * side)
        loss = torch.stack(parts).sum()
        return loss, {"loss": float(loss.detach()), **logged}


def _drawing_terms(model: TrainsLikelihoods, drawings: Drawings, picks: Sequence[int]) -> SideTerms:
    places, advantages, shares = members(drawings, picks)
    assert drawings.sampling_logprobs is not None
    groups, ks = [list(column) for column in zip(*places, strict=True)]
    policy = model.drawing_logprobs([drawings.items[g].text for g in groups], drawings.tokens[groups, ks])
    logprobs = drawings.reference_logprobs
    reference = None if logprobs is None else list(logprobs[groups, ks])
    sampling = list(drawings.sampling_logprobs[groups, ks])
    return SideTerms(list(policy), sampling, reference, advantages, shares)
