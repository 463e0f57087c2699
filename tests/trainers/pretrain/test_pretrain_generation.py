"""Drawing rows: the same sequence that the adapter draws and scores."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from selfreward_eval.harness.models.janus.adapter import JanusModel
from selfreward_eval.harness.models.janus.decode import unconditional
from selfreward_eval.tasks.shapes.requests import TAGS, all_requests, evaluation, training_sentences
from selfreward_eval.trainers.pretrain import saving
from selfreward_eval.trainers.pretrain.architecture import CODES, PICTURE_TOKENS
from selfreward_eval.trainers.pretrain.generation import LENGTH, loss, pack
from selfreward_eval.trainers.pretrain.tokenizer import special_ids

SPECIAL = special_ids()
SENTENCES = ["a picture of a red star", "draw two circles", "an image of a ring left of a heart"]


@pytest.fixture(scope="module")
def tokens() -> torch.Tensor:
    return torch.randint(0, CODES, (3, PICTURE_TOKENS), generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def adapter(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> JanusModel:
    """The same model through the adapter."""
    folder = tmp_path_factory.mktemp("saved")
    saving.save(tiny, folder)
    return JanusModel(str(folder), device="cpu", dtype="float32")


def test_labels_are_the_picture_tokens_in_their_places(words: Any, tokens: torch.Tensor) -> None:
    batch = pack(words, SPECIAL, SENTENCES, tokens, [False] * 3)
    assert batch.ids.shape == (3, LENGTH)
    for k, row in enumerate(tokens):
        begin = int((batch.ids[k] == SPECIAL["boi"]).nonzero())
        # The begin-of-image token predicts the first picture token, the last but one the last.
        assert batch.labels[k, begin : begin + PICTURE_TOKENS].tolist() == row.tolist()
        assert (batch.labels[k] != -100).sum() == PICTURE_TOKENS
        assert batch.codes[k, begin + 1 : begin + 1 + PICTURE_TOKENS].tolist() == row.tolist()
        assert batch.is_code[k].nonzero().flatten().tolist() == list(
            range(begin + 1, begin + 1 + PICTURE_TOKENS)
        )


def test_prompts_are_those_the_adapter_draws_from(
    words: Any, tokens: torch.Tensor, adapter: JanusModel
) -> None:
    batch = pack(words, SPECIAL, SENTENCES, tokens, [False] * 3)
    for k, ids in enumerate(adapter.prompt_ids(SENTENCES)):
        assert batch.ids[k, : len(ids)].tolist() == ids


def test_a_dropped_prompt_is_the_one_guidance_contrasts_with(words: Any, tokens: torch.Tensor) -> None:
    whole = pack(words, SPECIAL, SENTENCES, tokens, [False] * 3)
    dropped = pack(words, SPECIAL, SENTENCES, tokens, [True] * 3)
    keep = (SPECIAL["bos"], SPECIAL["boi"])
    for k in range(3):
        begin = int((whole.ids[k] == SPECIAL["boi"]).nonzero())
        bare = unconditional(whole.ids[k : k + 1, : begin + 1], keep, SPECIAL["pad"])
        assert dropped.ids[k, : begin + 1].tolist() == bare[0].tolist()
    assert (dropped.labels == whole.labels).all()


def test_the_loss_is_the_adapters_likelihood(
    words: Any, tokens: torch.Tensor, model: Any, adapter: JanusModel
) -> None:
    """What is trained is what is drawn: one mean over all picture tokens, with its sign turned."""
    # The adapter reads weights that were rounded to half precision on their way to the disk.
    rounded = adapter.loaded.model
    rounded.set_attn_implementation(model.config._attn_implementation)
    with torch.no_grad():
        trained = loss(rounded, pack(words, SPECIAL, SENTENCES, tokens, [False] * 3))
    assert float(trained) == pytest.approx(-float(adapter.token_logprobs(SENTENCES, tokens).mean()), rel=1e-5)


def test_a_later_token_does_not_change_an_earlier_prediction(
    words: Any, tokens: torch.Tensor, model: Any
) -> None:
    changed = tokens.clone()
    changed[:, 20:] = (changed[:, 20:] + 1) % CODES
    losses = []
    for row in (tokens, changed):
        batch = pack(words, SPECIAL, SENTENCES, row, [False] * 3)
        for k in range(3):
            begin = int((batch.ids[k] == SPECIAL["boi"]).nonzero())
            batch.labels[k, begin + 20 :] = -100
        with torch.no_grad():
            losses.append(float(loss(model, batch)))
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


def test_a_prompt_that_is_too_long_is_named(words: Any, tokens: torch.Tensor) -> None:
    long = "a picture of " + "a red star and " * 6 + "a ring"
    with pytest.raises(ValueError, match=r"'a picture of a red star .* is too long for training rows of 56"):
        pack(words, SPECIAL, [long], tokens[:1], [False])


@pytest.mark.parametrize("source", ["training", "evaluation"])
def test_every_sentence_of_the_world_fits_a_row(source: str, words: Any) -> None:
    sentences = (
        [s for tag in TAGS for request in all_requests(tag) for s in training_sentences(request)]
        if source == "training"
        else [sentence for sentence, _ in evaluation()]
    )
    longest = max(len(ids) for ids in words(sentences, add_special_tokens=False)["input_ids"])
    assert longest + 4 + PICTURE_TOKENS <= LENGTH
