"""log pi(picture tokens | text), for rewards and for training, and pictures as tokens.

Teacher-forced. A reward is conditional only: no guidance, temperature 1. What is trained is the
distribution that draws, with both.
Source of the reward: SUDER/DSR, arXiv:2506.07963, the definition of R_U.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.instruments.backends.finite import check_computed
from selfreward_eval.harness.models.janus.chunking import token_scores
from selfreward_eval.harness.models.janus.decode import Sampling, guided_logits
from selfreward_eval.harness.models.janus.small_llama import SmallLlama, fits

if TYPE_CHECKING:
    import torch


def token_logprobs(model: Any, ids: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Per-token log-probabilities of picture tokens given prompts of one length.

    Args:
        model: a ``JanusForConditionalGeneration``; gradients flow unless the caller forbids them.
        ids: prompts that end with the begin-of-image token, int64 (B, L), without padding.
        tokens: picture tokens, int64 (B, N).

    Returns:
        float32 (B, N), natural logarithms.
    """
    import torch

    prompt = model.get_input_embeddings()(ids)
    picture = model.prepare_embeddings_for_image_generation(tokens[:, :-1])
    hidden = model.model.language_model(
        inputs_embeds=torch.cat([prompt, picture.to(prompt.dtype)], dim=1), use_cache=False
    ).last_hidden_state
    states = hidden[:, ids.shape[1] - 1 :].flatten(0, 1)
    return token_scores(model.model.generation_head, [states], tokens.flatten(), _codes(model)).view_as(
        tokens
    )


def drawing_logprobs(
    model: Any,
    ids: Sequence[Sequence[int]],
    contrast_ids: Sequence[Sequence[int]] | None,
    tokens: torch.Tensor,
    sampling: Sampling,
    pad: int,
) -> torch.Tensor:
    """Per-token log-probabilities of picture tokens in the distribution that draws them.

    Args:
        model: a ``JanusForConditionalGeneration``; gradients flow unless the caller forbids them.
        ids: prompts that end with the begin-of-image token, of any lengths.
        contrast_ids: unconditional prompts, aligned; None where guidance is 1.
        tokens: picture tokens, int64 (B, N).
        sampling: guidance, and a temperature above 0; ``top_k`` is left out.
        pad: id of the padding token.

    Returns:
        float32 (B, N), natural logarithms.
    """
    import torch

    def logits(*states: torch.Tensor) -> torch.Tensor:
        scores = guided_logits(model, states, sampling.guidance).float()
        return scores if sampling.temperature == 1 else scores / sampling.temperature

    if contrast_ids is None:
        states = [_drawing_states(model, ids, tokens, pad).flatten(0, 1)]
    else:
        both = _drawing_states(model, [*ids, *contrast_ids], torch.cat([tokens, tokens]), pad)
        states = [half.flatten(0, 1) for half in both.chunk(2)]
    return token_scores(logits, states, tokens.flatten(), _codes(model)).view_as(tokens)


def _drawing_states(model: Any, ids: Sequence[Sequence[int]], tokens: torch.Tensor, pad: int) -> torch.Tensor:
    """The last layer's states where picture tokens are read: (B, N, width)."""
    import torch

    language_model = model.model.language_model
    if tokens.device.type == "cpu" and fits(language_model):
        small = SmallLlama(language_model)
        prompts = small.prompts(ids, model.get_input_embeddings())
        embedded = model.prepare_embeddings_for_image_generation(tokens[:, :-1]).to(prompts.last.dtype)
        return torch.cat([prompts.last[:, None], small.after(prompts, embedded)], dim=1)
    starts = torch.tensor([len(row) for row in ids], device=tokens.device)
    count, longest = tokens.shape[1], max(map(len, ids))
    text = torch.tensor([[*row] + [pad] * (longest + count - 1 - len(row)) for row in ids])
    embeds = model.get_input_embeddings()(text.to(tokens.device))
    picture = model.prepare_embeddings_for_image_generation(tokens[:, :-1]).to(embeds.dtype)
    places = starts[:, None] + torch.arange(count - 1, device=tokens.device)
    embeds = embeds.scatter(1, places[..., None].expand_as(picture), picture)
    hidden = language_model(inputs_embeds=embeds, use_cache=False).last_hidden_state
    read = starts[:, None] - 1 + torch.arange(count, device=tokens.device)
    found: torch.Tensor = hidden.gather(1, read[..., None].expand(-1, -1, hidden.shape[-1]))
    return found


def _codes(model: Any) -> int:
    return int(model.config.vq_config.num_embeddings)


def encode(model: Any, pixels: torch.Tensor) -> torch.Tensor:
    """Picture tokens of codec input (B, 3, H, W) in [-1, 1]: int64 (B, N).

    Raises:
        NotFinite: the encoder computed NaN or infinity, to which no code is nearest.
    """
    encoded = model.model.vqmodel.encode(pixels.to(next(model.model.vqmodel.parameters()).dtype))
    check_computed(encoded.last_hidden_state, "a feature of the encoded picture")
    return encoded.image_tokens.view(pixels.shape[0], -1)  # transformers returns them flat over the batch
