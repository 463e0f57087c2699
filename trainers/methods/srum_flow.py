"""``srum`` on a flow-matching model: the published method, with its two recipes as presets.

Every candidate b is encoded, made noisy at a random time, and the velocity is compared with what leads back
to it:

    mean(R (v - (noise - b))^2) + lambda mean((v - (noise - g))^2)

R is the reward map on the latent tokens, alpha included; g is the picture that is kept close to. As released
b and g are the same picture, and two samples of the autoencoder. With the map's ``code`` reading R is in [0,
1] and every region is learnt, a bad one less; with ``paper`` R is in [-1, 1], and where it is below -lambda
the loss has no lower bound: gradient clipping and few steps are all that limits it.

With ``away=policy`` the map is the advantage of a policy gradient, token by token
(:mod:`selfreward_eval.trainers.flow.policy`), on pictures that are drawn anew every round.

Source: arXiv:2510.12784, eq. 1-3 and table 7; WayneJin0918/SRUM at a53ba18, ``modeling/bagel/bagel.py`` and
``scripts/train_reg_comp.sh``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.rewarders.srum.weighting import CONSTRAINT
from selfreward_eval.trainers.base import Side, TrainerInfo
from selfreward_eval.trainers.flow import losses
from selfreward_eval.trainers.flow.matching import matched, require_matching
from selfreward_eval.trainers.flow.policy import policy_rows, policy_terms
from selfreward_eval.trainers.flow.sampling import Window
from selfreward_eval.trainers.flow.trainer import FlowTrainer, advantages
from selfreward_eval.trainers.settings import Settings

if TYPE_CHECKING:
    from selfreward_eval.harness.models.training import TrainsFlow
    from selfreward_eval.trainers.pool import FlowDrawings, Pool

KEEP = ("same", "best")
AWAY = ("literal", "policy")

RELEASED = Settings(
    prompts=6234,
    candidates=1,
    steps=309,
    batch_size=16,
    learning_rate=2e-5,
    warmup=100,
    schedule="constant",
    eps=1e-15,
)
"""``scripts/train_reg_comp.sh``: two pictures per GPU and step on eight; AdamW(0.9, 0.95), no decay, clip
1."""

PRESETS: dict[str, tuple[Settings, dict[str, Any]]] = {
    "": (
        Settings(candidates=1, learning_rate=2e-4, schedule="constant", precision="no"),
        {"shift": 1.0, "encoding": "mean", "reading": ""},
    ),
    "srum_released": (RELEASED, {"shift": 1.0, "encoding": "sample", "reading": "code"}),
    "srum_paper": (
        replace(RELEASED, learning_rate=2.5e-5, warmup=500),
        {"shift": 4.0, "encoding": "sample", "reading": "paper"},
    ),
}
"""Name -> settings and own parameters. The paper gives no number of steps: it is the released script's."""

POLICY = Settings(
    prompts=64,
    candidates=16,
    rounds=16,
    steps=4,
    batch_size=16,
    schedule="constant",
    learning_rate=3e-4,
    ema=0.9,
    precision="no",
)
"""Of ``away=policy``: pictures are drawn anew every round, and compared with others of their prompt."""


