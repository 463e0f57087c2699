"""log pi(text | picture) and log pi(picture tokens | text), the raw material of dual self-rewards.

Both are teacher-forced and conditional only: no guidance, temperature 1.
Source: SUDER/DSR, arXiv:2506.07963, the definitions of R_G and R_U.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from selfreward_eval.harness.instruments.backends.finite import check_computed

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
    rows = [[*prefix, *text] for prefix, text in zip(prefixes, texts, strict=True)]
    # Padding on the right: under a causal mask no real token can see it.
    ids, _ = _padded(rows, model.config.text_config.pad_token_id or 0, pixels.device)
    logits = model(input_ids=ids, pixel_values=pixels, use_cache=False).logits
    scores = logits[:, :-1].float().log_softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1)
    return [
        scores[k, len(prefix) - 1 : len(prefix) - 1 + len(text)]
        for k, (prefix, text) in enumerate(zip(prefixes, texts, strict=True))
    ]


def option_logprobs(
    model: Any,
    prefixes: Sequence[Sequence[int]],
    options: Sequence[Sequence[Sequence[int]]],
    pixels: torch.Tensor,
    picture: Sequence[int],
) -> list[list[torch.Tensor]]:
    """Per-token log-probabilities of several texts after each prefix, with nothing read twice.

    A picture is read once for all its questions, a question once for all its options: each part goes
    on with the keys and values of the one before. The values are those of :func:`text_logprobs` for
    every (prefix, option).

    Args:
        model: a ``JanusForConditionalGeneration``.
        prefixes: token ids up to the assistant's turn, with the placeholders of one picture.
        options: for every prefix the token ids of its options.
        pixels: (U, 3, H, W), the vision encoder's input, each picture once.
        picture: for every prefix the number of its picture.

    Returns:
        For every prefix one float32 tensor (T,) per option, natural logarithms.
    """
    import torch

    device = pixels.device
    shared = _shared(prefixes, model.config.image_token_id)
    # What comes before the question is one row per picture, or, where a template asks first, per prefix.
    owners = list(range(len(pixels))) if shared else list(picture)
    heads = [prefixes[0][:shared] for _ in owners] if shared else [prefix[:-1] for prefix in prefixes]
    seen = model.model.get_image_features(pixels, return_dict=True)
    seen.pooler_output = seen.pooler_output[torch.tensor(owners, device=device)]
    begun = _read(model, heads, device, features={"image": seen})
    rows = list(picture) if shared else list(range(len(prefixes)))
    asked = _read(model, [prefix[shared or -1 :] for prefix in prefixes], device, begun, rows)
    ends = asked.there.sum(-1) - 1
    first = _log_softmax(model, asked.hidden[torch.arange(len(rows), device=device), ends])
    out = [
        [first[k, torch.tensor(option[:1], dtype=torch.long, device=device)] for option in row]
        for k, row in enumerate(options)
    ]
    longer = [(k, n) for k, row in enumerate(options) for n, option in enumerate(row) if len(option) > 1]
    if longer:
        said = _read(model, [options[k][n][:-1] for k, n in longer], device, asked, [k for k, _ in longer])
        scores = _log_softmax(model, said.hidden)
        for place, (k, n) in enumerate(longer):
            rest = torch.tensor(options[k][n][1:], device=device)
            found = scores[place, torch.arange(len(rest), device=device), rest]
            out[k][n] = torch.cat([out[k][n], found])
    return out


class _Part(NamedTuple):
    """Rows of tokens that were read.

    Attributes:
        hidden: the last layer's states, (B, L, width).
        there: 1 where one of these tokens is real, (B, L).
        mask: the same with all that was read before them, (B, L before + L).
        cache: keys and values of everything read.
    """

    hidden: torch.Tensor
    there: torch.Tensor
    mask: torch.Tensor
    cache: Any


def _read(
    model: Any,
    rows: Sequence[Sequence[int]],
    device: torch.device,
    before: _Part | None = None,
    after: Sequence[int] = (),
    features: Any = None,
) -> _Part:
    """Reads ``rows``, each after that row of ``before`` which ``after`` names."""
    import torch

    ids, there = _padded(rows, model.config.text_config.pad_token_id or 0, device)
    mask, cache, positions = there, None, torch.arange(ids.shape[1], device=device).expand_as(ids)
    if before is not None:
        chosen = torch.tensor(after, device=device)
        cache = before.cache
        cache.batch_select_indices(chosen)
        positions = positions + before.mask[chosen].sum(-1, keepdim=True)
        mask = torch.cat([before.mask[chosen], there], dim=1)
    read = model.model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=positions,
        past_key_values=cache,
        mm_encoder_outputs=features,
        use_cache=True,
    )
    return _Part(read.last_hidden_state, there, mask, read.past_key_values)


def _shared(prefixes: Sequence[Sequence[int]], placeholder: int) -> int:
    """How many tokens all prefixes begin with; 0 unless the whole picture is among them."""
    first, last = min(map(list, prefixes)), max(map(list, prefixes))
    shortest = min(map(len, prefixes)) - 1
    same = next((k for k, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), shortest)
    shared = min(same, shortest)
    return shared if placeholder in first[:shared] and placeholder not in first[shared:] else 0


def _log_softmax(model: Any, hidden: torch.Tensor) -> torch.Tensor:
    """Natural logarithms of the vocabulary's probabilities, float32."""
    found: torch.Tensor = model.lm_head(hidden).float().log_softmax(-1)
    return found


def _padded(
    rows: Sequence[Sequence[int]], pad: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows as one tensor (B, L), padded on the right, and 1 where a token is real."""
    import torch

    ids = torch.full((len(rows), max(map(len, rows))), pad, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for k, row in enumerate(rows):
        ids[k, : len(row)] = torch.tensor(row)
        mask[k, : len(row)] = 1
    return ids.to(device), mask.to(device)


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
    """Picture tokens of codec input (B, 3, H, W) in [-1, 1]: int64 (B, N).

    Raises:
        NotFinite: the encoder computed NaN or infinity, to which no code is nearest.
    """
    encoded = model.model.vqmodel.encode(pixels.to(next(model.model.vqmodel.parameters()).dtype))
    check_computed(encoded.last_hidden_state, "a feature of the encoded picture")
    return encoded.image_tokens.view(pixels.shape[0], -1)  # transformers returns them flat over the batch
