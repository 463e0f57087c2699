"""``srum``: every picture is learnt again, each cell weighed by the model's own reward map.

Loss of a picture: mean over its cells of R * e + lambda * e', with e = -log p(token), R the reward map on
the token grid, alpha included, and e' the error on the picture that is kept close to. The paper's formula
has two pictures, and the released data format too (``bad_image_file``, ``good_image_file``); as released
they are the same one. With several candidates the kept picture may be the one with the highest reward.

The released code draws one picture per prompt, scores it once with the frozen starting model, and trains
on it for about an epoch; ``rounds`` above 1 is the online variant.

Source: arXiv:2510.12784, eq. 1-3, WayneJin0918/SRUM at a53ba18; the token loss in place of the velocity
error is this project's reading for autoregressive models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import UsageError
from rewarders.srum.weighting import CONSTRAINT
from trainers.base import Side, Trainer, TrainerInfo
from trainers.settings import Settings

if TYPE_CHECKING:
    import torch

    from trainers.objectives import Away
    from trainers.pool import Drawings, Pool


KEPT = ("same", "best")
AWAY = ("unlikelihood", "likelihood")


class Srum(Trainer):
    """Reward-map weighted training.

    Args:
        constraint: lambda, the weight of the reference term.
        keep: which picture the reference term keeps close to: the ``same`` one, as released, or the
            ``best`` of its prompt.
        away: what a cell with a negative reward does; see :func:`trainers.objectives.mapped`.
        settings: see :class:`trainers.settings.Settings`.
    """

    info = TrainerInfo(
        "srum",
        "1",
        "SRUM: own pictures learnt again, weighed cell by cell by the reward map",
        uses="map",
        paper="https://arxiv.org/abs/2510.12784",
        ours=("candidates", "steps", "batch_size", "learning_rate", "warmup", "away", "keep"),
    )
    defaults = Settings()

    def __init__(
        self,
        constraint: float = CONSTRAINT,
        keep: str = "same",
        away: Away = "unlikelihood",
        **settings: Any,
    ) -> None:
        if constraint < 0:
            raise UsageError(f"the trainer 'srum' needs a constraint of 0 or more, got {constraint}")
        for what, value, known in (("keep", keep, KEPT), ("away", away, AWAY)):
            if value not in known:
                raise UsageError(f"the trainer 'srum' has no {what}={value!r}; known: {', '.join(known)}")
        super().__init__({"constraint": float(constraint), "keep": keep, "away": away}, settings)

    def examples(self, pool: Pool) -> Mapping[Side, int]:
        """Every picture that has a map."""
        assert pool.drawings is not None
        return {"drawing": len(_places(pool.drawings))}

    def loss(
        self, model: Any, pool: Pool, picks: Mapping[Side, Sequence[int]]
    ) -> tuple[torch.Tensor, dict[str, float]]:
        import torch

        from trainers.objectives import likelihood, mapped

        drawings = pool.drawings
        assert drawings is not None
        assert drawings.maps is not None
        places = _places(drawings)[list(picks["drawing"])]
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
            moved = mapped(logp, reward.to(logp.device), 0.0, self.own["away"])
            loss = (moved + self.own["constraint"] * likelihood(kept)).mean()
        return loss, {
            "loss": float(loss.detach()),
            "likelihood": float(logp.detach().mean()),
            "kept": float(kept.detach().mean()),
            "reward_map": float(reward.mean()),
        }


@lru_cache(maxsize=2)
def _places(drawings: Drawings) -> NDArray[np.int64]:
    """(group, candidate) of every picture with a map: (K, 2)."""
    assert drawings.maps is not None
    return np.argwhere(drawings.scored & np.isfinite(drawings.maps).all(-1))
