"""Dual self-rewards: what a model draws is rewarded by what it then reads, and the other way round.

R_G(picture | prompt)  = 1/|prompt|  * sum_k log pi(prompt token k  | picture, the tokens before)
R_U(caption | picture) = 1/|picture| * sum_k log pi(picture token k | caption, the tokens before)

Both are conditional likelihoods at temperature 1 without guidance, natural logarithms. R_G compares
pictures of one prompt; between prompts it also measures how easy a prompt is. R_U does not penalise the
caption's length, which is therefore in the evidence.

Source: SUDER/DSR, arXiv:2506.07963. Its question before the prompt is not published: ``question`` is
this project's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import fsum, isfinite
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Status
from selfreward_eval.rewarders.base import Reward, Rewarder, RewarderInfo, RewardSample
from selfreward_eval.rewarders.building import needs_model

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

    from selfreward_eval.harness.models.base import ImageLogProbs, Model, TextLogProbs
    from selfreward_eval.rewarders.models import PictureScoringModel, TextScoringModel

QUESTION = "which prompt fits the picture?"
"""What is asked before the prompt's likelihood is read. The tiny model was trained on these words."""

CAPTIONS = ("sample", "prompt")

PAPER = "https://arxiv.org/abs/2506.07963"


def prompt_likelihoods(
    model: TextLogProbs,
    prompts: Sequence[str],
    images: Sequence[Image],
    question: str = QUESTION,
    *,
    gradients: bool = False,
) -> list[torch.Tensor]:
    """R_G before the mean: log pi of every prompt's tokens given its picture, float32 tensors (T_i,).

    Args:
        model: an adapter with ``text_logprobs``.
        prompts: what is scored.
        images: what it is scored against, aligned.
        question: what stands between picture and prompt.
        gradients: let them flow; off unless asked for.
    """
    return list(model.text_logprobs(images, prompts, question=question, gradients=gradients))


def picture_likelihoods(
    model: ImageLogProbs, captions: Sequence[str], images: Sequence[Image], *, gradients: bool = False
) -> torch.Tensor:
    """R_U before the mean: log pi of every picture's tokens given its caption, float32 (B, N).

    Args:
        model: an adapter with ``image_logprobs``.
        captions: the conditions.
        images: what is scored, aligned; encoded again by the model's own codec.
        gradients: let them flow; off unless asked for.
    """
    return model.image_logprobs(captions, images, gradients=gradients)


class _Likelihood(Rewarder):
    """What both directions share."""

    model: Model

    def __init__(self, snapshot: str | None, batch_size: int) -> None:
        self.snapshot, self.batch_size = snapshot, int(batch_size)

    def identity(self) -> dict[str, Any]:
        return self.described(model=self.model.identity(), snapshot=self.snapshot)


class PromptLikelihood(_Likelihood):
    """``dsr``: R_G, the mean log-probability of the prompt's tokens given the picture.

    Args:
        model: the adapter that rewards itself; it must offer ``text_logprobs``.
        question: what is asked before the prompt is scored.
        snapshot: which weights these are, if they are no longer those of the model's identity.
        batch_size: pictures scored together.
    """

    info = RewarderInfo(
        "dsr",
        "1",
        "R_G of dual self-rewards: mean log-likelihood of the prompt given the picture",
        "self",
        (None, 0.0),
        needs=("text_logprobs",),
        paper=PAPER,
    )

    def __init__(
        self,
        model: Model | None = None,
        question: str = QUESTION,
        snapshot: str | None = None,
        batch_size: int = 32,
    ) -> None:
        super().__init__(snapshot, batch_size)
        self.model: TextScoringModel = needs_model(model, self.info.name, "text_logprobs")
        self.question = question

    def identity(self) -> dict[str, Any]:
        return {**super().identity(), "question": self.question}

    def measure(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        images = [sample.image for sample in samples]
        likelihoods = prompt_likelihoods(self.model, prompts, images, self.question)
        return [mean_reward(tokens.tolist(), "the prompt") for tokens in likelihoods]


class PictureLikelihood(_Likelihood):
    """``dsr_understanding``: R_U, the mean log-probability of the picture's tokens given the caption.

    A sample's ``text`` is the caption; one without is not scored. With ``caption=prompt`` the prompt
    stands in for it: how likely a model finds a picture for its prompt.

    Args:
        model: the adapter that rewards itself; it must offer ``image_logprobs``, which only
            autoregressive models can. See :mod:`selfreward_eval.rewarders.flow` for the others.
        caption: what is the caption: ``sample``, its text, or ``prompt``.
        snapshot: which weights these are, if they are no longer those of the model's identity.
        batch_size: pictures scored together.
    """

    info = RewarderInfo(
        "dsr_understanding",
        "1",
        "R_U of dual self-rewards: mean log-likelihood of the picture given its caption",
        "self",
        (None, 0.0),
        needs=("image_logprobs",),
        captions=True,
        paper=PAPER,
    )

    def __init__(
        self,
        model: Model | None = None,
        caption: str = "sample",
        snapshot: str | None = None,
        batch_size: int = 32,
    ) -> None:
        if caption not in CAPTIONS:
            raise UsageError(
                f"the rewarder 'dsr_understanding' takes no caption {caption!r}; known: {', '.join(CAPTIONS)}"
            )
        super().__init__(snapshot, batch_size)
        self.model: PictureScoringModel = needs_model(model, self.info.name, "image_logprobs")
        self.caption = caption

    def identity(self) -> dict[str, Any]:
        return {**super().identity(), "caption": self.caption}

    def measure(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        if self.caption == "prompt":
            all_captions = list(prompts)
        else:
            all_captions = [sample.text or "" for sample in samples]
        captioned = [k for k, caption in enumerate(all_captions) if caption]
        captions = [all_captions[k] for k in captioned]
        rewards: dict[int, Reward] = {}
        if captioned:
            rows = picture_likelihoods(self.model, captions, [samples[k].image for k in captioned])
            for k, caption, row in zip(captioned, captions, rows, strict=True):
                reward = mean_reward(row.tolist(), "the picture")
                length = {"caption_words": len(caption.split()), "caption_characters": len(caption)}
                rewards[k] = replace(reward, evidence={**reward.evidence, **length})
        no_caption = Reward.unscored(Status.MEASUREMENT_ERROR, "the sample has no caption to score")
        return [rewards.get(k, no_caption) for k in range(len(samples))]


def mean_reward(tokens: Sequence[float], what: str) -> Reward:
    """The mean over tokens; not scored if there is none, or one is no finite number."""
    if not tokens:
        return Reward.unscored(Status.MEASUREMENT_ERROR, f"{what} has no token")
    if not all(map(isfinite, tokens)):
        return Reward.unscored(Status.MEASUREMENT_ERROR, f"the likelihood of {what} is no finite number")
    return Reward(fsum(tokens) / len(tokens), per_token=tuple(tokens), evidence={"tokens": len(tokens)})
