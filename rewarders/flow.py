"""For flow models: how well a picture fits its prompt, by the flow-matching loss. Not a likelihood.

A flow model has no tokens and so no R_U. What it offers is

    S(picture | prompt) = - mean over (t, eps) of || v(x_t, t | prompt) - (eps - x_0) ||^2

with the mean over the latent's elements, x_t = (1 - t) x_0 + t eps. It ranks pictures of one prompt
in the same spirit, it is not comparable with R_U, and it is never called by its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Status
from selfreward_eval.rewarders.base import Reward, Rewarder, RewarderInfo, RewardSample
from selfreward_eval.rewarders.building import needs_model

if TYPE_CHECKING:
    from PIL.Image import Image

CAPABILITY = "flow_losses"


@runtime_checkable
class FlowLosses(Protocol):
    """A model whose velocity field can be asked how well it predicts a picture."""

    def flow_losses(
        self, images: Sequence[Image], prompts: Sequence[str], times: Sequence[float], seeds: Sequence[int]
    ) -> list[list[float]]:
        """For every (picture, prompt) one loss per (time, seed): mean squared velocity error over the latent.

        ``times`` and ``seeds`` are aligned; a seed makes the noise of its time, the same for every picture.
        """
        ...


class FlowSurrogate(Rewarder):
    """``flow_surrogate``: the negative mean flow-matching loss over fixed times and noises.

    Args:
        model: an adapter with ``flow_losses``.
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
    )

    def __init__(self, model: Any = None, steps: int = 8, seed: int = 0, snapshot: str | None = None) -> None:
        if steps < 1:
            raise UsageError(f"the rewarder 'flow_surrogate' needs at least one step, got steps={steps}")
        self.model = needs_model(model, self.info.name, CAPABILITY)
        self.steps, self.seed, self.snapshot = int(steps), int(seed), snapshot

    def identity(self) -> dict[str, Any]:
        settings = {"steps": self.steps, "seed": self.seed, "snapshot": self.snapshot}
        return self.described(model=self.model.identity(), **settings)

    def measure(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        times = [(k + 0.5) / self.steps for k in range(self.steps)]
        seeds = [self.seed + k for k in range(self.steps)]
        found = self.model.flow_losses([one.image for one in samples], prompts, times, seeds)
        return [self._reward(losses) for losses in found]

    def _reward(self, losses: Sequence[float]) -> Reward:
        from math import fsum, isfinite

        if len(losses) != self.steps or not all(map(isfinite, losses)):
            return Reward.unscored(Status.MEASUREMENT_ERROR, f"the flow losses {list(losses)} are not usable")
        return Reward(-fsum(losses) / self.steps, evidence={"losses": list(losses)})
