"""Captions that trainers sample and learn."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from PIL import Image

from selfreward_eval.harness.models.bagel.adapter import BagelModel
from selfreward_eval.harness.models.training import TrainsCaptioning, lacking

Make = Callable[..., BagelModel]
QUESTION = "describe the picture in a few words"


def test_it_has_all_that_a_caption_trainer_asks_for(bagel: Make) -> None:
    assert lacking(bagel(), TrainsCaptioning) == []


def test_a_caption_depends_on_its_picture_and_seed_alone(bagel: Make, pictures: list[Image.Image]) -> None:
    model = bagel()
    images, seeds = [pictures[0], pictures[0], pictures[1]], [1, 2, 1]
    together = model.draw_captions(images, QUESTION, seeds)
    apart = [model.draw_captions([one], QUESTION, [seed])[0] for one, seed in zip(images, seeds, strict=True)]
    assert together == apart
    assert len(set(together)) == 3


def test_near_temperature_zero_it_is_the_greedy_answer(bagel: Make, pictures: list[Image.Image]) -> None:
    model = bagel()
    assert model.draw_captions(pictures[:2], QUESTION, [1, 2], temperature=1e-6) == [
        str(answer) for answer in model.answer(pictures[:2], [QUESTION] * 2)
    ]


def test_sampled_tokens_are_as_frequent_as_they_are_likely(bagel: Make, pictures: list[Image.Image]) -> None:
    from selfreward_eval.harness.models.bagel.contexts import read_text
    from selfreward_eval.harness.models.bagel.understanding import joined
    from selfreward_eval.harness.models.bagel.writing import write

    model = bagel()
    loaded, count = model.loaded, 400
    seen, _ = model._seen(pictures[:1])
    with torch.no_grad():
        context = joined(model._picture_contexts(seen) * count)
        asked = model.marked(model.text_ids([QUESTION], "the question")[0])
        context, _ = read_text(loaded.network, context, [asked] * count)
        first = context.select([0])
        _, hidden = read_text(loaded.network, first, [[loaded.markers.bos]])
        chances = (loaded.network.logits_of(hidden[0, 0]).double() / 0.5).softmax(-1)
    generators = [torch.Generator().manual_seed(seed) for seed in range(count)]
    rows = write(loaded.network, context, loaded.markers, 1, temperature=0.5, generators=generators)
    likeliest = int(chances.argmax())
    share = sum(tokens[:1] == [likeliest] for tokens, _ in rows) / count
    assert share == pytest.approx(float(chances[likeliest]), abs=0.1)


def test_the_end_is_learnt_and_gradients_flow(bagel: Make, pictures: list[Image.Image]) -> None:
    model = bagel().training_copy(guidance=None, temperature=1.0, rows=4)
    model.network.requires_grad_(True)
    captions = ["a red star", "two green hearts above a cross"]
    found = model.caption_logprobs(pictures[:2], QUESTION, captions)
    bare = model.text_logprobs(pictures[:2], captions, question=QUESTION)
    for ended, plain in zip(found, bare, strict=True):
        assert len(ended) == len(plain) + 1
        assert torch.allclose(ended[:-1], plain, atol=1e-5)
    sum(row.sum() for row in found).backward()  # type: ignore[union-attr]
    gradients = {name for name, part in model.network.named_parameters() if part.grad is not None}
    assert "language_model.model.layers.0.mlp.up_proj.weight" in gradients
    assert not any("_moe_gen" in name for name in gradients)
