"""R_G and R_U are the means of token log-likelihoods, to the digit of a plain loop; nothing else is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from selfreward_eval.harness.errors import MissingCapability, UsageError
from selfreward_eval.harness.models.base import TextLogProbs
from selfreward_eval.harness.records import Status
from selfreward_eval.rewarders.base import RewardSample
from selfreward_eval.rewarders.dual import (
    QUESTION,
    PictureLikelihood,
    PromptLikelihood,
    mean_reward,
    picture_likelihoods,
    prompt_likelihoods,
)
from selfreward_eval.rewarders.flow import FlowSurrogate
from selfreward_eval.rewarders.models import FlowLosses

PROMPTS = ["a red star", "two blue circles", "a green heart left of a ring"]


@pytest.fixture(scope="module")
def samples(scene: Any) -> list[RewardSample]:
    return [
        scene(("star", "red", 24, 24)),
        scene(("circle", "blue", 8, 8), ("circle", "blue", 40, 40)),
        scene(("heart", "green", 8, 24), ("ring", "purple", 40, 24)),
    ]


def plain_prompt_loop(model: Any, sample: RewardSample, prompt: str) -> list[float]:
    """log pi of every token of the prompt, each by a forward pass of its own through the raw model."""
    inner, processor = model.loaded.model, model.loaded.processor
    turn = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": QUESTION}]}
    chat = processor.apply_chat_template([turn], add_generation_prompt=True)
    given = processor(text=chat, images=sample.image, return_tensors="pt")
    ids, pixels = given["input_ids"], given["pixel_values"].to(model.loaded.dtype)
    scores = []
    with torch.no_grad():
        for token in processor.tokenizer(prompt, add_special_tokens=False)["input_ids"]:
            logits = inner(input_ids=ids, pixel_values=pixels).logits[0, -1]
            scores.append(float(logits.log_softmax(-1)[token]))
            ids = torch.cat([ids, torch.tensor([[token]])], dim=1)
    return scores


def test_r_g_is_the_mean_over_a_plain_loop(tiny: Any, samples: list[RewardSample]) -> None:
    rewards = PromptLikelihood(tiny).score(PROMPTS, samples)
    for reward, prompt, sample in zip(rewards, PROMPTS, samples, strict=True):
        expected = plain_prompt_loop(tiny, sample, prompt)
        assert reward.per_token == pytest.approx(expected, abs=1e-5)
        assert reward.value == pytest.approx(sum(expected) / len(expected), abs=1e-5)
        assert reward.evidence["tokens"] == len(prompt.split())


def plain_picture_loop(model: Any, sample: RewardSample, caption: str) -> list[float]:
    """log pi of every picture token, each by a forward pass of its own through the raw model."""
    inner, processor = model.loaded.model, model.loaded.processor
    turn = {"role": "user", "content": [{"type": "text", "text": caption}]}
    chat = processor.apply_chat_template([turn], add_generation_prompt=True)
    ids = processor(text=chat, generation_mode="image", return_tensors="pt")["input_ids"]
    pixels = processor.image_processor([sample.image], return_tensors="pt")["pixel_values"]
    codec = inner.model.vqmodel
    tokens = codec.encode(pixels.to(next(codec.parameters()).dtype)).image_tokens.flatten()
    scores = []
    with torch.no_grad():
        for k, token in enumerate(tokens):
            embeds = inner.get_input_embeddings()(ids)
            if k:
                drawn = inner.prepare_embeddings_for_image_generation(tokens[None, :k])
                embeds = torch.cat([embeds, drawn.to(embeds.dtype)], dim=1)
            hidden = inner.model.language_model(inputs_embeds=embeds).last_hidden_state[:, -1]
            scores.append(float(inner.model.generation_head(hidden)[0].log_softmax(-1)[token]))
    return scores


def test_r_u_is_the_mean_over_a_plain_loop(tiny: Any, samples: list[RewardSample]) -> None:
    captioned = [RewardSample(one.image, text=text) for one, text in zip(samples, PROMPTS, strict=True)]
    rewards = PictureLikelihood(tiny).score(["describe the picture."] * 3, captioned)
    for reward, sample in zip(rewards[:2], captioned, strict=False):
        expected = plain_picture_loop(tiny, sample, str(sample.text))
        assert reward.per_token == pytest.approx(expected, abs=1e-5)
        assert reward.value == pytest.approx(sum(expected) / len(expected), abs=1e-5)
    assert {reward.evidence["tokens"] for reward in rewards} == {36}


def test_the_captions_length_is_told(tiny: Any, samples: list[RewardSample]) -> None:
    sample = RewardSample(samples[0].image, text="a red star")
    (reward,) = PictureLikelihood(tiny).score(["p"], [sample])
    assert (reward.evidence["caption_words"], reward.evidence["caption_characters"]) == (3, 10)


def test_a_sample_without_caption_has_no_r_u(tiny: Any, samples: list[RewardSample]) -> None:
    mixed = [samples[0], RewardSample(samples[1].image, text="two blue circles")]
    rewards = PictureLikelihood(tiny).score(["p", "p"], mixed)
    assert (rewards[0].value, rewards[0].reason) == (None, "the sample has no caption to score")
    assert rewards[1].ok


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_batch_gives_what_one_by_one_gives(tiny: Any, samples: list[RewardSample], size: int) -> None:
    whole = PromptLikelihood(tiny).score(PROMPTS, samples)
    parts = PromptLikelihood(tiny, batch_size=size).score(PROMPTS, samples)
    assert [r.value for r in parts] == pytest.approx([r.value for r in whole], abs=1e-5)


def test_the_right_prompt_is_likelier_than_a_wrong_one(tiny: Any, samples: list[RewardSample]) -> None:
    prompts = ["a red star", "a blue star", "a red ring"]
    right, *wrong = PromptLikelihood(tiny).score(prompts, [samples[0]] * 3)
    assert all(right.value > other.value for other in wrong)  # type: ignore[operator]


def test_its_question_is_the_one_the_tiny_model_learnt() -> None:
    from selfreward_eval.tasks.shapes.language import WHICH_PROMPT

    assert QUESTION == WHICH_PROMPT


def test_another_question_is_another_reward(tiny: Any, samples: list[RewardSample]) -> None:
    usual, other = PromptLikelihood(tiny), PromptLikelihood(tiny, question="describe the picture.")
    assert usual.identity() != other.identity()
    assert usual.score(PROMPTS[:1], samples[:1])[0].value != other.score(PROMPTS[:1], samples[:1])[0].value


def test_a_snapshot_is_part_of_the_identity(tiny: Any) -> None:
    before, after = PromptLikelihood(tiny), PromptLikelihood(tiny, snapshot="step 100")
    assert before.source() != after.source()
    assert before.identity()["model"] == tiny.identity()


# Gradients


class Differentiable:
    """A model with one weight, that keeps a gradient exactly where it is asked for one."""

    def __init__(self) -> None:
        self.weight = torch.tensor(-1.0, requires_grad=True)

    def identity(self) -> dict[str, Any]:
        return {"name": "differentiable"}

    def text_logprobs(
        self,
        images: Sequence[Any],
        texts: Sequence[str],
        *,
        question: str | None = None,
        gradients: bool = False,
    ) -> list[torch.Tensor]:
        with torch.set_grad_enabled(gradients):
            return [self.weight * torch.arange(1.0, 1 + len(text.split())) for text in texts]

    def image_logprobs(
        self, texts: Sequence[str], images: Sequence[Any], *, gradients: bool = False
    ) -> torch.Tensor:
        with torch.set_grad_enabled(gradients):
            return self.weight * torch.ones(len(texts), 4)


def test_gradients_are_off_unless_asked_for(samples: list[RewardSample]) -> None:
    model, images = Differentiable(), [sample.image for sample in samples]
    assert isinstance(model, TextLogProbs)
    assert not any(row.requires_grad for row in prompt_likelihoods(model, PROMPTS, images))
    assert not picture_likelihoods(model, PROMPTS, images).requires_grad


def test_gradients_flow_where_they_are_asked_for(samples: list[RewardSample]) -> None:
    model = Differentiable()
    (row,) = prompt_likelihoods(model, PROMPTS[:1], [samples[0].image], gradients=True)
    row.mean().backward()
    assert model.weight.grad == pytest.approx(2.0)


def test_the_shipped_model_leaves_no_gradient_behind(tiny: Any, samples: list[RewardSample]) -> None:
    rows = prompt_likelihoods(tiny, PROMPTS, [sample.image for sample in samples])
    assert not any(row.requires_grad for row in rows)


# What cannot be scored


@pytest.mark.parametrize("tokens", [[], [float("nan")], [-1.0, float("-inf")]])
def test_no_mean_of_nothing_or_of_no_numbers(tokens: list[float]) -> None:
    reward = mean_reward(tokens, "the prompt")
    assert (reward.value, reward.status) == (None, Status.MEASUREMENT_ERROR)


def test_a_model_is_needed_and_must_have_the_likelihood() -> None:
    class Answering:
        def identity(self) -> dict[str, Any]:
            return {"name": "answering"}

        def answer(self, images: Sequence[Any], questions: Sequence[str]) -> list[str]:
            return []

    with pytest.raises(MissingCapability, match="the rewarder 'dsr' needs the model that rewards itself"):
        PromptLikelihood()
    with pytest.raises(
        MissingCapability, match=r"'dsr_understanding' needs .* 'image_logprobs'; answering offers: answer"
    ):
        PictureLikelihood(Answering())


# The surrogate of flow models


class Flowing:
    """A velocity field that is off by the time, and by the picture's first pixel."""

    def identity(self) -> dict[str, Any]:
        return {"name": "flowing"}

    def flow_losses(
        self, images: Sequence[Any], prompts: Sequence[str], times: Sequence[float], seeds: Sequence[int]
    ) -> list[list[float]]:
        return [
            [t + image.getpixel((0, 0))[0] + 0 * s for t, s in zip(times, seeds, strict=True)]
            for image in images
        ]


def test_a_flow_models_surrogate_has_a_name_of_its_own(sample: Any) -> None:
    rewarder = FlowSurrogate(Flowing(), steps=4)
    assert isinstance(Flowing(), FlowLosses)
    assert (rewarder.info.name, rewarder.info.needs) == ("flow_surrogate", ("flow_losses",))
    rewards = rewarder.score(["p", "p"], [sample(0), sample(2)])
    assert [reward.value for reward in rewards] == [-0.5, -2.5]
    assert rewards[0].evidence["losses"] == [0.125, 0.375, 0.625, 0.875]


def test_an_autoregressive_model_has_no_flow_surrogate(tiny: Any) -> None:
    with pytest.raises(MissingCapability, match="'flow_surrogate' needs a model that can 'flow_losses'"):
        FlowSurrogate(tiny)


def test_the_surrogate_needs_a_step() -> None:
    with pytest.raises(UsageError, match="at least one step, got steps=0"):
        FlowSurrogate(Flowing(), steps=0)
