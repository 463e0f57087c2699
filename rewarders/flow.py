"""For flow models: how well a picture fits its prompt, by the flow-matching loss. Not a likelihood.

A flow model has no tokens and so no R_U. What it offers is

    S(picture | prompt) = - mean over (t, eps) of || v(x_t, t | prompt) - (eps - x_0) ||^2

with the mean over the latent's elements, x_t = (1 - t) x_0 + t eps. It ranks pictures of one prompt
in the same spirit, it is not comparable with R_U, and it is never called by its name.

The condition is the sample's caption where it has one, as in R_U, and the prompt otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, isfinite, prod
from typing import TYPE_CHECKING, Any, cast

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.models.training import TrainsFlow, lacking
from selfreward_eval.harness.records import Status
from selfreward_eval.rewarders.base import Reward, Rewarder, RewarderInfo, RewardSample
from selfreward_eval.rewarders.building import needs_model

if TYPE_CHECKING:
    from PIL.Image import Image

    from selfreward_eval.harness.models.base import Model
    from selfreward_eval.rewarders.models import FlowModel

CAPABILITY = "flow_losses"


def velocity_losses(
    model: TrainsFlow,
    images: Sequence[Image],
    prompts: Sequence[str],
    times: Sequence[float],
    seeds: Sequence[int],
) -> list[list[float]]:
    """What ``flow_losses`` gives, for a model that offers its velocity: (picture, prompt) -> one loss per
    time.

    Args:
        model: its pictures are encoded by the autoencoder's mean; velocities are without guidance.
        images: RGB pictures of the size that it draws.
        prompts: aligned.
        times: in (0, 1).
        seeds: of the noise of each time, the same for every picture.
    """
    import torch

    with torch.no_grad():
        latents = model.encode(images).to(model.compute_device)
        columns = []
        if latents.shape[1] != prod(model.latent_grid):
            size = f"{images[0].width} x {images[0].height}"
            raise ValueError(f"a picture of {size} pixels is not of the size that the model draws")
        for time, seed in zip(times, seeds, strict=True):
            noise = model.noise([seed]).to(latents)
            t = torch.full((len(latents),), time, dtype=torch.float32, device=latents.device)
            velocity = model.velocity(list(prompts), (1 - time) * latents + time * noise, t)
            columns.append(((velocity - (noise - latents)) ** 2).double().flatten(1).mean(1))
        return [[float(loss) for loss in row] for row in torch.stack(columns, 1)]


class FlowSurrogate(Rewarder):
    """``flow_surrogate``: the negative mean flow-matching loss over fixed times and noises.

    Args:
        model: an adapter with ``flow_losses``, or one that can be trained by its velocity.
        steps: how many times, at the middles of equal parts of (0, 1).
        seed: of the first noise; the following ones count up.
        snapshot: which weights these are, if they are no longer those of the model's identity.
    """

    info = RewarderInfo(
        "flow_surrogate",
        "1",
        "Negative flow-matching loss of the picture given its prompt; not a likelihood",
        "self",
        (None, 0.0),
        needs=(CAPABILITY,),
        captions=True,
    )

    def __init__(
        self, model: Model | None = None, steps: int = 8, seed: int = 0, snapshot: str | None = None
    ) -> None:
        if steps < 1:
            raise UsageError(f"the rewarder 'flow_surrogate' needs at least one step, got steps={steps}")
        self._by_velocity = not lacking(model, TrainsFlow)
        self.model: FlowModel = (
            cast("FlowModel", model) if self._by_velocity else needs_model(model, self.info.name, CAPABILITY)
        )
        self.steps, self.seed, self.snapshot = int(steps), int(seed), snapshot

    def identity(self) -> dict[str, Any]:
        settings = {"steps": self.steps, "seed": self.seed, "snapshot": self.snapshot}
        return self.described(model=self.model.identity(), **settings)

    def measure(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        times = [(k + 0.5) / self.steps for k in range(self.steps)]
        seeds = [self.seed + k for k in range(self.steps)]
        images = [sample.image for sample in samples]
        texts = [sample.text or prompt for sample, prompt in zip(samples, prompts, strict=True)]
        if self._by_velocity:
            losses = velocity_losses(cast("TrainsFlow", self.model), images, texts, times, seeds)
        else:
            losses = self.model.flow_losses(images, texts, times, seeds)
        return [self._reward(row) for row in losses]

    def _reward(self, losses: Sequence[float]) -> Reward:
        if len(losses) != self.steps or not all(map(isfinite, losses)):
            return Reward.unscored(Status.MEASUREMENT_ERROR, f"the flow losses {list(losses)} are not usable")
        return Reward(-fsum(losses) / self.steps, evidence={"losses": list(losses)})
