"""NaN and infinity: an error that costs the sample over which they were computed, and no other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from PIL import Image

from selfreward_eval.harness.instruments.backends.finite import NotFinite
from selfreward_eval.harness.models.janus.adapter import JanusModel
from selfreward_eval.harness.records import Item, Measurement, Status
from selfreward_eval.harness.runs.answering import _answers
from selfreward_eval.harness.runs.drawing import _generate
from selfreward_eval.harness.runs.plan import Planned

Make = Callable[..., JanusModel]
Pictures = list[Image.Image]
PROMPTS = ("a red circle", "a blue star", "a red cross")
POISONED = "a blue star"


@contextmanager
def poisoned(model: JanusModel, value: float = math.nan) -> Iterator[None]:
    """Inside, the embedding of the word "blue" is ``value``: activations that overflow over one prompt."""
    network = model.loaded.model
    (word,) = model.loaded.processor.tokenizer("blue", add_special_tokens=False)["input_ids"]

    def spoil(_module: Any, arguments: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
        return output.masked_fill((arguments[0] == word)[..., None], value)

    handle = network.get_input_embeddings().register_forward_hook(spoil)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def spoilt(module: torch.nn.Module, value: float) -> Iterator[None]:
    """Inside, the first number of every output of ``module`` is ``value``."""

    def spoil(_module: Any, _arguments: Any, output: torch.Tensor) -> torch.Tensor:
        output = output.clone()
        output.view(-1)[0] = value
        return output

    handle = module.register_forward_hook(spoil)
    try:
        yield
    finally:
        handle.remove()


def planned(*prompts: str) -> list[Planned]:
    return [Planned(k, Item(str(k), text, "one"), 0, k) for k, text in enumerate(prompts)]


values = pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])


def test_a_prompt_over_which_the_model_overflows_costs_its_own_picture(janus: Make) -> None:
    model = janus(guidance=1.5)
    sound = model.generate(PROMPTS, range(3))
    with poisoned(model):
        drawn = _generate(model, "toy", planned(*PROMPTS))
    failed = drawn[1]
    assert isinstance(failed, Measurement)
    assert failed.status is Status.GENERATION_ERROR
    assert "a logit of a picture token is NaN or infinite" in failed.reason
    for k in (0, 2):
        picture = drawn[k]
        assert isinstance(picture, Image.Image)
        assert picture.tobytes() == sound[k].tobytes()


def test_a_question_over_which_it_overflows_costs_its_own_answer(janus: Make, pictures: Pictures) -> None:
    model = janus(max_new_tokens=3)  # the random model's longer answers say "blue" themselves
    sound = model.answer(pictures[:3], PROMPTS)
    with poisoned(model):
        answered = _answers(model, planned(*PROMPTS), pictures[:3])
    failed = answered[1]
    assert isinstance(failed, Measurement)
    assert failed.status is Status.GENERATION_ERROR
    assert "a logit of the answer is NaN or infinite" in failed.reason
    assert [answered[0], answered[2]] == [sound[0], sound[2]]


@values
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_one_logit_is_enough(janus: Make, value: float, temperature: float) -> None:
    model = janus(temperature=temperature, top_k=3)
    with (
        spoilt(model.loaded.model.model.generation_head.vision_head, value),
        pytest.raises(NotFinite, match="picture token"),
    ):
        model.draw(PROMPTS[:1], [0])


@values
def test_a_decoder_that_overflows_draws_no_black_picture(janus: Make, value: float) -> None:
    model = janus()
    tokens = model.generate_tokens(PROMPTS[:1], [0])
    with (
        spoilt(model.loaded.model.model.vqmodel.decoder, value),
        pytest.raises(NotFinite, match="pixel"),
    ):
        model.decode(tokens)


def test_an_encoder_that_overflows_gives_no_tokens(janus: Make, pictures: Pictures) -> None:
    model = janus()
    with (
        spoilt(model.loaded.model.model.vqmodel.encoder, math.nan),
        pytest.raises(NotFinite, match="encoded picture"),
    ):
        model.image_logprobs(PROMPTS[:1], pictures[:1])


ASKED: dict[str, Callable[[JanusModel, Pictures], Any]] = {
    "answer": lambda model, pictures: model.answer(pictures[:1], [POISONED]),
    "text": lambda model, pictures: model.text_logprobs(pictures[:1], [POISONED]),
    "question": lambda model, pictures: model.text_logprobs(pictures[:1], ["a"], question=POISONED),
    "picture": lambda model, pictures: model.image_logprobs([POISONED], pictures[:1]),
    "options": lambda model, pictures: model.option_logprobs(pictures[:1], [POISONED], [["a", "red"]]),
    "continuation": lambda model, _: model.complete([POISONED], limit=2),
    "likelihood": lambda model, _: model.completion_logprobs([POISONED], [" a red"]),
    "caption": lambda model, pictures: model.draw_captions(pictures[:1], POISONED, [0], max_tokens=2),
}


@pytest.mark.parametrize("asked", list(ASKED))
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_nothing_that_is_asked_gives_a_number(
    janus: Make, pictures: Pictures, asked: str, value: float
) -> None:
    model = janus()
    with poisoned(model, value), pytest.raises(NotFinite, match="NaN or infinite"):
        ASKED[asked](model, pictures)


def test_what_a_trainer_asks_for_is_its_own_to_check(janus: Make, pictures: Pictures) -> None:
    """A loss of NaN stops a training with the step and the term; see trainers/stopping.py."""
    model = janus()
    with poisoned(model):
        (found,) = model.text_logprobs(pictures[:1], [POISONED], gradients=True)
    assert not bool(found.isfinite().all())
