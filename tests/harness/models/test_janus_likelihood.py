"""Likelihoods equal a plain token-by-token loop; gradients flow when they are asked for, and only then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from selfreward_eval.harness.models.janus.adapter import DEFAULT_QUESTION, JanusModel

Make = Callable[..., JanusModel]
Pictures = list[Image.Image]

TEXTS = ["a red star", "two blue circles and a heart", "a ring above a cross", "yes", "three diamonds"]
QUESTION = "which prompt fits the picture?"
CLOSE: dict[str, Any] = {"rtol": 0.0, "atol": 1e-5}


@pytest.fixture(params=["tiny", "hub"])
def model(request: pytest.FixtureRequest, janus: Make, hub_checkpoint: Path) -> JanusModel:
    """Both layouts of checkpoint, in exact arithmetic."""
    return janus() if request.param == "tiny" else JanusModel(str(hub_checkpoint), dtype="float64")


def text_one_by_one(model: JanusModel, picture: Image.Image, text: str, question: str) -> torch.Tensor:
    """Every token of the assistant's turn scored by its own forward pass through the raw model."""
    inner, processor = model.loaded.model, model.loaded.processor
    asked = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}
    told = {"role": "assistant", "content": [{"type": "text", "text": text}]}
    prefix = processor.apply_chat_template([asked], add_generation_prompt=True)
    whole = processor.apply_chat_template([asked, told]).split(processor.tokenizer.eos_token)[0]
    before, after = (
        processor(text=chat, images=picture, return_tensors="pt") for chat in (prefix, whole.rstrip())
    )
    ids, start = after["input_ids"], before["input_ids"].shape[1]
    assert ids[0, :start].tolist() == before["input_ids"][0].tolist()
    pixels = after["pixel_values"].to(model.loaded.dtype)
    scores = []
    with torch.no_grad():
        for k in range(start, ids.shape[1]):
            logits = inner(input_ids=ids[:, :k], pixel_values=pixels).logits[0, -1]
            scores.append(logits.log_softmax(-1)[ids[0, k]])
    return torch.stack(scores).float()


def test_text_likelihoods_are_those_of_a_plain_loop(model: JanusModel, pictures: Pictures) -> None:
    found = model.text_logprobs(pictures, TEXTS, question=QUESTION)
    for picture, text, scores in zip(pictures, TEXTS, found, strict=True):
        torch.testing.assert_close(scores, text_one_by_one(model, picture, text, QUESTION), **CLOSE)


def picture_one_by_one(model: JanusModel, prompt: str, tokens: list[int]) -> torch.Tensor:
    """Every picture token scored by its own forward pass through the raw model."""
    inner, processor = model.loaded.model, model.loaded.processor
    turn = {"role": "user", "content": [{"type": "text", "text": prompt}]}
    chat = processor.apply_chat_template([turn], add_generation_prompt=True)
    ids = processor(text=chat, generation_mode="image", return_tensors="pt")["input_ids"]
    scores = []
    with torch.no_grad():
        for k, token in enumerate(tokens):
            embeds = inner.get_input_embeddings()(ids)
            if k:
                drawn = inner.prepare_embeddings_for_image_generation(torch.tensor([tokens[:k]]))
                embeds = torch.cat([embeds, drawn], dim=1)
            hidden = inner.model.language_model(inputs_embeds=embeds).last_hidden_state[:, -1]
            scores.append(inner.model.generation_head(hidden)[0].log_softmax(-1)[token])
    return torch.stack(scores).float()


def test_picture_likelihoods_are_those_of_a_plain_loop(model: JanusModel) -> None:
    config = model.loaded.model.config
    tokens = torch.randint(
        0,
        config.vq_config.num_embeddings,
        (3, config.vision_config.num_image_tokens),
        generator=torch.Generator().manual_seed(0),
    )
    found = model.token_logprobs(TEXTS[:3], tokens)
    for prompt, row, scores in zip(TEXTS, tokens.tolist(), found, strict=False):
        torch.testing.assert_close(scores, picture_one_by_one(model, prompt, row), **CLOSE)


