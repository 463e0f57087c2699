"""Text after text equals a plain token-by-token loop, one by one or together."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from selfreward_eval.harness.models.janus.adapter import JanusModel
from selfreward_eval.harness.models.language import Completes, CompletionLogProbs

Make = Callable[..., JanusModel]

CONTEXTS = ["a red star", "is there a", "", "two blue circles ", "a red star"]
TEXTS = [" left of a ring", " heart", "a green cross", "and a star", " and"]


@pytest.fixture(params=["float64", "float32"])
def model(request: pytest.FixtureRequest, janus: Make) -> JanusModel:
    return janus(request.param)


def one_by_one(model: JanusModel, context: str, text: str) -> tuple[list[float], bool]:
    """Every token of ``text`` by its own forward pass."""
    tokenizer = model.loaded.processor.tokenizer
    bos = tokenizer.convert_tokens_to_ids(tokenizer.bos_token)
    whole = [bos, *tokenizer(context + text, add_special_tokens=False)["input_ids"]]
    start = 1 + len(tokenizer(context.rstrip(), add_special_tokens=False)["input_ids"])
    scores, greedy = [], True
    with torch.no_grad():
        for k in range(start, len(whole)):
            logits = model.loaded.model(input_ids=torch.tensor([whole[:k]])).logits[0, -1].float()
            scores.append(float(logits.log_softmax(-1)[whole[k]]))
            greedy &= int(logits.argmax()) == whole[k]
    return scores, greedy


def test_it_offers_both(model: JanusModel) -> None:
    assert isinstance(model, Completes)
    assert isinstance(model, CompletionLogProbs)


def test_likelihoods_are_those_of_a_plain_loop(model: JanusModel) -> None:
    found = model.completion_logprobs(CONTEXTS, TEXTS)
    for context, text, (scores, greedy) in zip(CONTEXTS, TEXTS, found, strict=True):
        expected, likeliest = one_by_one(model, context, text)
        assert scores.tolist() == pytest.approx(expected, abs=1e-4)
        assert greedy == likeliest


def test_likelihoods_together_as_one_by_one(model: JanusModel) -> None:
    together = model.completion_logprobs(CONTEXTS, TEXTS)
    for context, text, (scores, greedy) in zip(CONTEXTS, TEXTS, together, strict=True):
        ((alone, likeliest),) = model.completion_logprobs([context], [text])
        assert scores.tolist() == alone.tolist()
        assert greedy == likeliest


def test_a_text_that_adds_nothing_is_refused(model: JanusModel) -> None:
    with pytest.raises(ValueError, match="adds no token"):
        model.completion_logprobs(["a red star"], [""])


def test_a_continuation_is_greedy_limited_and_the_same_in_any_batch(model: JanusModel) -> None:
    together = model.complete(CONTEXTS, limit=6)
    assert together == [model.complete([context], limit=6)[0] for context in CONTEXTS]
    assert together[0] == together[4]
    shorter = model.complete(CONTEXTS, limit=2)
    assert all(long.startswith(short) for long, short in zip(together, shorter, strict=True))
    assert together != shorter
    stop = next(said for said in together if len(said) > 2)[1]
    assert all(stop not in said for said in model.complete(CONTEXTS, limit=6, until=[stop]))
