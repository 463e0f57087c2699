"""Whole samples in one forward pass, for training: text and a noisy picture, or a picture and words about it.

Reading a context first and the rest after it gives the same numbers, and is what drawing does; one pass costs
less where gradients are wanted, and every layer is called once. Samples are rows of one padded batch, so none
sees another.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from selfreward_eval.harness.models.bagel.contexts import Markers
from selfreward_eval.harness.models.bagel.network import Bagel

__all__ = ["text_and_picture_mask", "velocities", "word_logits"]


def velocities(
    network: Bagel,
    markers: Markers,
    texts: Sequence[Sequence[int] | None],
    latents: torch.Tensor,
    times: torch.Tensor,
    grid: tuple[int, int],
) -> torch.Tensor:
    """Velocities of noisy pictures, each after its text: [text][picture], in the wide type, (B, L, C).

    Args:
        network: gradients flow unless the caller forbids them.
        markers: ids of the markers.
        texts: token ids of each prompt without markers; None leaves the text segment out, as text dropout
            does.
        latents: noisy ones, packed, (B, L, C).
        times: of every picture, (B,).
        grid: rows and columns of the L tokens.
    """
    device = network.device
    ids = [[] if row is None else [markers.bos, *row, markers.eos] for row in texts]
    lengths = torch.tensor([len(row) for row in ids], device=device)
    longest = max(map(len, ids))
    padded = torch.full((len(ids), 2 + longest), markers.eos, dtype=torch.long)
    padded[:, 0], padded[:, 1] = markers.picture_start, markers.picture_end
    for k, row in enumerate(ids):
        padded[k, 2 : 2 + len(row)] = torch.tensor(row, dtype=torch.long)
    und = network.embed(padded.to(device))
    gen = network.latent_tokens(latents, times, grid).to(und.device)
    steps = torch.arange(longest, device=device).expand(len(ids), -1)
    at_picture = lengths[:, None]
    positions = torch.cat([at_picture.expand(-1, 2), steps, at_picture.expand(-1, gen.shape[1])], dim=1)
    mask = text_and_picture_mask(lengths, longest, gen.shape[1])
    hidden = network.transformer(und, gen, positions, mask[:, None], None, False)
    assert hidden.gen is not None
    return network.velocity_of(hidden.gen)


def text_and_picture_mask(lengths: torch.Tensor, longest: int, count: int) -> torch.Tensor:
    """Which token sees which in [text][picture], the tokens in the order of :func:`velocities`.

    Args:
        lengths: of the texts, (B,).
        longest: of them.
        count: latent tokens.

    Returns:
        bool (B, N, N) with N = 2 + longest + count: the two markers, the text, the latents.
    """
    device, total = lengths.device, 2 + longest + count
    mask = torch.zeros(len(lengths), total, total, dtype=torch.bool, device=device)
    text = slice(2, 2 + longest)
    mask[:, text, text] = torch.ones(longest, longest, dtype=torch.bool, device=device).tril()
    real = torch.arange(longest, device=device) < lengths[:, None]
    for picture in (slice(0, 2), slice(2 + longest, total)):
        mask[:, picture, :2] = True
        mask[:, picture, 2 + longest :] = True
        mask[:, picture, text] = real[:, None]
    return mask


def word_logits(
    network: Bagel,
    markers: Markers,
    patches: torch.Tensor | None,
    grid: tuple[int, int],
    texts: Sequence[Sequence[Sequence[int]]],
) -> torch.Tensor:
    """Scores of the next token after every token of texts about a picture: [picture][text] ... [text].

    Several text segments of a row count as one text: each is causal, and sees those before it.

    Args:
        network: gradients flow unless the caller forbids them.
        markers: ids of the markers.
        patches: (B, P, 588), pictures of one size; None for rows without a picture.
        grid: rows and columns of the P patches.
        texts: token ids of every segment of each row, markers included; such as the question and the answer.

    Returns:
        (B, N, vocabulary) in the wide type, over the joined segments of each row, padded on the right.
    """
    device = network.device
    rows = [[token for segment in segments for token in segment] for segments in texts]
    longest = max(map(len, rows))
    padded = torch.full((len(rows), longest), markers.eos, dtype=torch.long)
    for k, row in enumerate(rows):
        padded[k, : len(row)] = torch.tensor(row, dtype=torch.long)
    und = network.embed(padded.to(device))
    positions = torch.arange(longest, device=device).expand(len(rows), -1)
    head = 0
    if patches is not None:
        ids = torch.tensor([[markers.picture_start, markers.picture_end]], device=device)
        start, end = network.embed(ids.expand(len(rows), -1)).split(1, dim=1)
        picture = torch.cat([start, network.patch_tokens(patches, grid).to(device), end], dim=1)
        head = picture.shape[1]
        und = torch.cat([picture, und], dim=1)
        positions = torch.cat([positions.new_zeros(len(rows), head), positions + 1], dim=1)
    mask = torch.ones(head + longest, head + longest, dtype=torch.bool, device=device).tril()
    mask[:head, :head] = True
    hidden = network.transformer(und, None, positions, mask[None, None])
    return network.logits_of(hidden.und[:, head:])