def test_texts_of_different_length_do_not_disturb_each_other(janus: Make, pictures: Pictures) -> None:
    model = janus()
    together = model.text_logprobs(pictures, TEXTS)
    for picture, text, scores in zip(pictures, TEXTS, together, strict=True):
        (alone,) = model.text_logprobs([picture], [text])
        torch.testing.assert_close(scores, alone, rtol=0, atol=1e-6)
    assert [len(scores) for scores in together] == [3, 6, 5, 1, 2]


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_prompts_of_different_length_do_not_disturb_each_other(janus: Make, dtype: str) -> None:
    """Exactly: prompts of one length are computed together, in narrow types always equally many."""
    model = janus(dtype)
    tokens = model.generate_tokens(TEXTS, range(5))
    together = model.token_logprobs(TEXTS, tokens)
    alone = torch.cat([model.token_logprobs([t], tokens[k : k + 1]) for k, t in enumerate(TEXTS)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6 if dtype == "float64" else 0)


def test_likelihoods_are_float32_whatever_the_weights_are(janus: Make, pictures: Pictures) -> None:
    for dtype in ("float64", "bfloat16"):
        model = janus(dtype)
        assert model.text_logprobs(pictures[:1], TEXTS[:1])[0].dtype == torch.float32
        assert model.image_logprobs(TEXTS[:1], pictures[:1]).dtype == torch.float32


def test_the_picture_the_text_and_the_question_all_matter(janus: Make, pictures: Pictures) -> None:
    model = janus()
    first = model.text_logprobs(pictures[:1], TEXTS[:1], question=QUESTION)[0]
    others = [
        model.text_logprobs(pictures[1:2], TEXTS[:1], question=QUESTION)[0],
        model.text_logprobs(pictures[:1], TEXTS[:1], question="describe the picture.")[0],
    ]
    assert all(not torch.allclose(first, other, atol=1e-4) for other in others)
    by_default = model.text_logprobs(pictures[:1], TEXTS[:1])[0]
    assert (by_default == model.text_logprobs(pictures[:1], TEXTS[:1], question=DEFAULT_QUESTION)[0]).all()


def test_likelihoods_know_no_guidance_and_no_temperature(janus: Make) -> None:
    tokens = janus().generate_tokens(TEXTS[:1], [1])
    plain = janus().token_logprobs(TEXTS[:1], tokens)
    assert (janus(guidance=9.0, temperature=0.1, top_k=3).token_logprobs(TEXTS[:1], tokens) == plain).all()


def test_greedy_tokens_without_guidance_are_the_likeliest(janus: Make) -> None:
    """What is drawn and what is scored are the same distribution."""
    model = janus(guidance=1.0, temperature=0.0)
    greedy = model.generate_tokens(TEXTS[:1], [0])
    changed = greedy.clone()
    changed[0, 10] = (changed[0, 10] + 1) % 2048
    a, b = model.token_logprobs(TEXTS[:1], greedy)[0], model.token_logprobs(TEXTS[:1], changed)[0]
    assert (a[:10] == b[:10]).all()
    assert a[10] > b[10]
    assert (a > torch.tensor(1 / 2048).log()).all()


def test_an_empty_text_has_no_tokens(janus: Make, pictures: Pictures) -> None:
    assert janus().text_logprobs(pictures[:1], [""])[0].shape == (0,)


def test_a_text_for_every_picture(janus: Make, pictures: Pictures) -> None:
    assert janus().text_logprobs([], []) == []
    with pytest.raises(ValueError, match="2 pictures but 1 texts"):
        janus().text_logprobs(pictures[:2], TEXTS[:1])


def test_pictures_are_encoded_row_by_row(janus: Make, pictures: Pictures) -> None:
    """transformers returns the tokens of a batch end to end; here every picture has its row."""
    model = janus("float32")
    tokens = model.encode(pictures)
    assert tokens.shape == (5, 36)
    pixels = model.loaded.processor.image_processor(pictures, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        flat = model.loaded.model.model.vqmodel.encode(pixels).image_tokens
    assert flat.shape == (5 * 36,)
    assert tokens.flatten().tolist() == flat.tolist()
    assert all((model.encode([one])[0] == row).all() for one, row in zip(pictures, tokens, strict=True))


def test_a_picture_is_scored_by_its_own_tokens(janus: Make, pictures: Pictures) -> None:
    model = janus()
    by_pixels = model.image_logprobs(TEXTS, pictures)
    assert by_pixels.shape == (5, 36)
    assert (by_pixels == model.token_logprobs(TEXTS, model.encode(pictures))).all()


@pytest.fixture
def trainable(janus: Make) -> Iterator[JanusModel]:
    """A model whose weights may learn, given back as it was."""
    model = janus()
    model.loaded.model.requires_grad_(True)
    yield model
    model.loaded.model.requires_grad_(False)
    model.loaded.model.zero_grad(set_to_none=True)


def test_gradients_are_off_by_default(trainable: JanusModel, pictures: Pictures) -> None:
    assert not trainable.text_logprobs(pictures[:1], TEXTS[:1])[0].requires_grad
    assert not trainable.image_logprobs(TEXTS[:1], pictures[:1]).requires_grad


def with_gradients(model: JanusModel) -> set[str]:
    """Parts of the model whose weights have gradients."""
    named = model.loaded.model.named_parameters()
    return {name.split(".")[1] for name, parameter in named if parameter.grad is not None}


def test_gradients_reach_everything_that_scores_a_text(trainable: JanusModel, pictures: Pictures) -> None:
    scores = trainable.text_logprobs(pictures, TEXTS, gradients=True)
    torch.cat(scores).mean().backward()
    moved = with_gradients(trainable)
    assert {"language_model", "vision_model", "aligner", "weight"} <= moved
    assert "vqmodel" not in moved


def test_gradients_reach_everything_that_scores_a_picture(trainable: JanusModel, pictures: Pictures) -> None:
    trainable.image_logprobs(TEXTS, pictures, gradients=True).mean().backward()
    moved = with_gradients(trainable)
    assert moved == {"language_model", "generation_embeddings", "generation_aligner", "generation_head"}


def test_a_step_along_the_gradient_makes_the_text_likelier(trainable: JanusModel, pictures: Pictures) -> None:
    head = trainable.loaded.model.lm_head.weight
    (before,) = trainable.text_logprobs(pictures[:1], TEXTS[:1], gradients=True)
    before.sum().backward()
    assert head.grad is not None
    kept = head.detach().clone()
    with torch.no_grad():
        head += 1e-3 * head.grad / head.grad.norm()
    (after,) = trainable.text_logprobs(pictures[:1], TEXTS[:1])
    with torch.no_grad():
        head.copy_(kept)
    assert after.sum() > before.sum().detach()
