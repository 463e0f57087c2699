"""``dsr_grpo``: dual self-rewards by group-relative policy optimisation, both directions at once.

Every candidate of a group counts by its advantage, its reward normalised within the group; the ratio to
the model that drew is clipped, and leaving the starting model costs. The ratio is that of the
distribution that draws, guidance included.

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
    from selfreward_eval.trainers.pool import Captions, Drawings, Pool


class DualGrpo(Trainer):
    """GRPO on whole groups, on both sides.

    Args:
        ratio: eps, how far the ratio to the model that drew may count.
        kl: weight of the KL estimate to the starting model, on the drawing side.
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
        held = {"drawing": kl, "captioning": captioning_kl}
        self.anchored = tuple(side for side in self.sides if held[side])
        if captioning and self.settings.temperature != 1.0:
            raise UsageError(
                f"the trainer 'dsr_grpo' writes captions at temperature 1, got {self.settings.temperature}: "
                "the ratio would be that of another distribution; leave it at 1, or set captioning=0"
            )

    def loss(
        self, model: Any, pool: Pool, picks: Mapping[Side, Sequence[int]]
    ) -> tuple[torch.Tensor, dict[str, float]]:
        parts: list[torch.Tensor] = []
        told: dict[str, float] = {}
        if "drawing" in picks:
            assert pool.drawings is not None
            parts.append(self._side("drawing", told, *_drawn(model, pool.drawings, picks["drawing"])))
        if "captioning" in picks:
            assert pool.captions is not None
            terms = _written(model, pool.captions, picks["captioning"])
            parts.append(self.own["captioning"] * self._side("captioning", told, *terms))
        loss = torch.stack(parts).sum()
        return loss, {"loss": float(loss.detach()), **told}

    def _side(
        self,
        side: Side,
        told: dict[str, float],
        now: list[torch.Tensor],
        drawn: list[torch.Tensor],
        start: list[torch.Tensor] | None,
        advantages: list[float],
        shares: list[float],
    ) -> torch.Tensor:
        """The side's loss: candidates of one token count at once, each weighed by its share of its group."""
        parts: list[torch.Tensor] = []
        for rows in _alike(now):
            logp = torch.stack([now[k] for k in rows])
            old = torch.stack([drawn[k] for k in rows]).to(logp.device)
            first = None if start is None else torch.stack([start[k] for k in rows]).to(logp.device)
            weight = logp.new_tensor([advantages[k] for k in rows])
            held = self.own["kl" if side == "drawing" else "captioning_kl"]
            loss, penalty, binding = grpo(logp, old, first, weight, self.own["ratio"], held)
            share = logp.new_tensor([shares[k] for k in rows])
            parts.append(torch.stack([(term * share).sum() for term in (loss, penalty, binding)]))
        whole = torch.stack(parts).sum(0)
        told[f"{side}_kl"] = float(whole[1].detach())
        told[f"{side}_clipped"] = float(whole[2].detach())
        return whole[0]


def _alike(rows: Sequence[torch.Tensor]) -> list[list[int]]:
    """Numbers of rows of one length together."""
    found: dict[int, list[int]] = {}
    for k, row in enumerate(rows):
        found.setdefault(len(row), []).append(k)
    return list(found.values())


def _members(
    side: Drawings | Captions, picks: Sequence[int]
) -> tuple[list[tuple[int, int]], list[float], list[float]]:
    """(group, candidate) of everything scored in the picked groups, advantages, and shares that sum to 1."""
    places: list[tuple[int, int]] = []
    advantages: list[float] = []
    shares: list[float] = []
    groups = side.groups[list(picks)]
    for group in groups:
        known = np.flatnonzero(side.scored[group])
        values = side.advantages(group)
        places += [(int(group), int(k)) for k in known]
        advantages += [float(values[k]) for k in known]
        shares += [1.0 / (len(known) * len(groups))] * len(known)
    return places, advantages, shares


def _drawn(model: Any, drawings: Drawings, picks: Sequence[int]) -> tuple[Any, ...]:
    places, advantages, shares = _members(drawings, picks)
    assert drawings.drawn is not None
    groups, ks = [list(column) for column in zip(*places, strict=True)]
    now = model.drawing_logprobs([drawings.items[g].text for g in groups], drawings.tokens[groups, ks])
    start = None if drawings.start is None else list(drawings.start[groups, ks])
    return list(now), list(drawings.drawn[groups, ks]), start, advantages, shares


def _written(model: Any, captions: Captions, picks: Sequence[int]) -> tuple[Any, ...]:
    places, advantages, shares = _members(captions, picks)
    assert captions.drawn is not None
    now = model.caption_logprobs(
        [captions.pictures[g] for g, _ in places],
        captions.question,
        [captions.texts[g][k] for g, k in places],
    )
    drawn = [captions.drawn[g][k] for g, k in places]
    start = None if captions.start is None else [captions.start[g][k] for g, k in places]
    return now, drawn, start, advantages, shares
