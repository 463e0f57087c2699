"""log pi(text | picture): half of the raw material of dual self-rewards.

Teacher-forced, at temperature 1. The other half is in
:mod:`selfreward_eval.harness.models.janus.picture_likelihood`.
Source: SUDER/DSR, arXiv:2506.07963, the definitions of R_G and R_U.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.models.janus.branches import Row, read_rows
from selfreward_eval.harness.models.janus.chunking import in_parts, token_scores
from selfreward_eval.harness.models.janus.states import padded, picture_features

if TYPE_CHECKING:
    import torch

MOST_HEADS = 4
"""A row of one picture takes further questions until it is so many times as long as the picture's part."""


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

    if not torch.is_grad_enabled():
        return _texts_read(model, prefixes, texts, pixels)
    rows = [[*prefix, *text] for prefix, text in zip(prefixes, texts, strict=True)]
    # Padding on the right: under a causal mask no real token can see it.
    ids, _ = padded(rows, model.config.text_config.pad_token_id or 0, pixels.device)
    hidden = model.model(input_ids=ids, pixel_values=pixels, use_cache=False).last_hidden_state
    places = [(k, len(prefix) - 1 + n) for k, prefix in enumerate(prefixes) for n in range(len(texts[k]))]
    where = torch.tensor(places, dtype=torch.long, device=hidden.device).view(-1, 2)
    scores = _scores(model, hidden[where[:, 0], where[:, 1]], texts)
    return list(scores.split([len(text) for text in texts]))


def _texts_read(
    model: Any, prefixes: Sequence[Sequence[int]], texts: Sequence[Sequence[int]], pixels: torch.Tensor
) -> list[torch.Tensor]:
    """:func:`text_logprobs` without gradients: states are computed where they are read."""
    import torch

    rows = []
    for k, (prefix, text) in enumerate(zip(prefixes, texts, strict=True)):
        row = Row(k)
        row.add([*prefix, *text[:-1]])
        row.places = [len(prefix) - 1 + n for n in range(len(text))]
        rows.append(row)
    states = read_rows(model, rows, picture_features(model, pixels))
    scores = _scores(model, torch.cat(states), texts)
    return list(scores.split([len(text) for text in texts]))


def option_logprobs(
    model: Any,
    prefixes: Sequence[Sequence[int]],
    options: Sequence[Sequence[Sequence[int]]],
    pixels: torch.Tensor,
    picture: Sequence[int],
) -> list[list[torch.Tensor]]:
    """Per-token log-probabilities of several texts after each prefix, with nothing read twice.

    A picture is read once for all its questions, a question once for all its options; see
    :mod:`selfreward_eval.harness.models.janus.branches`. The values are those of :func:`text_logprobs`
    for every (prefix, option).

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

    shared = _shared(prefixes, model.config.image_token_id)
    rows: list[Row] = []
    open_: dict[int, Row] = {}
    asked: list[tuple[Row, int]] = []
    said: list[tuple[int, int, Row, int]] = []
    for k, (prefix, row_options) in enumerate(zip(prefixes, options, strict=True)):
        # Where a template asks before it shows, nothing is shared between questions.
        head, rest = (prefix[:shared], prefix[shared:]) if shared else (prefix[:-1], prefix[-1:])
        row = open_.get(picture[k]) if shared else None
        if row is None or len(row.ids) > MOST_HEADS * len(head):
            row = open_[picture[k]] = Row(picture[k])
            row.add(head)
            rows.append(row)
        question = row.add(rest)
        asked.append((row, len(row.places)))
        row.places.append(len(row.ids) - 1)
        for n, option in enumerate(row_options):
            if len(option) > 1:
                row.add(option[:-1], question)
                said.append((k, n, row, len(row.places)))
                row.places += range(len(row.ids) - len(option) + 1, len(row.ids))
    states = read_rows(model, rows, picture_features(model, pixels))
    of_row = {id(row): found for row, found in zip(rows, states, strict=True)}
    first = _first_scores(model, torch.stack([of_row[id(row)][place] for row, place in asked]), options)
    out = [
        [scores[n, : len(option[:1])] for n, option in enumerate(row_options)]
        for scores, row_options in zip(first, options, strict=True)
    ]
    if said:
        rests = [options[k][n][1:] for k, n, _, _ in said]
        parts = [
            of_row[id(row)][place : place + len(rest)]
            for (_, _, row, place), rest in zip(said, rests, strict=True)
        ]
        scores = _scores(model, torch.cat(parts), rests)
        for (k, n, _, _), found in zip(said, scores.split([len(rest) for rest in rests]), strict=True):
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


def _shared(prefixes: Sequence[Sequence[int]], placeholder: int) -> int:
    """How many tokens all prefixes begin with; 0 unless the whole picture is among them."""
    first, last = min(map(list, prefixes)), max(map(list, prefixes))
    shortest = min(map(len, prefixes)) - 1
    same = next((k for k, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), shortest)
    shared = min(same, shortest)
    return shared if placeholder in first[:shared] and placeholder not in first[shared:] else 0


def _scores(model: Any, states: torch.Tensor, texts: Sequence[Sequence[int]]) -> torch.Tensor:
    """Log-probabilities of texts end to end, float32 (T,), from the states that score them, (T, width)."""
    import torch

    wanted = torch.tensor([token for text in texts for token in text], dtype=torch.long, device=states.device)
    return token_scores(model.lm_head, [states], wanted, model.config.text_config.vocab_size)


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
