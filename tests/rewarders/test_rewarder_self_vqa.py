"""P(yes) from a model's own likelihoods: exact, computed once per question, and any answer may be the yes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.errors import MissingCapability, UsageError
from selfreward_eval.harness.instruments.base import VQA
from selfreward_eval.rewarders.self_vqa import Fill, Question, SelfVQA, answers, log_sum


class Spoken:
    """A model whose every answer has a likelihood that the test chose.

    Attributes:
        calls: question and number of texts of every call.
    """

    def __init__(self, likelihoods: Mapping[str, float]) -> None:
        self.likelihoods = likelihoods
        self.calls: list[tuple[str | None, int]] = []

    def identity(self) -> dict[str, Any]:
        return {"name": "spoken", "revision": "1"}

    def text_logprobs(
        self,
        images: Sequence[Image.Image],
        texts: Sequence[str],
        *,
        question: str | None = None,
        gradients: bool = False,
    ) -> list[Any]:
        import torch

        assert not gradients
        self.calls.append((question, len(texts)))
        # Half of the logarithm on each of two tokens: a reading must take all of them.
        return [torch.full((2,), math.log(self.likelihoods.get(text, 1e-9)) / 2) for text in texts]


def picture(shade: int = 0) -> Image.Image:
    return Image.new("RGB", (4, 4), (shade, 0, 0))


def test_the_model_is_a_vqa_instrument() -> None:
    assert isinstance(SelfVQA(Spoken({})), VQA)


def test_the_share_of_yes_is_taken_over_both_answers() -> None:
    vqa = SelfVQA(Spoken({"yes": 0.3, "no": 0.1}))
    assert vqa.yes_probabilities([picture()], ["is it?"]) == [pytest.approx(0.75)]


def test_a_share_of_tiny_likelihoods_is_exact() -> None:
    """Their exponentials would both be 0 in single precision."""
    vqa = SelfVQA(Spoken({"yes": 3e-100, "no": 1e-100}))
    assert vqa.yes_probabilities([picture()], ["is it?"]) == [pytest.approx(0.75, rel=1e-4)]


def test_further_spellings_are_added() -> None:
    vqa = SelfVQA(Spoken({"yes": 0.1, "Yes": 0.5, "no": 0.2}), {"yes": ["Yes"], "no": ["No"]})
    assert vqa.yes_probabilities([picture()], ["is it?"]) == [pytest.approx(0.75)]


def test_a_number_may_be_the_yes() -> None:
    model = Spoken({"one": 0.1, "two": 0.6, "three": 0.1})
    question = Question("how many?", yes=("two", "three"), no=("zero", "one"))
    (answer,) = SelfVQA(model).answers([picture()], [question])
    assert answer.probability == pytest.approx(0.7 / 0.8)


def test_a_word_that_only_the_picture_knows_is_asked_first() -> None:
    model = Spoken({"red": 0.2, "blue": 0.7, "yes": 0.9, "no": 0.1})
    fill = Fill("colour of ring", "what colour is the ring?", ("red", "blue"))
    question = Question("is the {colour of ring} ring left of the star?", fills=(fill,))
    (answer,) = SelfVQA(model).answers([picture()], [question])
    assert answer.question == "is the blue ring left of the star?"
    assert answer.probability == pytest.approx(0.9)


def test_one_question_about_many_pictures_is_one_call() -> None:
    model = Spoken({"yes": 0.5, "no": 0.5})
    SelfVQA(model).yes_probabilities([picture(k) for k in range(5)], ["a?", "b?", "a?", "a?", "b?"])
    assert model.calls == [("a?", 6), ("b?", 4)]


def test_the_same_question_about_the_same_picture_is_asked_once() -> None:
    model, same = Spoken({"yes": 0.5, "no": 0.5}), picture()
    assert SelfVQA(model).yes_probabilities([same] * 3, ["a?"] * 3) == [pytest.approx(0.5)] * 3
    assert model.calls == [("a?", 2)]


def test_a_likelihood_that_is_no_number_gives_none() -> None:
    vqa = SelfVQA(Spoken({"yes": math.nan, "no": 0.5}))
    assert math.isnan(vqa.yes_probabilities([picture()], ["is it?"])[0])
    assert math.isnan(log_sum([0.0, math.nan]))
    assert log_sum([-math.inf, -math.inf]) == -math.inf


def test_its_identity_names_model_snapshot_and_spellings() -> None:
    identity = SelfVQA(Spoken({}), {"yes": ["Yes"]}, snapshot="step 10").identity()
    assert identity["model"] == {"name": "spoken", "revision": "1"}
    assert (identity["snapshot"], identity["spellings"]) == ("step 10", {"yes": ["Yes"]})


def test_a_model_that_cannot_score_texts_is_refused() -> None:
    class Drawing:
        def identity(self) -> dict[str, Any]:
            return {"name": "drawing"}

        def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Any]:
            return []

    with pytest.raises(MissingCapability, match=r"'text_logprobs'; drawing offers: generate"):
        SelfVQA(Drawing())


class YesMan:
    """An instrument that only knows yes."""

    def identity(self) -> dict[str, Any]:
        return {"name": "yes_man"}

    def yes_probabilities(self, images: Sequence[Any], questions: Sequence[str]) -> list[float]:
        return [1.0] * len(questions)


def test_any_vqa_instrument_answers_plain_questions() -> None:
    (answer,) = answers(YesMan(), [picture()], [Question("is it?")])
    assert (answer.question, answer.probability) == ("is it?", 1.0)


def test_other_questions_are_not_put_to_an_instrument_that_reads_yes_and_no() -> None:
    with pytest.raises(UsageError, match="yes_man answers yes or no only and cannot be asked 'how many"):
        answers(YesMan(), [picture()], [Question("how many?", yes=("two",), no=("one",))])


def test_the_tiny_model_knows_what_it_sees(tiny: Any, scene: Any) -> None:
    image = scene(("star", "red", 8, 24), ("ring", "blue", 40, 24)).image
    asked = ["is there a red star?", "is there a blue star?", "is the red star left of the blue ring?"]
    found = SelfVQA(tiny).yes_probabilities([image] * 3, asked)
    assert found[0] > 0.9
    assert found[1] < 0.1
    assert found[2] > 0.5
