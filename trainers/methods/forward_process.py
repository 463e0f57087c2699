"""``flow_nft`` and ``flow_awm``: rewards by the forward process, without likelihoods of steps.

Both learn from the drawn latents alone. When a round begins, noisy versions of every picture are fixed, and
at each the velocity of the model that drew is kept; a step picks one of them for each picture.

``flow_nft`` (DiffusionNFT) moves towards good pictures along the velocity and away from bad ones along its
mirror image at the model that drew. ``flow_awm`` (advantage-weighted matching) weighs the flow-matching error
by the advantage, with penalties on the distance from the model that drew and from the starting model.

The released code of both keeps a slowly moving copy of the trained weights for this. Here it is the model of
the round's beginning, which lags further behind; the second method's penalty on it is therefore a tenth of
the released one.

Sources: NVlabs/DiffusionNFT at 24af555; scxue/advantage_weighted_matching at be51372.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.trainers.base import Side, TrainerInfo
from selfreward_eval.trainers.flow.candidates import noisy_versions, trainer_times
from selfreward_eval.trainers.flow.draws import whole_number
from selfreward_eval.trainers.flow.likelihoods import AWM_WEIGHTINGS, matching_log_prob, per_picture
from selfreward_eval.trainers.flow.losses import ADVANTAGE_BOUND, NFT_MODES, nft, nft_share
from selfreward_eval.trainers.flow.trainer import FlowTrainer, advantages, scored_pictures
from selfreward_eval.trainers.settings import Settings

if TYPE_CHECKING:
    from selfreward_eval.harness.models.training import TrainsFlow
    from selfreward_eval.trainers.pool import Pool

__all__ = ["FlowAwm", "FlowNft"]


class Version(NamedTuple):
    """A batch of noisy pictures at which rewards are learnt.

    Attributes:
        velocity: of the policy, with gradients, (B, L, C).
        old: of the model that drew.
        noisy: the pictures, noisy.
        latents: the pictures.
        noise: that they were mixed with.
        times: (B,).
        advantage: of each picture, in [-5, 5], (B,).
    """

    velocity: torch.Tensor
    old: torch.Tensor
    noisy: torch.Tensor
    latents: torch.Tensor
    noise: torch.Tensor
    times: torch.Tensor
    advantage: torch.Tensor


DEFAULTS = Settings(
    prompts=64,
    candidates=16,
    rounds=16,
    steps=4,
    batch_size=256,
    schedule="constant",
    learning_rate=3e-4,
    ema=0.9,
    precision="no",
)


class ForwardProcess(FlowTrainer):
    """What both methods share. Subclasses fill in :meth:`term`."""

    defaults = DEFAULTS

    def __init__(self, own: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        name = self.info.name
        if own["kl"] < 0 or own["versions"] < 1:
            raise UsageError(f"the trainer {name!r} needs kl of 0 or more, and versions of at least 1")
        if own["points"] and own["points"] < own["versions"] + 2:
            raise UsageError(
                f"the trainer {name!r} takes its times from those of drawing: {own['points']} points are too "
                f"few for {own['versions']} versions; use {own['versions'] + 2}, or 0 for the model's own"
            )
        super().__init__(own, settings)
        self.encodes = False
        self.noisy_points, self.points = own["versions"], own["points"]
        self.anchored = ("drawing",) if own["kl"] else ()

    def examples(self, pool: Pool) -> Mapping[Side, int]:
        """Every picture with a reward whose prompt's rewards differ."""
        return {"drawing": len(scored_pictures(pool))}

    def loss(
        self, model: TrainsFlow, pool: Pool, picks: Mapping[Side, Sequence[int]]
    ) -> tuple[torch.Tensor, dict[str, float]]:
        drawings = pool.flow
        assert drawings is not None
        assert drawings.drawing_velocity is not None
        places = scored_pictures(pool)[list(picks["drawing"])]
        groups, ks = places[:, 0], places[:, 1]
        pictures = [(drawings.items[g].id, int(k)) for g, k in places]
        what, last = f"flow-pick-{self.step}", self.noisy_points - 1
        which = [whole_number(0, last, what, item, k, self.settings.seed) for item, k in pictures]
        device = model.compute_device
        latents = drawings.latents[groups, ks].to(device)
        times = trainer_times(self, model)
        noisy, t, noise = noisy_versions(self, times, pool.round, pictures, which, latents)
        prompts = [drawings.items[g].text for g in groups]
        velocity = model.velocity(prompts, noisy, t, guided=self.own["guided"])
        weights = advantages(drawings, list(range(len(drawings.items))), self.own["across"])[groups, ks]
        version = Version(
            velocity,
            drawings.drawing_velocity[groups, ks, which].to(device),
            noisy,
            latents,
            noise,
            t,
            torch.tensor(weights, dtype=torch.float32, device=device),
        )
        loss, logged = self.term(version)
        if drawings.reference_velocity is not None:
            reference = drawings.reference_velocity[groups, ks, which].to(device)
            penalty = ((velocity - reference) ** 2).mean()
            loss = loss + self.own["kl"] * penalty
            logged["distance"] = float(penalty.detach())
        return loss, {**logged, "loss": float(loss.detach())}

    @abstractmethod
    def term(self, version: Version) -> tuple[torch.Tensor, dict[str, float]]:
        """The loss without the penalty on the distance from the starting model, and numbers worth logging."""


