"""Writes text after what was read: greedy, for several rows at once."""

from __future__ import annotations

import torch

from selfreward_eval.harness.instruments.backends.finite import check_computed
from selfreward_eval.harness.models.bagel.contexts import Context, Markers, read_text
from selfreward_eval.harness.models.bagel.network import Bagel

__all__ = ["write"]


def write(
    network: Bagel, context: Context, markers: Markers, limit: int, *, drops: bool = False
) -> list[tuple[list[int], bool]]:
    """The likeliest tokens of every row, from the marker of a text's begin on.

    Args:
        network: of the context.
        context: of B rows.
        markers: ids of the markers.
        limit: at most so many tokens a row, its end included.
        drops: whether rows that have ended leave the batch; the shapes of the others change by it.

    Returns:
        Token ids of every row without markers, and whether the row ended by itself.

    Raises:
        NotFinite: a logit was NaN or infinite.
    """
    written: list[list[int]] = [[] for _ in range(context.rows)]
    ended = [False] * context.rows
    rows = list(range(context.rows))
    tokens = [markers.bos] * context.rows
    # Smallest and largest logit of every step; a GPU is waited for once, at the end.
    extremes = []
    with torch.inference_mode():
        for _ in range(limit):
            context, hidden = read_text(network, context, [[token] for token in tokens])
            logits = network.logits_of(hidden[:, 0])
            extremes.append(torch.stack(logits.aminmax()))
            tokens = logits.argmax(-1).tolist()
            for row, token in zip(rows, tokens, strict=True):
                if token == markers.eos:
                    ended[row] = True
                elif not ended[row]:
                    written[row].append(token)
            if all(ended):
                break
            left = [place for place, row in enumerate(rows) if not ended[row]]
            if drops and len(left) < len(rows):
                context = context.select(left)
                rows, tokens = [rows[place] for place in left], [tokens[place] for place in left]
    check_computed(extremes, "a logit of the text")
    return list(zip(written, ended, strict=True))
