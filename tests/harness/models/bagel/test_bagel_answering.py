"""Answers and likelihoods: the same alone and in any batch, and those of one pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from PIL import Image

from selfreward_eval.harness.models.bagel.adapter import BagelModel
from selfreward_eval.harness.models.base import CutAnswer

QUESTIONS = ["how many circles are there?", "describe", "a picture of two green hearts above a cross"]

Make = Callable[..., BagelModel]


@pytest.mark.parametrize("dtype", ["auto", "float32"])
@pytest.mark.parametrize("settings", [{}, {"think_answers": True}, {"answer_resizing": "chat"}])
def test_answers_are_the_same_in_any_batch(
    bagel: Make, pictures: list[Image.Image], dtype: str, settings: dict[str, object]
) -> None:
    model = bagel(dtype, **settings)
    images = [pictures[0], pictures[1], pictures[0], pictures[2].resize((64, 40))]
    questions = [*QUESTIONS, QUESTIONS[0]]
    together = model.answer(images, questions)
    assert together == [model.answer([i], [q])[0] for i, q in zip(images, questions, strict=True)]
    assert len(set(together)) == 4


def test_an_answer_that_is_cut_says_so(bagel: Make, pictures: list[Image.Image]) -> None:
    model = bagel(max_new_tokens=3)
    assert isinstance(model.answer(pictures[:1], QUESTIONS[:1])[0], CutAnswer)


def test_an_answer_that_ends_by_itself_is_whole(bagel: Make, pictures: list[Image.Image]) -> None:
    model = bagel()
    head = model.loaded.network.language_model.lm_head.weight
    kept = head.detach().clone()
    try:
        with torch.no_grad():
            head.zero_()  # all logits alike: the first of them, the end of a text here, is the likeliest
            head[model.loaded.markers.eos] = 0
        model.loaded.__dict__["markers"] = model.loaded.markers._replace(eos=0)
        answer = model.answer(pictures[:1], QUESTIONS[:1])[0]
    finally:
        with torch.no_grad():
            head.copy_(kept)
        model.loaded.__dict__["markers"] = model.loaded.markers._replace(
            eos=int(str(model.loaded.tokenizer.convert_tokens_to_ids("<|im_end|>")))
        )
    assert answer == ""
    assert not isinstance(answer, CutAnswer)


def test_options_have_the_likelihoods_of_texts(bagel: Make, pictures: list[Image.Image]) -> None:
    model = bagel()
    images = [pictures[0], pictures[1], pictures[0]]
    options = [["yes", "no", "a red star"], ["red"], ["yes"]]
    found = model.option_logprobs(images, QUESTIONS, options)
    for image, question, texts, scores in zip(images, QUESTIONS, options, found, strict=True):
        for text, row in zip(texts, scores, strict=True):
            alone = model.text_logprobs([image], [text], question=question)[0]
            assert torch.allclose(row, alone, atol=1e-6)
            assert len(row) == len(model.text_ids([text], "the text")[0])


def test_likelihoods_are_those_of_a_distribution(bagel: Make, pictures: list[Image.Image]) -> None:
    """The probabilities of all texts of one token sum to 1."""
    model = bagel()
    from selfreward_eval.harness.models.bagel.sequences import word_logits

    seen = model.look(pictures[0])
    asked = model.marked([5, 6])
    with torch.no_grad():
        logits = word_logits(
            model.loaded.network, model.loaded.markers, seen.patches[None], seen.grid, [[asked, [1]]]
        )
    assert logits.shape == (1, len(asked) + 1, 400)
    assert float(logits.softmax(-1)[0, -1].sum()) == pytest.approx(1)


def test_gradients_flow_into_both_the_tower_and_the_words(
    bagel_folder: object, pictures: list[Image.Image]
) -> None:
    model = BagelModel(str(bagel_folder), device="cpu", dtype="float32")
    network = model.loaded.network.requires_grad_(True)
    scores = model.text_logprobs(pictures[:2], ["red", "a red star"], gradients=True)
    torch.cat(scores).sum().backward()
    for name in ("connector.fc1.weight", "language_model.lm_head.weight"):
        gradient = dict(network.named_parameters())[name].grad
        assert gradient is not None
        assert float(gradient.norm()) > 0
    gen = dict(network.named_parameters())["language_model.model.layers.0.mlp_moe_gen.up_proj.weight"].grad
    assert gen is None, "the set that draws takes no part in understanding"


def test_a_picture_is_encoded_once_for_all_its_questions(
    bagel: Make, pictures: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = bagel()
    rows = []
    original = type(model.loaded.network).patch_tokens

    def counted(network: Any, patches: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
        rows.append(len(patches))
        return original(network, patches, grid)

    monkeypatch.setattr(type(model.loaded.network), "patch_tokens", counted)
    model.answer([pictures[0]] * 3, QUESTIONS)
    assert sum(rows) == 1
