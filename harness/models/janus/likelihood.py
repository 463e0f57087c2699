"""log pi(text | picture): half of the raw material of dual self-rewards.

Teacher-forced, at temperature 1. The other half is in
:mod:`selfreward_eval.harness.models.janus.picture_likelihood`.
Source: SUDER/DSR, arXiv:2506.07963, the definitions of R_G and R_U.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from selfreward_eval.harness.models.janus.chunking import in_parts, rows_together, token_scores

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
    # With gradients every row's states are kept anyway.
    together = len(rows) if torch.is_grad_enabled() else rows_together(model, max(map(len, rows)))
    parts = [slice(start, start + together) for start in range(0, len(rows), together)]
    found: list[torch.Tensor] = []
    for part in parts:
        # Padding on the right: under a causal mask no real token can see it.
        ids, _ = _padded(rows[part], model.config.text_config.pad_token_id or 0, pixels.device)
        hidden = model.model(input_ids=ids, pixel_values=pixels[part], use_cache=False).last_hidden_state
        starts = [len(prefix) - 1 for prefix in prefixes[part]]
        scores = _text_scores(model, hidden, starts, texts[part])
        found += scores.split([len(text) for text in texts[part]])
    return found


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
    first = _first_scores(model, asked.hidden[torch.arange(len(rows), device=device), ends], options)
    out = [
        [scores[n, : len(option[:1])] for n, option in enumerate(row)]
        for scores, row in zip(first, options, strict=True)
    ]
    longer = [(k, n) for k, row in enumerate(options) for n, option in enumerate(row) if len(option) > 1]
    if longer:
        said = _read(model, [options[k][n][:-1] for k, n in longer], device, asked, [k for k, _ in longer])
        rest = [options[k][n][1:] for k, n in longer]
        scores = _text_scores(model, said.hidden, [0] * len(rest), rest)
        for (k, n), found in zip(longer, scores.split([len(row) for row in rest]), strict=True):
            out[k][n] = torch.cat([out[k][n], found])
    return out


def completion_scores(model: Any, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Every token but the first, given those before it in its row, without a picture.

    Args:
        model: a ``JanusForConditionalGeneration``.
        ids: rows of one length, int64 (B, L).

    Returns:
        Natural logarithms, float32 (B, L - 1), and whether the token is the likeliest, bool (B, L - 1).
    """
    import torch

    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1].flatten(0, 1)
    wanted = ids[:, 1:].flatten()

    def score(states: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        logits = model.lm_head(states).float()
        scores = logits.log_softmax(-1).gather(-1, tokens[:, None])
        return torch.cat([scores, (logits.argmax(-1) == tokens)[:, None]], dim=1)

    both = in_parts(score, [hidden, wanted], model.config.text_config.vocab_size)
    shape = (len(ids), ids.shape[1] - 1)
    return both[:, 0].view(shape), both[:, 1].bool().view(shape)


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


def _text_scores(
    model: Any, hidden: torch.Tensor, starts: Sequence[int], texts: Sequence[Sequence[int]]
) -> torch.Tensor:
    """Log-probabilities of texts whose first tokens are read at ``starts`` of their rows, end to end.

    Args:
        model: a ``JanusForConditionalGeneration``.
        hidden: the last layer's states, (B, L, width).
        starts: for every row the place whose logits score its text's first token.
        texts: for every row its token ids.

    Returns:
        float32 (T,), natural logarithms; T is the length of all texts together.
    """
    import torch

    places = [(k, start + n) for k, start in enumerate(starts) for n in range(len(texts[k]))]
    where = torch.tensor(places, dtype=torch.long, device=hidden.device).view(-1, 2)
    wanted = torch.tensor([token for text in texts for token in text], dtype=torch.long, device=hidden.device)
    codes = model.config.text_config.vocab_size
    return token_scores(model.lm_head, [hidden[where[:, 0], where[:, 1]]], wanted, codes)


def _first_scores(
    model: Any, hidden: torch.Tensor, options: Sequence[Sequence[Sequence[int]]]
) -> torch.Tensor:
    """Log-probabilities of every option's first token after its question, (Q, most options, 1).

    Args:
        model: a ``JanusForConditionalGeneration``.
        hidden: the last states of the questions, (Q, width).
        options: of every question; what stands in places without a first token means nothing.
    """
    import torch

    most = max(map(len, options))
    wanted = torch.zeros(len(options), most, dtype=torch.long)
    for k, row in enumerate(options):
        for n, option in enumerate(row):
            if option:
                wanted[k, n] = option[0]

    def score(states: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = model.lm_head(states).float().log_softmax(-1)
        return scores.gather(-1, tokens)

    codes = model.config.text_config.vocab_size
    return in_parts(score, [hidden, wanted.to(hidden.device)], codes)[..., None]


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