class FlowNft(ForwardProcess):
    """DiffusionNFT.

    Args:
        beta: how far along the velocity both branches lie.
        kl: weight of the mean squared distance of the velocity from the starting model's.
        mode: of the advantages, see :func:`selfreward_eval.trainers.flow.losses.nft_share`.
        versions: fixed noisy versions of each picture.
        across: divide advantages by the deviation of all rewards of the round, not of the prompt's.
        guided: learn the velocity with the model's guidance; the released code learns it without.
        points: times that drawing stops at in training; 0 for the model's own number.
        settings: see :class:`selfreward_eval.trainers.settings.Settings`; ``batch_size`` counts pictures.
    """

    info = TrainerInfo(
        "flow_nft",
        "1",
        "DiffusionNFT: towards good pictures along the velocity, away from bad ones along its mirror image",
        ours=("kl", "versions", "prompts", "candidates", "rounds", "steps", "batch_size", "ema"),
    )

    def __init__(
        self,
        beta: float = 0.1,
        kl: float = 0.01,
        mode: str = "all",
        versions: int = 6,
        across: bool = True,
        guided: bool = False,
        points: int = 0,
        **settings: Any,
    ) -> None:
        if not beta > 0 or mode not in NFT_MODES:
            raise UsageError(
                f"the trainer 'flow_nft' needs beta above 0 and a mode of {', '.join(NFT_MODES)}, got {beta} "
                f"and {mode!r}"
            )
        shared = {
            "versions": int(versions),
            "across": bool(across),
            "guided": bool(guided),
            "points": int(points),
        }
        super().__init__({"beta": float(beta), "kl": float(kl), "mode": mode, **shared}, settings)

    def term(self, version: Version) -> tuple[torch.Tensor, dict[str, float]]:
        share = nft_share(version.advantage, ADVANTAGE_BOUND, self.own["mode"])
        terms = nft(
            version.velocity,
            version.old,
            version.noisy,
            version.latents,
            version.times[:, None, None],
            share,
            beta=self.own["beta"],
        )
        return terms.loss, {
            "positive": float(terms.positive.detach().mean()),
            "negative": float(terms.negative.detach().mean()),
            "share": float(share.mean()),
        }


class FlowAwm(ForwardProcess):
    """Advantage-weighted matching, one update per round's likelihoods, so that its ratio is 1.

    Args:
        kl: weight of the mean squared distance of the velocity from the starting model's.
        old: the same from the model that drew.
        weighting: of the error by time, see
            :func:`selfreward_eval.trainers.flow.likelihoods.matching_log_prob`.
        power: p of ``ghuber``.
        versions, across, guided, points, settings: see :class:`FlowNft`.
    """

    info = TrainerInfo(
        "flow_awm",
        "1",
        "AWM: flow matching weighed by the advantage of each picture",
        ours=("kl", "versions", "prompts", "candidates", "rounds", "steps", "batch_size", "ema"),
    )

    def __init__(
        self,
        kl: float = 0.1,
        old: float = 0.1,
        weighting: str = "uniform",
        power: float = 0.25,
        versions: int = 6,
        across: bool = True,
        guided: bool = False,
        points: int = 0,
        **settings: Any,
    ) -> None:
        if weighting not in AWM_WEIGHTINGS or not power > 0 or old < 0:
            raise UsageError(
                f"the trainer 'flow_awm' needs a weighting of {', '.join(AWM_WEIGHTINGS)}, power above 0 "
                f"and old of 0 or more, got {weighting!r}, {power} and {old}"
            )
        shared = {
            "versions": int(versions),
            "across": bool(across),
            "guided": bool(guided),
            "points": int(points),
        }
        own = {"kl": float(kl), "old": float(old), "weighting": weighting, "power": float(power)}
        super().__init__({**own, **shared}, settings)

    def term(self, version: Version) -> tuple[torch.Tensor, dict[str, float]]:
        log_prob = matching_log_prob(
            version.velocity,
            version.noise - version.latents,
            version.times,
            self.own["weighting"],
            self.own["power"],
        ).float()
        weight = version.advantage / ADVANTAGE_BOUND
        moved = per_picture((version.velocity - version.old) ** 2).mean()
        # The ratio to the likelihood now is 1; its gradient is the likelihood's.
        loss = -(weight * (log_prob - log_prob.detach()).exp()).mean() + self.own["old"] * moved
        return loss, {"error": float(-log_prob.detach().mean()), "moved": float(moved.detach())}
