"""Drawing batches: a prompt, then the picture tokens of a scene that fulfils it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from selfreward_eval.trainers.pretrain.architecture import PICTURE_TOKENS

if TYPE_CHECKING:
    import torch
    from transformers import JanusForConditionalGeneration, PreTrainedTokenizerFast

LENGTH = 56
"""Tokens per row, always; the longest prompt leaves a few to spare."""

DROPPED = 0.1
"""Share of prompts blanked out, so that guidance has an unconditional distribution to contrast with."""


@dataclass(frozen=True)
class DrawingBatch:
    """Tensors of one batch.

    Attributes:
        ids: (B, L) text token ids; 0 where a picture token stands.
        codes: (B, L) picture token ids; 0 where text stands.
        is_code: (B, L) boolean.
        labels: (B, L) next picture token, -100 where none is predicted.
    """

    ids: torch.Tensor
    codes: torch.Tensor
    is_code: torch.Tensor
    labels: torch.Tensor


def pack(
    tokenizer: PreTrainedTokenizerFast,
    special: dict[str, int],
    sentences: Sequence[str],
    tokens: torch.Tensor,
    dropped: Sequence[bool],
) -> DrawingBatch:
    """Rows of ``<bos> <|User|> prompt <|Assistant|> <begin_of_image> tokens``.

    Args:
        tokenizer: the tiny model's.
        special: ids of the special tokens.
        sentences: prompts.
        tokens: picture tokens (B, 36).
        dropped: which prompts to blank out, as guidance will.
    """
    import torch

    size = len(sentences)
    ids = torch.full((size, LENGTH), special["pad"], dtype=torch.long)
    codes = torch.zeros((size, LENGTH), dtype=torch.long)
    is_code = torch.zeros((size, LENGTH), dtype=torch.bool)
    labels = torch.full((size, LENGTH), -100, dtype=torch.long)
    encoded = tokenizer(list(sentences), add_special_tokens=False)["input_ids"]
    for k, words in enumerate(encoded):
        middle = [special["user"], *words, special["assistant"]]
        if dropped[k]:
            middle = [special["pad"]] * len(middle)
        row = [special["bos"], *middle, special["boi"]]
        start, end = len(row), len(row) + PICTURE_TOKENS
        if end > LENGTH:
            raise ValueError(f"the prompt {sentences[k]!r} is too long for training rows of {LENGTH} tokens")
        ids[k, :start] = torch.tensor(row)
        codes[k, start:end] = tokens[k]
        is_code[k, start:end] = True
        labels[k, start - 1 : end - 1] = tokens[k]
    return DrawingBatch(ids, codes, is_code, labels)


def loss(model: JanusForConditionalGeneration, batch: DrawingBatch) -> torch.Tensor:
    """Mean cross-entropy over picture tokens (natural log)."""
    import torch
    import torch.nn.functional as F

    text = model.get_input_embeddings()(batch.ids)
    picture = model.prepare_embeddings_for_image_generation(batch.codes)
    embeds = torch.where(batch.is_code[..., None], picture.to(text.dtype), text)
    hidden = model.model.language_model(inputs_embeds=embeds, use_cache=False).last_hidden_state
    logits = model.model.generation_head(hidden).float()
    return F.cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), ignore_index=-100)
