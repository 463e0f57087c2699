"""A reward of captions by questions that the model answers itself: about what a caption names, and how much.

The rewarder ``vqa`` asks whether what a text names is there; a caption that leaves objects out passes. Here
the number of objects is asked as well, so that a caption has to name all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.records import Status
from selfreward_eval.rewarders.base import Reward, Rewarder, RewarderInfo, RewardSample
from selfreward_eval.rewarders.questions.shapes import read, shapes
from selfreward_eval.rewarders.self_vqa import Question, SelfVQA
from selfreward_eval.tasks.shapes.vocabulary import NUMBERS


class CaptionQuestions(Rewarder):
    """The mean probability that a caption is right, over questions about it; of shapes captions.

    Args:
        model: the adapter that rewards itself; it must offer ``text_logprobs``.
    """

    info = RewarderInfo(
        "caption_questions",
        "1",
        "The caption as questions, with the number of objects: mean of P(yes)",
        "self",
        (0.0, 1.0),
        needs=("text_logprobs",),
    )

    def __init__(self, model: Any) -> None:
        self.vqa = SelfVQA(model)

    def identity(self) -> dict[str, Any]:
        return self.described(vqa=self.vqa.identity())

    def measure(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        """A caption outside the language, or of more than five objects, is not scored."""
        plans = [_questions(sample.text or "") for sample in samples]
        asked = [
            (sample.image, question)
            for sample, plan in zip(samples, plans, strict=True)
            if not isinstance(plan, str)
            for question in plan
        ]
        answers = iter(self.vqa.answers([image for image, _ in asked], [question for _, question in asked]))
        rewards = []
        for plan in plans:
            if isinstance(plan, str):
                rewards.append(Reward.unscored(Status.MEASUREMENT_ERROR, plan))
                continue
            answered = [next(answers) for _ in plan]
            evidence = {"questions": [answer.question for answer in answered]}
            value = fsum(answer.probability for answer in answered) / len(answered)
            rewards.append(Reward(value, evidence=evidence))
        return rewards


def _questions(caption: str) -> tuple[Question, ...] | str:
    """The questions about a caption, or why there are none."""
    try:
        things, _ = read(caption)
        asked = shapes(caption, {}).whole
    except InputError as error:
        return str(error)
    total = sum(thing.count or 1 for thing in things)
    if total >= len(NUMBERS):
        return f"the caption names {total} objects, and the model counts up to {len(NUMBERS) - 1}"
    others = tuple(number for number in NUMBERS if number != NUMBERS[total])
    return (*asked, Question("how many objects are there?", (NUMBERS[total],), others))
