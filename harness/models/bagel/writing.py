"""Writes text after what was read, for several rows at once: the likeliest tokens, or sampled ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from selfreward_eval.harness.instruments.backends.finite import check_computed
from selfreward_eval.harness.models.bagel.contexts import Context, Markers, read_text
from selfreward_eval.harness.models.bagel.network import Bagel

__all__ = ["write"]


def write(
    network: Bagel,
    context: Context,
    markers: Markers,
    limit: int,
    *,
    drops: bool = False,
    temperature: float = 0.0,
    generators: Sequence[torch.Generator] = (),
) -> list[tuple[list[int], bool]]:
    """Tokens of every row, from the marker of a text's begin on.

    Args:
        network: of the context.
        context: of B rows.
        markers: ids of the markers.
        limit: at most so many tokens a row, its end included.
        drops: whether rows that have ended leave the batch; the shapes of the others change by it.
        temperature: logits are divided by it before a token is sampled; 0 takes the likeliest.
        generators: one for every row, on the CPU; needed above temperature 0.

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
            if temperature:
                sums = (logits.double() / temperature).softmax(-1).cumsum(-1).cpu()
                tokens = [_chosen(total, generators[row]) for total, row in zip(sums, rows, strict=True)]
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


def _chosen(sums: torch.Tensor, generator: torch.Generator) -> int:
    """A token by one number of the generator and the running sums (V,) of probabilities."""
    drawn = torch.rand((), dtype=torch.float64, generator=generator) * sums[-1]
    return min(int(torch.searchsorted(sums, drawn, right=True)), len(sums) - 1)
