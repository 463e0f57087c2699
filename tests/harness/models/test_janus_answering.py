"""Answers: transformers' own greedy text, one by one or together."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from selfreward_eval.harness.models.janus import answering
from selfreward_eval.harness.models.janus.adapter import JanusModel

Make = Callable[..., JanusModel]
Pictures = list[Image.Image]

QUESTIONS = [
    "what colour is the star?",
    "how many circles are there?",
    "is the red circle left of the blue square?",
    "describe the picture.",
    "how many circles are there?",
]


def answer_by_transformers(model: JanusModel, picture: Image.Image, question: str) -> str:
    """The documented route: chat template, processor, generate, decode."""
    processor = model.loaded.processor
    turn = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}
    chat = processor.apply_chat_template([turn], add_generation_prompt=True)
    inputs = processor(text=chat, images=picture, return_tensors="pt").to("cpu", model.loaded.dtype)
    out = model.loaded.model.generate(**inputs, do_sample=False, max_new_tokens=model.max_new_tokens)
    return str(processor.decode(out[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)).strip()


@pytest.mark.parametrize("layout", ["tiny", "hub"])
def test_answers_are_transformers_own(
    layout: str, janus: Make, hub_checkpoint: Path, pictures: Pictures
) -> None:
    model = (
        janus(max_new_tokens=12)
        if layout == "tiny"
        else JanusModel(str(hub_checkpoint), dtype="float64", max_new_tokens=12)
    )
    ours = model.answer(pictures, QUESTIONS)
    assert ours == [answer_by_transformers(model, p, q) for p, q in zip(pictures, QUESTIONS, strict=True)]
    assert len(set(ours)) > 1


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_together_as_one_by_one(janus: Make, pictures: Pictures, dtype: str) -> None:
    model = janus(dtype, max_new_tokens=12)
    together = model.answer(pictures, QUESTIONS)
    assert together == [model.answer([p], [q])[0] for p, q in zip(pictures, QUESTIONS, strict=True)]
    backwards = model.answer(pictures[::-1], QUESTIONS[::-1])
    assert backwards == together[::-1]


def test_the_picture_is_looked_at(janus: Make, pictures: Pictures) -> None:
    said = janus(max_new_tokens=12).answer(pictures, ["describe the picture."] * 5)
    assert len(set(said)) > 1


def test_pictures_of_any_size_and_mode_are_taken(janus: Make, pictures: Pictures) -> None:
    model = janus(max_new_tokens=4)
    odd = [pictures[0].resize((96, 60)), pictures[0].convert("L"), pictures[0].convert("RGBA")]
    assert len(model.answer(odd, QUESTIONS[:3])) == 3


def test_an_answer_has_at_most_so_many_tokens(janus: Make, pictures: Pictures) -> None:
    assert all(len(said.split()) <= 3 for said in janus(max_new_tokens=3).answer(pictures, QUESTIONS))
    assert any(len(said.split()) > 3 for said in janus(max_new_tokens=9).answer(pictures, QUESTIONS))


def test_answering_is_no_matter_of_luck(janus: Make, pictures: Pictures) -> None:
    model = janus(max_new_tokens=12)
    torch.manual_seed(0)
    first = model.answer(pictures[:2], QUESTIONS[:2])
    torch.manual_seed(1)
    assert model.answer(pictures[:2], QUESTIONS[:2]) == first


def test_a_question_for_every_picture(janus: Make, pictures: Pictures) -> None:
    assert janus().answer([], []) == []
    with pytest.raises(ValueError, match="2 pictures but 1 questions"):
        janus().answer(pictures[:2], ["what?"])


def test_a_close_choice_is_made_in_float64(
    janus: Make, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever float32 may be trusted with, the answers are float64's."""
    model = janus(max_new_tokens=12)
    said = model.answer(pictures, QUESTIONS)
    widths: list[torch.dtype] = []
    before = answering._greedy

    def noting(network: Any, *rest: Any) -> Any:
        widths.append(network.dtype)
        return before(network, *rest)

    monkeypatch.setattr(answering, "_greedy", noting)
    monkeypatch.setattr(answering, "LEAD", math.inf)
    assert model.answer(pictures, QUESTIONS) == said
    assert widths == [torch.float32, torch.float64]
    monkeypatch.setattr(answering, "LEAD", -1.0)
    assert model.answer(pictures, QUESTIONS) == said


def test_answers_follow_the_weights(janus: Make, pictures: Pictures) -> None:
    """The copy in float32 is not older than the model."""
    model = janus(max_new_tokens=12)
    before = model.answer(pictures, QUESTIONS)
    with torch.no_grad():
        model.loaded.model.lm_head.weight.copy_(model.loaded.model.lm_head.weight.flip(0))
    after = model.answer(pictures, QUESTIONS)
    assert after != before
    pairs = zip(pictures, QUESTIONS, strict=True)
    assert after == [answer_by_transformers(model, picture, question) for picture, question in pairs]


def test_a_checkpoint_that_asks_for_more_than_the_likeliest_token_gets_it(
    janus: Make, pictures: Pictures
) -> None:
    model = janus(max_new_tokens=12)
    model.loaded.model.generation_config.repetition_penalty = 50.0
    said = model.answer(pictures, QUESTIONS)
    pairs = zip(pictures, QUESTIONS, strict=True)
    assert said == [answer_by_transformers(model, picture, question) for picture, question in pairs]
