"""``srum``: every picture is learnt again, each cell weighed by the model's own reward map.

Loss of a picture: mean over its cells of R * e + lambda * e', with e = -log p(token), R the reward map on
the token grid, alpha included, and e' the error on the picture that is kept close to. The paper's formula
has two pictures, and the released data format too (``bad_image_file``, ``good_image_file``); as released
they are the same one. With several candidates the kept picture may be the one with the highest reward.

The released code draws one picture per prompt, scores it once with the frozen starting model, and trains
on it for about an epoch; ``rounds`` above 1 is the online variant, with ``away=policy`` a policy gradient
(:mod:`selfreward_eval.trainers.methods.srum_policy`).

Source: arXiv:2510.12784, eq. 1-3, WayneJin0918/SRUM at a53ba18; the token loss in place of the velocity
error is this project's reading for autoregressive models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.rewarders.srum.weighting import CONSTRAINT
from selfreward_eval.trainers.base import Side, Trainer, TrainerInfo
from selfreward_eval.trainers.methods.srum_flow import SrumFlow
from selfreward_eval.trainers.methods.srum_policy import policy_loss
from selfreward_eval.trainers.objectives import Away, likelihood, mapped
from selfreward_eval.trainers.settings import Settings

if TYPE_CHECKING:
    from selfreward_eval.harness.models.training import TrainsLikelihoods
    from selfreward_eval.trainers.pool import Drawings, Pool


KEEP = ("same", "best")
AWAY = ("unlikelihood", "likelihood", "policy")
CELLS = ("all", "regions")


class Srum(Trainer):
    """Reward-map weighted training.

    Args:
        constraint: lambda, the weight of the reference term.
        keep: which picture the reference term keeps close to: the ``same`` one, as released, or the
            ``best`` of its prompt.
        away: what a cell with a negative reward does; see
            :func:`selfreward_eval.trainers.objectives.mapped`, and for ``policy``
            :mod:`selfreward_eval.trainers.methods.srum_policy`.
        cells: which cells count with ``away=policy``: ``all``, or those of ``regions`` alone, for maps in the
            paper's reading.
        settings: see :class:`selfreward_eval.trainers.settings.Settings`; ``batch_size`` counts pictures,
            with ``policy`` prompts with all their candidates.
    """

    info = TrainerInfo(
        "srum",
        "1",
        "SRUM: own pictures learnt again, weighed cell by cell by the reward map",
        uses="map",
        paper="https://arxiv.org/abs/2510.12784",
        ours=("candidates", "steps", "batch_size", "learning_rate", "warmup", "away", "keep"),
    )
    for_flow = SrumFlow
    defaults = Settings()

    def __init__(
        self,
        constraint: float = CONSTRAINT,
        keep: str = "same",
        away: Away | Literal["policy"] = "unlikelihood",
        cells: str = "all",
        **settings: Any,
    ) -> None:
        if constraint < 0:
            raise UsageError(f"the trainer 'srum' needs a constraint of 0 or more, got {constraint}")
        for what, value, known in (("keep", keep, KEEP), ("away", away, AWAY), ("cells", cells, CELLS)):
            if value not in known:
                raise UsageError(f"the trainer 'srum' has no {what}={value!r}; known: {', '.join(known)}")
        if away == "policy" and keep != "same":
            raise UsageError(
                "the trainer 'srum' keeps close to the starting model with away=policy; leave out keep"
            )
        if cells != "all" and away != "policy":
            raise UsageError("the trainer 'srum' chooses cells with away=policy only; leave out cells")
        own: dict[str, Any] = {"constraint": float(constraint), "keep": keep, "away": away}
        if cells == "regions":
            own |= {"cells": cells, "reading": "paper"}  # There ground is told from regions by its 0.
        super().__init__(own, settings)
        self.on_policy = away == "policy"
        self.anchored = ("drawing",) if away == "policy" and constraint else ()

    def examples(self, pool: Pool) -> Mapping[Side, int]:
        """Every picture that has a map; with ``away=policy`` every prompt, if any has one."""
        assert pool.drawings is not None
        if self.own["away"] == "policy":
            return {"drawing": len(pool.drawings.items) if len(_with_map(pool.drawings)) else 0}
        return {"drawing": len(_with_map(pool.drawings))}

    def loss(
        self, model: TrainsLikelihoods, pool: Pool, picks: Mapping[Side, Sequence[int]]
    ) -> tuple[torch.Tensor, dict[str, float]]:
        drawings = pool.drawings
        assert drawings is not None
        assert drawings.maps is not None
        if self.own["away"] == "policy":
            cells = self.own.get("cells", "all")
            return policy_loss(model, drawings, picks["drawing"], self.own["constraint"], cells)
        places = _with_map(drawings)[list(picks["drawing"])]
        groups = places[:, 0]
        prompts = [drawings.items[group].text for group in groups]
        tokens = drawings.tokens[groups, places[:, 1]]
        reward = torch.from_numpy(drawings.maps[groups, places[:, 1]])
        if self.own["keep"] == "same":
            logp = model.drawing_logprobs(prompts, tokens)
            loss = mapped(logp, reward.to(logp.device), self.own["constraint"], self.own["away"]).mean()
            kept = logp
        else:
            best = drawings.tokens[groups, [drawings.best(group) for group in groups]]
            logp, kept = model.drawing_logprobs(prompts * 2, torch.cat([tokens, best])).chunk(2)
            map_loss = mapped(logp, reward.to(logp.device), 0.0, self.own["away"])
            loss = (map_loss + self.own["constraint"] * likelihood(kept)).mean()
        return loss, {
            "loss": float(loss.detach()),
            "likelihood": float(logp.detach().mean()),
            "kept": float(kept.detach().mean()),
            "reward_map": float(reward.mean()),
        }


@lru_cache(maxsize=2)
def _with_map(drawings: Drawings) -> NDArray[np.int64]:
    """(group, candidate) of every picture with a map: (K, 2)."""
    assert drawings.maps is not None
    return np.argwhere(drawings.scored & np.isfinite(drawings.maps).all(-1))
