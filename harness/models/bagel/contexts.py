"""What a model has read: keys and values of text and pictures, for several rows at once.

A context never changes; every ``read_*`` gives a new one. Rows may be of different length: they are padded
on the right, and :attr:`Context.seen` says which places are real. A later segment sees all earlier ones of
its row. Positions are one number a token: text counts on, all tokens of a picture share one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch.nn import functional

from selfreward_eval.harness.models.bagel.network import Bagel
from selfreward_eval.harness.models.bagel.transformer import Hidden, Past

__all__ = [
    "Context",
    "Markers",
    "empty",
    "noisy_velocity",
    "read_latents",
    "read_patches",
    "read_text",
]


class Markers(NamedTuple):
    """Ids of the four markers: around every text, and around every picture."""

    bos: int
    eos: int
    picture_start: int
    picture_end: int


@dataclass(frozen=True)
class Context:
    """What was read.

    Attributes:
        past: keys and values, of T places; None for nothing.
        seen: which places are real, bool (B, T); None where all are.
        positions: of the next token, int64 (B,).
    """

    past: Past | None
    seen: torch.Tensor | None
    positions: torch.Tensor

    @property
    def rows(self) -> int:
        """B."""
        return len(self.positions)

    @property
    def length(self) -> int:
        """T, padding included."""
        return 0 if self.past is None else self.past[0][0].shape[2]

    def select(self, rows: Sequence[int] | torch.Tensor) -> Context:
        """The context of these rows, each as often as it is named."""
        chosen = torch.as_tensor(rows, dtype=torch.long, device=self.positions.device)
        past = None
        if self.past is not None:
            past = tuple(
                (key[chosen.to(key.device)], value[chosen.to(value.device)]) for key, value in self.past
            )
        return Context(past, None if self.seen is None else self.seen[chosen], self.positions[chosen])


def empty(network: Bagel, rows: int) -> Context:
    """Nothing read yet, for so many rows."""
    return Context(None, None, torch.zeros(rows, dtype=torch.long, device=network.device))


def read_text(network: Bagel, context: Context, ids: Sequence[Sequence[int]]) -> tuple[Context, torch.Tensor]:
    """Text after what was read, each token seeing the ones before it.

    Args:
        network: of the context.
        context: of B rows.
        ids: token ids of each row, markers included; a row may be empty.

    Returns:
        The new context, and the final states of the text (B, N, D), padded on the right.
    """
    device = context.positions.device
    longest = max(1, *map(len, ids))
    padded = torch.zeros(len(ids), longest, dtype=torch.long)
    for k, row in enumerate(ids):
        padded[k, : len(row)] = torch.tensor(row, dtype=torch.long)
    lengths = torch.tensor([len(row) for row in ids], device=device)
    steps = torch.arange(longest, device=device)
    real = steps < lengths[:, None]
    positions = context.positions[:, None] + steps
    causal = torch.ones(longest, longest, dtype=torch.bool, device=device).tril()
    mask = _with_past(context, causal[None].expand(len(ids), -1, -1))
    hidden = network.transformer(
        network.embed(padded.to(device)), None, positions, mask[:, None], context.past
    )
    whole = all(len(row) == longest for row in ids)
    return _extended(context, hidden.new, None if whole else real, context.positions + lengths), hidden.und


def read_patches(
    network: Bagel, context: Context, markers: Markers, tokens: torch.Tensor
) -> tuple[Context, torch.Tensor]:
    """A picture to look at, between its markers: the new context, and the final states (B, 1 + P + 1, D).

    Args:
        network: of the context.
        context: of B rows.
        markers: their ids.
        tokens: und tokens of the patches, (B, P, D).
    """
    start, end = _marker_tokens(network, markers, context.rows).split(1, dim=1)
    und = torch.cat([start, tokens.to(start.device), end], dim=1)
    positions = context.positions[:, None].expand(-1, und.shape[1])
    hidden = network.transformer(und, None, positions, _all_seen(context, und.shape[1]), context.past)
    return _extended(context, hidden.new, None, context.positions + 1), hidden.und


def read_latents(
    network: Bagel, context: Context, markers: Markers, latents: torch.Tensor, grid: tuple[int, int]
) -> Context:
    """The clean latents (B, L, C) of a picture that is edited, at time 0, between its markers."""
    times = torch.zeros(len(latents))
    hidden = _latent_segment(network, context, markers, network.latent_tokens(latents, times, grid))
    return _extended(context, hidden.new, None, context.positions + 1)


def noisy_velocity(
    network: Bagel,
    context: Context,
    markers: Markers,
    latents: torch.Tensor,
    times: torch.Tensor,
    grid: tuple[int, int],
) -> torch.Tensor:
    """Velocities (B, L, C) of noisy latents at ``times`` (B,) after what was read, in the wide type."""
    hidden = _latent_segment(network, context, markers, network.latent_tokens(latents, times, grid))
    assert hidden.gen is not None
    return network.velocity_of(hidden.gen)


def _latent_segment(network: Bagel, context: Context, markers: Markers, tokens: torch.Tensor) -> Hidden:
    """Reads gen tokens (B, L, D) between their markers; the markers' final states are not wanted."""
    und = _marker_tokens(network, markers, len(tokens))
    gen = tokens.to(und.device)
    count = und.shape[1] + gen.shape[1]
    positions = context.positions[:, None].expand(-1, count)
    return network.transformer(und, gen, positions, _all_seen(context, count), context.past, wants_und=False)


def _marker_tokens(network: Bagel, markers: Markers, rows: int) -> torch.Tensor:
    """Und tokens of the two markers of a picture: (B, 2, D)."""
    ids = torch.tensor([[markers.picture_start, markers.picture_end]], device=network.device)
    return network.embed(ids.expand(rows, -1))


def _all_seen(context: Context, count: int) -> torch.Tensor | None:
    """Mask of a picture of ``count`` tokens that see each other and all that was read; None if nothing is
    padded."""
    if context.seen is None:
        return None
    return functional.pad(context.seen, (0, count), value=True)[:, None, None]


def _with_past(context: Context, mask: torch.Tensor) -> torch.Tensor:
    """``mask`` (B, N, N) with what was read before it: (B, N, T + N)."""
    if not context.length:
        return mask
    seen = context.seen
    if seen is None:
        seen = torch.ones(context.rows, context.length, dtype=torch.bool, device=mask.device)
    return torch.cat([seen[:, None].expand(-1, mask.shape[1], -1), mask], dim=2)


def _extended(context: Context, new: Past, real: torch.Tensor | None, positions: torch.Tensor) -> Context:
    """``context`` with keys and values behind its own; ``real`` says which of them are."""
    before, added = context.length, new[0][0].shape[2]
    seen = None
    if context.seen is not None or real is not None:
        device = positions.device
        everything = torch.ones(context.rows, before + added, dtype=torch.bool, device=device)
        seen = everything
        if context.seen is not None:
            seen[:, :before] = context.seen
        if real is not None:
            seen[:, before:] = real
    past = new
    if context.past is not None:
        past = tuple(
            (torch.cat([old[0], fresh[0]], dim=2), torch.cat([old[1], fresh[1]], dim=2))
            for old, fresh in zip(context.past, new, strict=True)
        )
    return Context(past, seen, positions)
