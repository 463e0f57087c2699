"""Draws picture tokens: our own batched decode with a KV cache and a generator per picture.

transformers' ``generate(generation_mode="image")`` samples from the global
generator, keeps the 50 likeliest tokens unless told otherwise, and fails
without guidance. Here every picture draws its uniform numbers up front from
its own seed, and a token is found by inverting the cumulative distribution,
so that a picture depends on its prompt and seed alone:

- rows of one batch have the same prompt length, so nothing is padded;
- in float64 the rounding of a differently shaped batch is some ten decimal
  places below anything that could move a sample to another token;
- in narrower types every batch is filled up to ``rows`` pictures, so that the
  same kernels see the same shapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.instruments.backends.finite import check_computed
from selfreward_eval.harness.models.training import DrawnTokens

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn.

    Attributes:
        guidance: classifier-free guidance scale; 1 draws from the conditional distribution alone.
        temperature: above 0 divides the logits; 0 takes the likeliest token.
        top_k: keep only so many of the likeliest tokens; 0 keeps all, as Janus's reference does.
    """

    guidance: float
    temperature: float = 1.0
    top_k: int = 0


def uniforms(seeds: Sequence[int], count: int) -> torch.Tensor:
    """Each seed's own ``count`` numbers in [0, 1): float64 (B, count), on the CPU."""
    import torch

    rows = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed % (1 << 63))
        rows.append(torch.rand(count, generator=generator, dtype=torch.float64))
    return torch.stack(rows)


def choose(logits: torch.Tensor, sampling: Sampling, uniform: torch.Tensor) -> torch.Tensor:
    """One token per row by inverse transform sampling.

    Args:
        logits: (B, codes).
        sampling: temperature and top-k.
        uniform: (B,) in [0, 1).

    Returns:
        Token ids (B,).
    """
    import torch

    logits = logits.double()
    if sampling.temperature == 0:
        return logits.argmax(-1)
    logits = logits / sampling.temperature
    if 0 < sampling.top_k < logits.shape[-1]:
        least = logits.topk(sampling.top_k, dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < least, float("-inf"))
    cumulative = logits.softmax(-1).cumsum(-1)
    # The last entry is 1 up to rounding; scaling by it keeps the search inside the table.
    target = (uniform.to(cumulative.device) * cumulative[:, -1])[:, None]
    return torch.searchsorted(cumulative, target, right=True).squeeze(-1).clamp_(max=logits.shape[-1] - 1)


def unconditional(ids: torch.Tensor, keep: Sequence[int], pad: int) -> torch.Tensor:
    """The unconditional prompt of guidance: every token but ``keep`` (BOS, BOI) becomes padding."""
    import torch

    kept = torch.isin(ids, torch.tensor(list(keep), device=ids.device))
    return torch.where(kept, ids, torch.full_like(ids, pad))


def draw_tokens(
    model: Any, ids: torch.Tensor, seeds: Sequence[int], sampling: Sampling, *, keep: Sequence[int], pad: int
) -> DrawnTokens:
    """Draws pictures for prompts of one length.

    Args:
        model: a ``JanusForConditionalGeneration``.
        ids: prompts that end with the begin-of-image token, int64 (B, L), without padding.
        seeds: one per row.
        sampling: guidance, temperature and top-k.
        keep: ids that stay in the unconditional prompt.
        pad: id of the padding token.

    Raises:
        NotFinite: a logit was NaN or infinite; the tokens drawn from it mean nothing.
    """
    import torch
    from transformers import DynamicCache

    count = model.config.vision_config.num_image_tokens
    size = ids.shape[0]
    noise = uniforms(seeds, count)
    guided = sampling.guidance != 1.0
    prompts = torch.cat([ids, unconditional(ids, keep, pad)]) if guided else ids
    embeds = model.get_input_embeddings()(prompts)
    cache = DynamicCache()
    tokens = torch.empty((size, count), dtype=torch.long, device=ids.device)
    logprobs = torch.zeros((size, count), dtype=torch.float32, device=ids.device)
    # Smallest and largest logit of every step; a GPU is waited for once, at the end.
    extremes = torch.empty((count, 2), dtype=torch.float32, device=ids.device)
    with torch.inference_mode():
        for step in range(count):
            hidden = model.model.language_model(
                inputs_embeds=embeds, past_key_values=cache, use_cache=True
            ).last_hidden_state[:, -1]
            logits = model.model.generation_head(hidden)
            if guided:
                conditional, contrast = logits[:size], logits[size:]
                logits = contrast + sampling.guidance * (conditional - contrast)
            extremes[step] = torch.stack(logits.aminmax()).float()
            chosen = choose(logits, sampling, noise[:, step])
            tokens[:, step] = chosen
            if sampling.temperature:
                scores = (logits.float() / sampling.temperature).log_softmax(-1)
                logprobs[:, step] = scores.gather(-1, chosen[:, None]).squeeze(-1)
            if step + 1 < count:
                drawn = tokens[:, step : step + 1]
                embeds = model.prepare_embeddings_for_image_generation(
                    torch.cat([drawn, drawn]) if guided else drawn
                )
    check_computed(extremes, "a logit of a picture token")
    return DrawnTokens(tokens, logprobs)


def pictures(model: Any, tokens: torch.Tensor, together: int = 1) -> torch.Tensor:
    """Pixels of picture tokens (B, N): uint8 (B, H, W, 3), each decoded alone so that shapes never vary.

    Values are truncated, not rounded, as Janus's processor does. ``together`` decodes so many at once:
    faster, and a value in some ten thousand rounds to its neighbour.

    Raises:
        NotFinite: the decoder computed NaN or infinity, which would be drawn as black or white.
    """
    import torch

    decoded = []
    with torch.inference_mode():
        for rows in tokens.split(together):
            pixels = model.decode_image_tokens(rows).float()
            check_computed(pixels, "a pixel of the decoded picture")
            decoded.append(((pixels + 1) * 127.5).clamp(0, 255).to(torch.uint8).cpu())
    return torch.cat(decoded)
