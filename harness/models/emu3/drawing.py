"""Draws Emu3's pictures: rows of picture tokens with an end of line after each, a generator per picture.

transformers' ``generate`` samples from the global generator and keeps the 50 likeliest tokens unless it
is told otherwise. Here a picture depends on its prompt and seed alone, as for Janus: its uniform numbers
come from its own seed. What the official prefix function forces, such as ends of lines, is not sampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.instruments.backends.finite import check_computed
from selfreward_eval.harness.models.janus.decode import Sampling, choose, uniforms

if TYPE_CHECKING:
    import torch

AFTER_FRAME = 3
"""Tokens after the last row: end of frame, end of image, end of text. ``decode_image_tokens`` drops them."""


def draw_tokens(
    model: Any,
    ids: torch.Tensor,
    contrast: torch.Tensor,
    seeds: Sequence[int],
    sampling: Sampling,
    size: tuple[int, int],
) -> torch.Tensor:
    """Draws pictures for prompts of one length.

    Args:
        model: an ``Emu3ForConditionalGeneration``.
        ids: prompts that end where the picture begins, int64 (B, L), without padding.
        contrast: the negative prompt likewise, int64 (1, M); guidance pushes away from it.
        seeds: one per row.
        sampling: guidance, temperature and top-k. Guided logits are contrast + scale * (logits - contrast).
        size: rows and columns of picture tokens.

    Returns:
        Tokens as ``decode_image_tokens`` takes them: int64 (B, rows * (columns + 1) + 3).

    Raises:
        NotFinite: a logit was NaN or infinite.
    """
    import torch
    from transformers import DynamicCache

    rows, columns = size
    mapping = model.vocabulary_mapping
    codes = torch.tensor(mapping.image_tokens, device=ids.device)
    noise = uniforms(seeds, rows * columns)
    batch = ids.shape[0]
    tokens = torch.full(
        (batch, rows * (columns + 1) + AFTER_FRAME), mapping.eol_token_id, dtype=torch.long, device=ids.device
    )
    guided = sampling.guidance != 1.0
    # Prompts and negative prompt differ in length: two caches, so that nothing is padded.
    runs = [(ids, DynamicCache())]
    if guided:
        runs.append((contrast.expand(batch, -1), DynamicCache()))
    feeds = [prompt for prompt, _ in runs]
    extremes = []
    with torch.inference_mode():
        for row in range(rows):
            for column in range(columns):
                logits = [
                    model(input_ids=feed, past_key_values=cache, use_cache=True, logits_to_keep=1).logits[
                        :, -1
                    ]
                    for feed, (_, cache) in zip(feeds, runs, strict=True)
                ]
                scores = logits[0][:, codes]
                if guided:
                    against = logits[1][:, codes]
                    scores = against + sampling.guidance * (scores - against)
                extremes.append(torch.stack(scores.aminmax()).float())
                place = row * (columns + 1) + column
                tokens[:, place] = codes[choose(scores, sampling, noise[:, row * columns + column])]
                # After the last of a row its end of line is read as well.
                ended = 2 if column + 1 == columns else 1
                feeds = [tokens[:, place : place + ended]] * len(runs)
    check_computed(torch.stack(extremes), "a logit of a picture token")
    return tokens