class SrumFlow(FlowTrainer):
    """Reward-map weighted flow matching.

    Args:
        preset: ``srum_released`` or ``srum_paper``; empty for values of this project. What is given beside it
            counts instead of its own.
        constraint: lambda, the weight of the reference term; not used with ``away=policy``.
        keep: which picture the reference term keeps close to: the ``same`` one, as released, or the ``best``
            of its prompt.
        away: ``literal`` is the formula; ``policy`` a policy gradient.
        dropout: probability that a prompt is left out.
        shift: of training times, s t / (1 + (s - 1) t); 0 for the preset's.
        encoding: ``mean``: pictures are encoded once, by the autoencoder's mean. ``sample``: anew at every
            step, b and g each with a sample of its own, as released. Empty for the preset's.
        reading: reading of the maps that the rewarder has to give, ``code`` or ``paper``; empty for the
            preset's, which may be any.
        level: of the noise of ``away=policy``.
        random_steps: of drawing, with ``away=policy``.
        nats: with ``away=policy``, how much a token's log-likelihood may change at a step before its ratio is
            clipped.
        kl: with ``away=policy``, weight of the mean squared distance of the velocity from the starting
        model's. spread: with ``away=policy``, gamma: how much the map's differences within a picture count
        beside the
            picture's own advantage.
        settings: see :class:`selfreward_eval.trainers.settings.Settings`; ``batch_size`` counts pictures,
        with
            ``policy`` prompts with all their candidates.
    """

    info = TrainerInfo(
        "srum",
        "1",
        "SRUM: own pictures learnt again by flow matching, weighed token by token by the reward map",
        uses="map",
        paper="https://arxiv.org/abs/2510.12784",
        ours=("away", "keep", "encoding", "level", "random_steps", "nats", "kl", "spread"),
    )
    drops_text = True

    def __init__(
        self,
        preset: str = "",
        constraint: float = CONSTRAINT,
        keep: str = "same",
        away: str = "literal",
        dropout: float = 0.1,
        shift: float = 0.0,
        encoding: str = "",
        reading: str = "",
        level: float = 0.7,
        random_steps: int = 2,
        nats: float = 4.0,
        kl: float = 0.04,
        spread: float = 1.0,
        **settings: Any,
    ) -> None:
        if preset not in PRESETS:
            known = ", ".join(name for name in PRESETS if name)
            raise UsageError(f"the trainer 'srum' has no preset {preset!r}; known: {known}")
        self.defaults, own = PRESETS[preset]
        if away == "policy":
            if preset:
                raise UsageError(f"the preset {preset!r} is not one of away=policy; leave out one of them")
            self.defaults = POLICY
        given = {"shift": shift, "encoding": encoding, "reading": reading}
        own = {name: value or own[name] for name, value in given.items()}
        for what, value, known_values in (("keep", keep, KEEP), ("away", away, AWAY)):
            if value not in known_values:
                raise UsageError(
                    f"the trainer 'srum' has no {what}={value!r} on a flow-matching model; known: "
                    f"{', '.join(known_values)}"
                )
        if constraint < 0:
            raise UsageError(f"the trainer 'srum' needs a constraint of 0 or more, got {constraint}")
        own = {"preset": preset, "constraint": float(constraint), "keep": keep, "away": away, **own}
        own |= {"dropout": float(dropout), "shift": float(own["shift"])}
        require_matching("srum", own)
        if away == "policy":
            if keep != "same":
                raise UsageError(
                    "the trainer 'srum' keeps to the starting model with away=policy; leave out keep"
                )
            if not level > 0 or not nats > 0 or random_steps < 1 or kl < 0:
                raise UsageError(
                    "the trainer 'srum' needs level, nats and random_steps above 0 with away=policy"
                )
            self.window = Window(level=float(level), size=int(random_steps))
            own |= {
                "window": self.window.identity(),
                "nats": float(nats),
                "spread": float(spread),
                "kl": float(kl),
            }
        super().__init__(own, settings)
        if away == "policy" and self.settings.candidates < 2:
            raise UsageError(
                "the trainer 'srum' compares candidates with away=policy; use candidates of 2 or more"
            )
        self.keeps_pictures = own["encoding"] == "sample" and away != "policy"
        self.encodes = away != "policy"
        self.on_policy = away == "policy"
        self.anchored = ("drawing",) if away == "policy" and kl else ()

    def examples(self, pool: Pool) -> Mapping[Side, int]:
        """Every picture that has a map; with ``away=policy`` every prompt with at least two."""
        assert pool.flow is not None
        if self.own["away"] == "policy":
            return {"drawing": len(_comparable(pool.flow))}
        return {"drawing": len(_with_map(pool.flow))}

    def loss(
        self, model: TrainsFlow, pool: Pool, picks: Mapping[Side, Sequence[int]]
    ) -> tuple[torch.Tensor, dict[str, float]]:
        drawings = pool.flow
        assert drawings is not None
        assert drawings.maps is not None
        if self.own["away"] == "policy":
            return self._policy(model, drawings, picks["drawing"])
        places = _with_map(drawings)[list(picks["drawing"])]
        kept = places
        if self.own["keep"] == "best":
            kept = np.stack([places[:, 0], [drawings.best(group) for group in places[:, 0]]], 1)
        seed = self.settings.seed
        batch = matched(model, drawings, places, kept, self.own, step=self.step, seed=seed)
        reward = torch.from_numpy(drawings.maps[places[:, 0], places[:, 1]]).to(batch.velocity.device)
        rewarded, reference = losses.srum(
            batch.velocity, batch.noise, batch.learnt, batch.kept, reward[..., None], self.own["constraint"]
        )
        loss = rewarded + reference
        error = ((batch.velocity - (batch.noise - batch.learnt)) ** 2).detach().mean()
        return loss, {
            "loss": float(loss.detach()),
            "rewarded": float(rewarded.detach()),
            "error": float(error),
            "reward_map": float(reward.mean()),
        }

    def _policy(
        self, model: TrainsFlow, drawings: FlowDrawings, picks: Sequence[int]
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """The policy gradient with an advantage of every token."""
        assert self.window is not None
        assert drawings.maps is not None
        groups = _comparable(drawings)[list(picks)]
        weights = advantages(drawings, groups, across=True)
        rows = [
            (int(g), int(k), row)
            for row, g in enumerate(groups)
            for k in np.flatnonzero(_has_map(drawings)[g])
        ]
        places = np.asarray([(g, k) for g, k, _ in rows])
        maps = drawings.maps[places[:, 0], places[:, 1]].astype(np.float64)
        scalar = np.asarray([weights[row, k] for _, k, row in rows])
        each = scalar[:, None] + self.own["spread"] * (maps - maps.mean(1, keepdims=True))
        rowed = policy_rows(model, drawings, places, self.window, self.points)
        # The log-ratio of a token is a mean over its channels.
        clip = self.own["nats"] / drawings.latents.shape[-1]
        return policy_terms(
            rowed,
            torch.from_numpy(each.astype(np.float32)),
            clip,
            self.own["kl"],
            per_token=True,
        )


def _has_map(drawings: FlowDrawings) -> NDArray[np.bool_]:
    assert drawings.maps is not None
    return np.asarray(drawings.scored & np.isfinite(drawings.maps).all(-1))


@lru_cache(maxsize=2)
def _with_map(drawings: FlowDrawings) -> NDArray[np.int64]:
    """(group, candidate) of every picture with a map: (K, 2)."""
    return np.argwhere(_has_map(drawings))


@lru_cache(maxsize=2)
def _comparable(drawings: FlowDrawings) -> NDArray[np.int64]:
    """Prompts with at least two pictures that have a map."""
    return np.flatnonzero(_has_map(drawings).sum(1) > 1)
