"""Asking all options at once changes speed only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from selfreward_eval.rewarders.base import Rewarder, RewardSample
from selfreward_eval.rewarders.dual import PromptLikelihood
from selfreward_eval.rewarders.self_vqa import Fill, Question, SelfVQA
from selfreward_eval.rewarders.srum.rewarder import SrumReward
from selfreward_eval.rewarders.vqa import VqaReward

COLOUR = Fill("c", "what colour is the star?", ("red", "blue"))

ASKED = [
    Question("how many stars are there?", ("one",), ("zero", "two")),
    Question("is there a red star?"),
    Question("is the {c} star above the red ring?", fills=(COLOUR,)),
    Question("is there a red star?"),
]


class OneByOne:
    """The same model without what makes it fast."""

    def __init__(self, model: Any) -> None:
        self.text_logprobs, self.identity = model.text_logprobs, model.identity


def test_answers_are_the_same_either_way(tiny: Any, scene: Any) -> None:
    first = scene(("star", "red", 8, 8), ("ring", "red", 8, 24)).image
    images = [first, first, first, scene(("star", "blue", 24, 24)).image]
    fast, slow = SelfVQA(tiny).answers(images, ASKED), SelfVQA(OneByOne(tiny)).answers(images, ASKED)
    assert [one.question for one in fast] == [one.question for one in slow]
    for a, b in zip(fast, slow, strict=True):
        assert a.probability == pytest.approx(b.probability, abs=1e-5)


REWARDERS: dict[str, Callable[[Any], Rewarder]] = {
    "dsr": PromptLikelihood,
    "vqa": lambda model: VqaReward("self", questions="shapes", model=model),
    "srum": lambda model: SrumReward(model, ask="yes", regions="shapes", questions="shapes"),
}


@pytest.mark.parametrize("name", REWARDERS)
def test_a_reward_is_the_same_in_any_batch_and_order(name: str, tiny: Any, scene: Any) -> None:
    """To the last bit, with pictures of different numbers of regions and prompts of different lengths."""
    pairs = [
        ("a picture of a red star", scene(("star", "red", 8, 8), ("ring", "red", 8, 24)).image),
        ("a picture of a blue star above a red ring", scene(("star", "blue", 24, 8)).image),
        ("a picture of two circles", scene(("circle", "red", 8, 8), ("circle", "blue", 32, 32)).image),
        ("a picture of a red star", scene(("cross", "green", 24, 24)).image),
    ]

    def values(chosen: list[tuple[str, Any]]) -> list[float | None]:
        prompts = [prompt for prompt, _ in chosen]
        samples = [RewardSample(image) for _, image in chosen]
        return [reward.value for reward in rewarder.score(prompts, samples)]

    rewarder = REWARDERS[name](tiny)
    together = values(pairs)
    assert None not in together
    assert values(pairs[::-1])[::-1] == together
    assert [values([pair])[0] for pair in pairs] == together
    assert values(pairs * 3) == together * 3
