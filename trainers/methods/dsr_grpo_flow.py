"""``dsr_grpo`` on a flow-matching model: a policy gradient on random steps of drawing.

Some steps are drawn at random (Flow-GRPO's SDE, or CPS), so that they have likelihoods: the ratio to the
model that sampled is that of the policy, guidance included, and is clipped. Advantages are rewards normalised
within a prompt, over the deviation of all rewards of the round. A penalty holds the velocity near the
starting model's.

Where ``captioning`` is above 0, captions are trained as on autoregressive models, by their likelihoods. Their
reward R_U would be the likelihood of the picture given the caption, which a flow model does not have; the
rewarder
``flow_surrogate`` takes its place, and the record names it.

Sources: arXiv:2506.07963; Flow-GRPO (yifan123/flow_grpo at 9745241). All numbers are this project's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.trainers.base import Side, TrainerInfo
from selfreward_eval.trainers.flow.policy import policy_rows, policy_terms
from selfreward_eval.trainers.flow.sampling import SAMPLERS, Window
from selfreward_eval.trainers.flow.trainer import FlowTrainer, advantages
from selfreward_eval.trainers.methods.group_terms import captioning_terms, side_loss
from selfreward_eval.trainers.settings import Settings

if TYPE_CHECKING:
    from selfreward_eval.harness.models.training import TrainsCaptioning, TrainsFlow
    from selfreward_eval.trainers.pool import Pool

CAPTION_CLIP = 0.2
"""Where the ratio of a caption's tokens is clipped, as on autoregressive models."""


class DualGrpoFlow(FlowTrainer):
    """GRPO on random steps.

    Args:
        nats: how much the log-likelihood of a picture's step may change before its ratio is clipped. Divided
            by the numbers of a picture this is the clip of mean log-likelihoods; the usual 1e-5 and 1e-4 at
            65,536 numbers are 0.66 and 6.6.
        kl: weight of the mean squared distance of the velocity from the starting model's.
        sampler: of the random steps, ``sde`` or ``cps``.
        level: of their noise; above 0.
        random_steps: how many, at a place that is drawn for every prompt.
        points: times that drawing stops at in training; 0 for the model's own number.
        across: divide advantages by the deviation of all rewards of the round, not of the prompt's.
        captioning: weight of the captioning side beside 1 for drawing; 0 trains drawing alone.
        captioning_kl: weight of the KL estimate within the captioning side.
        settings: see :class:`selfreward_eval.trainers.settings.Settings`; ``batch_size`` counts groups.
    """

    info = TrainerInfo(
        "dsr_grpo",
        "1",
        "dual self-rewards: GRPO on random steps of flow matching, and captions where asked for",
        sides=("drawing", "captioning"),
        paper="https://arxiv.org/abs/2506.07963",
        ours=(
            "nats",
            "kl",
            "sampler",
            "level",
            "random_steps",
            "across",
            "captioning",
            "prompts",
            "candidates",
            "rounds",
            "steps",
            "learning_rate",
            "ema",
        ),
    )
    defaults = Settings(
        prompts=64,
        pictures=16,
        candidates=16,
        rounds=16,
        steps=4,
        batch_size=16,
        schedule="constant",
        learning_rate=3e-4,
        ema=0.9,
        # The ratio is 1 at first only if steps and candidates compute velocities in the same precision.
        precision="no",
    )

    def __init__(
        self,
        nats: float = 3.0,
        kl: float = 0.04,
        sampler: str = "sde",
        level: float = 0.7,
        random_steps: int = 2,
        points: int = 0,
        across: bool = True,
        captioning: float = 0.0,
        captioning_kl: float = 0.5,
        **settings: Any,
    ) -> None:
        if sampler not in SAMPLERS:
            raise UsageError(
                f"the trainer 'dsr_grpo' has no sampler={sampler!r}; known: {', '.join(SAMPLERS)}"
            )
        if not level > 0 or not nats > 0 or random_steps < 1 or min(kl, captioning, captioning_kl) < 0:
            raise UsageError(
                "the trainer 'dsr_grpo' needs level, nats and random_steps above 0, and kl, captioning and "
                "captioning_kl of 0 or more"
            )
        self.window = Window("cps" if sampler == "cps" else "sde", float(level), int(random_steps))
        self.points = _points(points, "dsr_grpo")
        own = {
            "nats": float(nats),
            "kl": float(kl),
            "window": self.window.identity(),
            "points": self.points,
            "across": bool(across),
            "captioning": float(captioning),
            "captioning_kl": float(captioning_kl),
        }
        super().__init__(own, settings)
        self.encodes = False
        self.on_policy = True
        self.sides = self.info.sides if captioning else ("drawing",)
        kl_weights = {"drawing": kl, "captioning": captioning_kl}
        self.anchored = tuple(side for side in self.sides if kl_weights[side])
        if captioning and self.settings.temperature != 1.0:
            raise UsageError(
                f"the trainer 'dsr_grpo' writes captions at temperature 1, got {self.settings.temperature}: "
                "the ratio would be that of another distribution; leave it at 1, or set captioning=0"
            )

    def loss(
        self, model: TrainsFlow, pool: Pool, picks: Mapping[Side, Sequence[int]]
    ) -> tuple[torch.Tensor, dict[str, float]]:
        parts: list[torch.Tensor] = []
        logged: dict[str, float] = {}
        if "drawing" in picks:
            drawn, logged = self._drawing(model, pool, picks["drawing"])
            parts.append(drawn)
        if "captioning" in picks:
            assert pool.captions is not None
            captioning = cast("TrainsCaptioning", model)
            terms = captioning_terms(captioning, pool.captions, picks["captioning"])
            side = side_loss("captioning", logged, terms, CAPTION_CLIP, self.own["captioning_kl"])
            parts.append(self.own["captioning"] * side)
        loss = torch.stack(parts).sum()
        return loss, {**logged, "loss": float(loss.detach())}

    def _drawing(
        self, model: TrainsFlow, pool: Pool, picks: Sequence[int]
    ) -> tuple[torch.Tensor, dict[str, float]]:
        drawings = pool.flow
        assert drawings is not None
        assert self.window is not None
        groups = drawings.groups[list(picks)]
        weights = advantages(drawings, groups, self.own["across"])
        rows = [
            (row, int(k)) for row in range(len(groups)) for k in np.flatnonzero(np.isfinite(weights[row]))
        ]
        places = np.asarray([(groups[row], k) for row, k in rows])
        weight = torch.tensor([weights[row, k] for row, k in rows], dtype=torch.float32)
        replayed = policy_rows(model, drawings, places, self.window, self.points)
        clip = self.own["nats"] / prod(drawings.latents.shape[2:])
        return policy_terms(replayed, weight, clip, self.own["kl"])


def _points(points: int, trainer: str) -> int:
    """``points``, if it is 0 or enough for steps.

    Raises:
        UsageError: it is not.
    """
    if points and points < 3:
        raise UsageError(
            f"the trainer {trainer!r} needs at least 3 points, or 0 for the model's own, got {points}"
        )
    return int(points)
