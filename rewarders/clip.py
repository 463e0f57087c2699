"""CLIP as a reward: the cosine of picture and prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.rewarders.base import Reward, Rewarder, RewarderInfo, RewardSample
from selfreward_eval.rewarders.building import instrument

if TYPE_CHECKING:
    from selfreward_eval.harness.instruments.base import ImageTextScorer


class ClipReward(Rewarder):
    """The embeddings' cosine in [-1, 1], neither scaled nor clamped.

    Args:
        scorer: an :class:`~selfreward_eval.harness.instruments.base.ImageTextScorer`, or its registry name.
        scorer_args: its constructor's arguments, for a name.
        template: what the picture is compared with; ``{prompt}`` stands for the prompt.
    """

    info = RewarderInfo(
        "clip",
        "1",
        "Cosine similarity of picture and prompt by CLIP",
        "external",
        (-1.0, 1.0),
        needs=("scorer",),
        paper="https://arxiv.org/abs/2103.00020",
    )

    def __init__(
        self,
        scorer: ImageTextScorer | str = "open_clip",
        scorer_args: Mapping[str, Any] | None = None,
        template: str = "{prompt}",
    ) -> None:
        self.scorer: ImageTextScorer = instrument(scorer, scorer_args, "similarities", "scorer")
        self.template = template

    def identity(self) -> dict[str, Any]:
        return self.described(template=self.template, scorer=self.scorer.identity())

    def measure(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        texts = [self.template.replace("{prompt}", prompt) for prompt in prompts]
        similarities = self.scorer.similarities([sample.image for sample in samples], texts)
        return [Reward.measured(float(value), "the similarity") for value in similarities]
