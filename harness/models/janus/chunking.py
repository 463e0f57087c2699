"""Log-probabilities of given tokens, without ever holding the logits of all of them.

A vocabulary is wide: the logits of 16 rows of 620 tokens over Janus-Pro's 102,400 words are 4 GB in
float32, and their softmax as much again, while one number a token is wanted. Here logits are computed
where they are read, some rows at a time. With gradients every part keeps its input alone and computes its
logits again in the backward pass, so that no part's logits outlive it there either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

LOGITS = 1 << 24
"""Logits held at once: 64 MiB in float32. Small models stay below it, and nothing is computed twice."""

STATES = 1 << 24
"""Numbers of one layer held at once where no gradient keeps them: 64 MiB in float32."""

CACHED = 3 << 17
"""The same on a CPU, whose cache should hold them: 3 MiB in float64."""


def rows_together(model: Any, length: int) -> int:
    """Rows of ``length`` tokens that are read at once without gradients; a layer is widest in its middle."""
    width = int(model.config.text_config.intermediate_size)
    held = CACHED if model.device.type == "cpu" else STATES
    return max(1, held // (width * max(1, length)))


def token_scores(
    logits: Callable[..., torch.Tensor], states: Sequence[torch.Tensor], tokens: torch.Tensor, codes: int
) -> torch.Tensor:
    """log softmax(logits) of one token a row.

    Args:
        logits: parts of ``states`` -> scores of every code, (r, codes).
        states: hidden states, (R, width) each, aligned.
        tokens: what is scored, int64 (R,).
        codes: how many codes there are.

    Returns:
        float32 (R,), natural logarithms.
    """

    def score(wanted: torch.Tensor, *part: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = logits(*part).float().log_softmax(-1)
        return scores.gather(-1, wanted[:, None]).squeeze(-1)

    return in_parts(score, [tokens, *states], codes)


def in_parts(score: Callable[..., torch.Tensor], tensors: Sequence[torch.Tensor], codes: int) -> torch.Tensor:
    """``score`` of ``tensors``, rows of which stand for ``codes`` logits each, a part at a time.

    Args:
        score: parts of ``tensors`` -> one row for each of theirs. It must not draw random numbers.
        tensors: of one length.
        codes: logits that a row stands for.
    """
    import torch
    from torch.utils.checkpoint import checkpoint

    rows = max(1, LOGITS // max(1, codes))
    if len(tensors[0]) <= rows:
        return score(*tensors)
    parts = zip(*(tensor.split(rows) for tensor in tensors), strict=True)
    if not torch.is_grad_enabled():
        return torch.cat([score(*part) for part in parts])
    recomputed: list[torch.Tensor] = [
        checkpoint(score, *part, use_reentrant=False, preserve_rng_state=False) for part in parts
    ]
    return torch.cat(recomputed)
