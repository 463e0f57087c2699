"""log pi(text | picture) and log pi(picture tokens | text), the raw material of dual self-rewards.

Both are teacher-forced and conditional only: no guidance, temperature 1.
Source: SUDER/DSR, arXiv:2506.07963, the definitions of R_G and R_U.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def text_logprobs(
    model: Any, prefixes: Sequence[Sequence[int]], texts: Sequence[Sequence[int]], pixels: torch.Tensor
) -> list[torch.Tensor]:
    """Per-token log-probabilities of ``texts`` after ``prefixes`` that each hold one picture.

    Args:
        model: a ``JanusForConditionalGeneration``; gradients flow unless the caller forbids them.
        prefixes: token ids up to the assistant's turn, with the picture's placeholders.
        texts: token ids of what is scored.
        pixels: (B, 3, H, W), the vision encoder's input.

    Returns:
        float32 tensors (T_i,), natural logarithms.
    """
    import torch

    rows = [[*prefix, *text] for prefix, text in zip(prefixes, texts, strict=True)]
    longest = max(map(len, rows))
    # Padding on the right: under a causal mask no real token can see it.
    pad = model.config.text_config.pad_token_id or 0
    ids = torch.full((len(rows), longest), pad, dtype=torch.long)
    for k, row in enumerate(rows):
        ids[k, : len(row)] = torch.tensor(row)
    ids = ids.to(pixels.device)
    logits = model(input_ids=ids, pixel_values=pixels, use_cache=False).logits
    scores = logits[:, :-1].float().log_softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1)
    return [
        scores[k, len(prefix) - 1 : len(prefix) - 1 + len(text)]
        for k, (prefix, text) in enumerate(zip(prefixes, texts, strict=True))
    ]


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
    logits = model.model.generation_head(hidden[:, ids.shape[1] - 1 :])
    return logits.float().log_softmax(-1).gather(-1, tokens[..., None]).squeeze(-1)


def encode(model: Any, pixels: torch.Tensor) -> torch.Tensor:
    """Picture tokens of codec input (B, 3, H, W) in [-1, 1]: int64 (B, N)."""
    found = model.model.vqmodel.encode(pixels.to(next(model.model.vqmodel.parameters()).dtype))
    return found.image_tokens.view(pixels.shape[0], -1)  # transformers returns them flat over the batch
