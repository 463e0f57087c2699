"""A small language model on a CPU: the numbers of transformers' own, in fewer passes."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from selfreward_eval.harness.models.janus import decode, picture_likelihood
from selfreward_eval.harness.models.janus.small_llama import SmallLlama, fits
from selfreward_eval.harness.models.tiny import TinyModel
from selfreward_eval.trainers import lora
from selfreward_eval.trainers.recomputing import recomputing

PROMPTS = ["a star", "a picture of a red star and a blue ring", "a star", "two red rings"]


@pytest.fixture(scope="module")
def model() -> Any:
    return TinyModel(guidance=1.5)


@pytest.fixture
def by_transformers(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Calls a function while nothing is said to fit."""

    def call(function: Any) -> Any:
        with monkeypatch.context() as patched:
            for module in (decode, picture_likelihood):
                patched.setattr(module, "fits", lambda language_model: False)
            return function()

    return call


def test_likelihoods_and_gradients_are_those_of_transformers(model: Any, by_transformers: Any) -> None:
    tokens = model.generate_tokens(PROMPTS, [1, 2, 3, 4])
    parameters = dict(model.trainable())

    def both() -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        scores = model.drawing_logprobs(PROMPTS, tokens)
        found = torch.autograd.grad(scores.square().mean(), list(parameters.values()), allow_unused=True)
        return scores, {name: g for name, g in zip(parameters, found, strict=True) if g is not None}

    for parameter in parameters.values():
        parameter.requires_grad_(True)
    ours, theirs = both(), by_transformers(both)
    for parameter in parameters.values():
        parameter.requires_grad_(False)
    # float64 up to the scores, whose softmax is float32.
    assert torch.allclose(ours[0], theirs[0], atol=1e-6)
    assert ours[1].keys() == theirs[1].keys()
    for name, gradient in ours[1].items():
        assert (gradient - theirs[1][name]).norm() < 1e-5 * theirs[1][name].norm(), name


def test_the_same_pictures_are_drawn(model: Any, by_transformers: Any) -> None:
    ours = model.draw(PROMPTS, [1, 2, 3, 4])
    theirs = by_transformers(lambda: model.draw(PROMPTS, [1, 2, 3, 4]))
    assert ours.tokens.equal(theirs.tokens)
    assert torch.allclose(ours.logprobs, theirs.logprobs, atol=1e-5)


def test_a_shared_prompt_is_read_once(model: Any) -> None:
    read: list[tuple[int, ...]] = []

    def embed(ids: torch.Tensor) -> torch.Tensor:
        read.append(tuple(ids.shape))
        found: torch.Tensor = model.network.get_input_embeddings()(ids)
        return found

    with torch.no_grad():
        prompts = SmallLlama(model.transformer).prompts([[1, 5, 6], [1, 7], [1, 5, 6]], embed)
    assert read == [(2, 3)]
    assert prompts.last[0].equal(prompts.last[2])
    assert prompts.lengths.tolist() == [3, 2, 3]


def test_half_precision_is_near() -> None:
    model = TinyModel(dtype="float32", guidance=1.5)
    tokens = model.generate_tokens(PROMPTS, [1, 2, 3, 4])
    with torch.no_grad():
        whole = model.drawing_logprobs(PROMPTS, tokens)
        with torch.autocast("cpu", torch.bfloat16):
            half = model.drawing_logprobs(PROMPTS, tokens)
    assert 0 < (half - whole).abs().mean() < 0.1


def test_adapters_and_recomputed_layers_are_left_to_transformers() -> None:
    transformer = TinyModel(dtype="float32").transformer
    assert fits(transformer)
    with recomputing(transformer):
        assert not fits(transformer)
    lora.inject(transformer, 2, 4.0, 0)
    assert not fits(transformer)
    lora.remove(transformer)
    assert fits(transformer)


def test_layers_with_hooks_are_left_to_transformers(model: Any) -> None:
    handle = model.transformer.layers[0].mlp.register_forward_hook(lambda *_: None)
    try:
        assert not fits(model.transformer)
    finally:
        handle.remove()
    assert fits(model.transformer)


def test_wide_networks_are_left_to_transformers(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("selfreward_eval.harness.models.janus.small_llama.WIDEST", 64)
    assert not fits(model.transformer)
