"""Asking all options at once changes speed only."""

from __future__ import annotations

from typing import Any

import pytest

from selfreward_eval.rewarders.self_vqa import Fill, Question, SelfVQA

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
