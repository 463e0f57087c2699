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

import numpy as np
import torch

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.trainers.base import Side, Trainer, TrainerInfo
from selfreward_eval.trainers.objectives import grpo
from selfreward_eval.trainers.settings import Settings

if TYPE_CHECKING:
    from selfreward_eval.harness.models.training import TrainsLikelihoods
    from selfreward_eval.trainers.pool import Captions, Drawings, Pool


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
            parts.append(
                self._side("drawing", logged, *_drawing_terms(model, pool.drawings, picks["drawing"]))
            )
        if "captioning" in picks:
            assert pool.captions is not None
            group_terms = _captioning_terms(model, pool.captions, picks["captioning"])
            parts.append(self.own["captioning"] * self._side("captioning", logged, *group_terms))
        loss = torch.stack(parts).sum()
        return loss, {"loss": float(loss.detach()), **logged}

    def _side(
        self,
        side: Side,
        logged: dict[str, float],
        policy: list[torch.Tensor],
        sampling: list[torch.Tensor],
        reference: list[torch.Tensor] | None,
        advantages: list[float],
        shares: list[float],
    ) -> torch.Tensor:
        """The side's loss: candidates of equal length together, each weighed by its share of its group."""
        parts: list[torch.Tensor] = []
        for rows in _by_length(policy):
            logp = torch.stack([policy[k] for k in rows])
            sampled = torch.stack([sampling[k] for k in rows]).to(logp.device)
            frozen = None if reference is None else torch.stack([reference[k] for k in rows]).to(logp.device)
            weight = logp.new_tensor([advantages[k] for k in rows])
            kl_weight = self.own["kl" if side == "drawing" else "captioning_kl"]
            loss, penalty, binding = grpo(logp, sampled, frozen, weight, self.own["ratio"], kl_weight)
            share = logp.new_tensor([shares[k] for k in rows])
            parts.append(torch.stack([(term * share).sum() for term in (loss, penalty, binding)]))
        sums = torch.stack(parts).sum(0)
        logged[f"{side}_kl"] = float(sums[1].detach())
        logged[f"{side}_clipped"] = float(sums[2].detach())
        return sums[0]


def _by_length(rows: Sequence[torch.Tensor]) -> list[list[int]]:
    """Numbers of rows of one length together."""
    rows_by_length: dict[int, list[int]] = {}
    for k, row in enumerate(rows):
        rows_by_length.setdefault(len(row), []).append(k)
    return list(rows_by_length.values())


def _members(
    side: Drawings | Captions, picks: Sequence[int]
) -> tuple[list[tuple[int, int]], list[float], list[float]]:
    """(group, candidate) of everything scored in the picked groups, advantages, and shares that sum to 1."""
    places: list[tuple[int, int]] = []
    advantages: list[float] = []
    shares: list[float] = []
    groups = side.groups[list(picks)]
    for group in groups:
        scored = np.flatnonzero(side.scored[group])
        values = side.advantages(group)
        places += [(int(group), int(k)) for k in scored]
        advantages += [float(values[k]) for k in scored]
        shares += [1.0 / (len(scored) * len(groups))] * len(scored)
    return places, advantages, shares


def _drawing_terms(model: TrainsLikelihoods, drawings: Drawings, picks: Sequence[int]) -> tuple[Any, ...]:
    places, advantages, shares = _members(drawings, picks)
    assert drawings.sampling_logprobs is not None
    groups, ks = [list(column) for column in zip(*places, strict=True)]
    policy = model.drawing_logprobs([drawings.items[g].text for g in groups], drawings.tokens[groups, ks])
    logprobs = drawings.reference_logprobs
    reference = None if logprobs is None else list(logprobs[groups, ks])
    sampling = list(drawings.sampling_logprobs[groups, ks])
    return list(policy), sampling, reference, advantages, shares


def _captioning_terms(model: TrainsLikelihoods, captions: Captions, picks: Sequence[int]) -> tuple[Any, ...]:
    places, advantages, shares = _members(captions, picks)
    assert captions.sampling_logprobs is not None
    policy = model.caption_logprobs(
        [captions.pictures[g] for g, _ in places],
        captions.question,
        [captions.texts[g][k] for g, k in places],
    )
    logprobs = captions.reference_logprobs
    reference = None if logprobs is None else [logprobs[g][k] for g, k in places]
    sampling = [captions.sampling_logprobs[g][k] for g, k in places]
    return policy, sampling, reference, advantages, shares
