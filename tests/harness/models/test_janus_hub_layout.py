"""Our own prompt building agrees with the processor's, for any chat template and tokenizer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from selfreward_eval.harness.models.janus.adapter import JanusModel

Make = Callable[..., JanusModel]

PROMPTS = ["a red star left of a blue ring", "two green hearts", "User: an image of ünïcödé, {braces} & 100%"]


@pytest.fixture(scope="module")
def hub(hub_checkpoint: Path) -> JanusModel:
    return JanusModel(str(hub_checkpoint), dtype="float64", temperature=0.0)


@pytest.fixture(params=["tiny", "hub"])
def model(request: pytest.FixtureRequest, janus: Make, hub: JanusModel) -> JanusModel:
    return janus() if request.param == "tiny" else hub


def test_the_name_is_the_folders(hub: JanusModel) -> None:
    assert hub.identity()["name"] == "Janus-Tiny-1B"


def test_drawing_prompts_are_the_processors(model: JanusModel) -> None:
    processor = model.loaded.processor
    for prompt, ids in zip(PROMPTS, model.prompt_ids(PROMPTS), strict=True):
        turn = {"role": "user", "content": [{"type": "text", "text": prompt}]}
        chat = processor.apply_chat_template([turn], add_generation_prompt=True)
        theirs = processor(text=chat, generation_mode="image", return_tensors="pt")["input_ids"][0]
        assert ids == theirs.tolist()
        boi = processor.tokenizer.convert_tokens_to_ids(processor.tokenizer.boi_token)
        assert (ids[0], ids[-1]) == (processor.tokenizer.bos_token_id, boi)


def test_questions_are_the_processors(model: JanusModel) -> None:
    processor = model.loaded.processor
    picture = Image.new("RGB", (32, 32))
    for question, ids in zip(PROMPTS, model._question_ids(PROMPTS), strict=True):
        turn = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}
        chat = processor.apply_chat_template([turn], add_generation_prompt=True)
        assert ids == processor(text=chat, images=picture, return_tensors="pt")["input_ids"][0].tolist()


def test_the_prompt_looks_like_janus(hub: JanusModel) -> None:
    (ids,) = hub.prompt_ids(PROMPTS[1:2])
    text = hub.loaded.processor.tokenizer.decode(ids)
    assert text == "<bos><|User|>: two green hearts\n\n<|Assistant|>:<begin_of_image>"


def test_a_scored_text_begins_where_the_template_puts_it(model: JanusModel, hub: JanusModel) -> None:
    """After "<|Assistant|>:" comes a space, and to a byte-level tokenizer it is part of the word."""
    assert model._lead == (" " if model is hub else "")


def test_it_draws_as_transformers_does(hub: JanusModel) -> None:
    ours = hub.generate_tokens(PROMPTS, [0, 0, 0])
    for prompt_ids, row in zip(hub.prompt_ids(PROMPTS), ours, strict=True):
        ids = torch.tensor([prompt_ids])
        theirs = hub.loaded.model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            generation_mode="image",
            do_sample=False,
            guidance_scale=5.0,
        )
        assert row.tolist() == theirs[0].tolist()


def test_its_pictures_have_its_own_size(hub: JanusModel) -> None:
    assert [one.size for one in hub.generate(PROMPTS[:2], [1, 2])] == [(32, 32)] * 2


def test_padded_embeddings_are_no_contradiction(hub: JanusModel) -> None:
    assert hub.loaded.model.config.text_config.vocab_size > len(hub.loaded.processor.tokenizer)
