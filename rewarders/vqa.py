"""A prompt decomposed into questions, and the probability that each is answered by yes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import fsum, isfinite, prod
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.records import Status
from selfreward_eval.rewarders.base import Reward, Rewarder, RewarderInfo, RewardSample
from selfreward_eval.rewarders.building import instrument, needs_model
from selfreward_eval.rewarders.questions import question_maker
from selfreward_eval.rewarders.self_vqa import Answer, Question, SelfVQA, answers

if TYPE_CHECKING:
    from selfreward_eval.harness.instruments.base import VQA
    from selfreward_eval.harness.models.base import Model

SELF = "self"
"""The name under which a model is its own VQA instrument."""

COMBINATIONS = ("mean", "product")


class VqaReward(Rewarder):
    """The mean, or the product, of P(yes) over the prompt's questions.

    Args:
        vqa: a :class:`~selfreward_eval.harness.instruments.base.VQA`, its registry name, or ``self``.
        vqa_args: its constructor's arguments, for a name; for ``self`` those of
            :class:`~selfreward_eval.rewarders.self_vqa.SelfVQA`.
        questions: how prompts are decomposed; see :mod:`selfreward_eval.rewarders.questions`.
        combine: ``mean`` or ``product``.
        model: the adapter that rewards itself, for ``self``.
    """

    info = RewarderInfo(
        "vqa",
        "1",
        "The prompt as questions: mean or product of P(yes)",
        "external",
        (0.0, 1.0),
        needs=("vqa",),
        paper="https://arxiv.org/abs/2605.12495",
    )

    def __init__(
        self,
        vqa: VQA | str = "vlm_vqa",
        vqa_args: Mapping[str, Any] | None = None,
        questions: str = "auto",
        combine: str = "mean",
        model: Model | None = None,
    ) -> None:
        if combine not in COMBINATIONS:
            raise UsageError(
                f"the rewarder 'vqa' cannot combine by {combine!r}; known: {', '.join(COMBINATIONS)}"
            )
        self.vqa = vqa_instrument(vqa, vqa_args, model, self.info.name)
        self.questions, self.combine = questions, combine
        self._question_maker = question_maker(questions)
        if isinstance(self.vqa, SelfVQA):
            self.info = replace(type(self).info, kind="self", needs=("text_logprobs",))

    def identity(self) -> dict[str, Any]:
        return self.described(vqa=self.vqa.identity(), questions=self.questions, combine=self.combine)

    def measure(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        plans = [self._plan(prompt, sample) for prompt, sample in zip(prompts, samples, strict=True)]
        pairs = [
            (sample.image, question)
            for sample, plan in zip(samples, plans, strict=True)
            if not isinstance(plan, str)
            for question in plan
        ]
        answered = iter(answers(self.vqa, [image for image, _ in pairs], [question for _, question in pairs]))
        return [
            Reward.unscored(Status.MEASUREMENT_ERROR, plan)
            if isinstance(plan, str)
            else self._reward([next(answered) for _ in plan])
            for plan in plans
        ]

    def _plan(self, prompt: str, sample: RewardSample) -> tuple[Question, ...] | str:
        """The questions, or why there are none."""
        try:
            return self._question_maker(prompt, sample.metadata).whole
        except InputError as error:
            return str(error)

    def _reward(self, answers: Sequence[Answer]) -> Reward:
        yes = [answer.probability for answer in answers]
        evidence = {"questions": [answer.question for answer in answers]}
        if not all(isfinite(p) and 0.0 <= p <= 1.0 for p in yes):
            invalid = next(answer for answer in answers if not 0.0 <= answer.probability <= 1.0)
            reason = f"the answer to {invalid.question!r} is {invalid.probability}, no probability"
            return Reward.unscored(Status.MEASUREMENT_ERROR, reason, evidence)
        value = fsum(yes) / len(yes) if self.combine == "mean" else prod(yes)
        parts = {f"yes_{number}": p for number, p in enumerate(yes, start=1)}
        return Reward(value, {**parts, "least": min(yes)}, evidence=evidence)


def vqa_instrument(
    vqa: VQA | str, arguments: Mapping[str, Any] | None, model: Model | None, rewarder: str
) -> VQA:
    """The VQA instrument of that name, or the model as its own.

    Raises:
        MissingCapability: ``self`` without a model that can score texts.
    """
    if vqa == SELF:
        return SelfVQA(needs_model(model, rewarder, "text_logprobs"), **dict(arguments or {}))
    built: VQA = instrument(vqa, arguments, "yes_probabilities", "vqa")
    return built
