"""``dsr_simpo``: dual self-rewards by preference; of each group the best is preferred to the worst.

Both directions at once, from unpaired data: pictures drawn for prompts (rewarded by how likely the
picture makes the prompt) and captions written for pictures (rewarded by how likely the caption makes
the picture). Log-likelihoods are means over tokens.

Source: arXiv:2506.07963; SimPO, arXiv:2405.14734. The paper's values of beta and gamma are not known,
and it has no anchor: without one, SimPO lowers the likelihood of the preferred picture too, until
the model collapses. All three are this project's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.trainers.base import Side, Trainer, TrainerInfo
from selfreward_eval.trainers.objectives import likelihood, simpo
from selfreward_eval.trainers.settings import Settings

if TYPE_CHECKING:
    from selfreward_eval.harness.models.training import TrainsLikelihoods
    from selfreward_eval.trainers.pool import Captions, Drawings, Pool


class DualSimpo(Trainer):
    """SimPO on the best and the worst candidate, on both sides.

    Args:
        beta: scale of the difference of mean log-likelihoods.
        gamma: margin that the scaled difference is to pass.
        anchor: weight of the preferred picture's own negative log-likelihood.
        captioning: weight of the captioning side beside 1 for drawing; 0 trains drawing alone.
        captioning_anchor: weight of the preferred caption's own negative log-likelihood within its side.
            High values imitate the captions of the highest reward, which need not be better ones.
        settings: see :class:`selfreward_eval.trainers.settings.Settings`.
    """

    info = TrainerInfo(
        "dsr_simpo",
        "1",
        "dual self-rewards: SimPO on best and worst, pictures for prompts and captions for pictures",
        sides=("drawing", "captioning"),
        paper="https://arxiv.org/abs/2506.07963",
        ours=(
            "beta",
            "gamma",
            "anchor",
            "captioning",
            "captioning_anchor",
            "candidates",
            "steps",
            "batch_size",
            "learning_rate",
        ),
    )
    defaults = Settings()

    def __init__(
        self,
        beta: float = 2.0,
        gamma: float = 0.5,
        anchor: float = 1.0,
        captioning: float = 0.25,
        captioning_anchor: float = 1.0,
        **settings: Any,
    ) -> None:
        if not beta > 0 or min(anchor, captioning, captioning_anchor) < 0:
            raise UsageError(
                "the trainer 'dsr_simpo' needs beta above 0, and anchor, captioning and captioning_anchor of "
                "0 or more"
            )
        own = {
            "beta": beta,
            "gamma": gamma,
            "anchor": anchor,
            "captioning": captioning,
            "captioning_anchor": captioning_anchor,
        }
        super().__init__({name: float(value) for name, value in own.items()}, settings)
        self.sides = self.info.sides if captioning else ("drawing",)

    def loss(
        self, model: TrainsLikelihoods, pool: Pool, picks: Mapping[Side, Sequence[int]]
    ) -> tuple[torch.Tensor, dict[str, float]]:
        parts: list[torch.Tensor] = []
        logged: dict[str, float] = {}
        for side, weight in (("drawing", 1.0), ("captioning", self.own["captioning"])):
            if side not in picks:
                continue
            if side == "drawing":
                assert pool.drawings is not None
                better, worse = picture_pairs(model, pool.drawings, picks["drawing"])
            else:
                assert pool.captions is not None
                better, worse = caption_pairs(model, pool.captions, picks["captioning"])
            preference = simpo(better, worse, self.own["beta"], self.own["gamma"]).mean()
            anchor = self.own["anchor" if side == "drawing" else "captioning_anchor"]
            parts.append(weight * (preference + anchor * -better.mean()))
            logged |= {
                f"{side}_preference": float(preference.detach()),
                f"{side}_better": float(better.detach().mean()),
                f"{side}_worse": float(worse.detach().mean()),
            }
        loss = torch.stack(parts).sum()
        return loss, {"loss": float(loss.detach()), **logged}


def picture_pairs(
    model: TrainsLikelihoods, drawings: Drawings, picks: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean log-likelihoods of the best and of the worst picture of each picked group: (B,) and (B,)."""
    groups = drawings.groups[list(picks)]
    prompts = [drawings.items[group].text for group in groups]
    best = drawings.tokens[groups, [drawings.best(group) for group in groups]]
    worst = drawings.tokens[groups, [drawings.worst(group) for group in groups]]
    both = -likelihood(model.drawing_logprobs(prompts * 2, torch.cat([best, worst])))
    better, worse = both.chunk(2)
    return better, worse


def caption_pairs(
    model: TrainsLikelihoods, captions: Captions, picks: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same for captions, their end included."""
    groups = captions.groups[list(picks)]
    pictures = [captions.pictures[group] for group in groups]
    best = [captions.texts[group][captions.best(group)] for group in groups]
    worst = [captions.texts[group][captions.worst(group)] for group in groups]
    rows = model.caption_logprobs(pictures * 2, captions.question, best + worst)
    better, worse = torch.stack([row.mean() for row in rows]).chunk(2)
    return better, worse
