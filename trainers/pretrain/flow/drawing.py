"""Drawing batches: a prompt, then a noisy picture of a scene that fulfils it; the velocity is learnt.

Prompts are padded to one length, so that one shape is compiled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from selfreward_eval.trainers.pretrain.flow import sizes, words

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast

    from selfreward_eval.harness.models.bagel.autoencoder import FluxAutoencoder
    from selfreward_eval.harness.models.bagel.network import Bagel

TEXT = 18
"""Text tokens per row with markers, always; the longest prompt fits."""


@dataclass(frozen=True)
class DrawnBatch:
    """Tensors of one batch.

    Attributes:
        ids: prompts between their markers, padded on the right, (B, TEXT).
        lengths: of the prompts with markers, 0 where the prompt is left out, (B,).
        clean: latents, (B, 36, 16).
        noise: of the same shape.
        times: (B,) in (0, 1).
    """

    ids: torch.Tensor
    lengths: torch.Tensor
    clean: torch.Tensor
    noise: torch.Tensor
    times: torch.Tensor


def pack(
    tokenizer: PreTrainedTokenizerFast,
    autoencoder: FluxAutoencoder,
    sentences: Sequence[str],
    pixels: torch.Tensor,
    dropped: Sequence[bool],
    seed: int,
) -> DrawnBatch:
    """One batch; ``seed`` draws the encodings, the noise and the times.

    Args:
        tokenizer: of ``tiny-flow``.
        autoencoder: its latents are scaled.
        sentences: prompts.
        pixels: (B, 3, 48, 48) in [-1, 1].
        dropped: which prompts are left out.
        seed: of everything random here.
    """
    import torch

    from selfreward_eval.harness.models.bagel.tables import pack_latents

    marks = words.marker_ids()
    generator = torch.Generator().manual_seed(seed)
    ids = torch.full((len(sentences), TEXT), marks["pad"])
    lengths = torch.zeros(len(sentences), dtype=torch.long)
    rows = tokenizer(list(sentences), add_special_tokens=False)["input_ids"]
    for k, (row, left_out) in enumerate(zip(rows, dropped, strict=True)):
        if left_out:
            continue
        tokens = [marks["text_start"], *row, marks["text_end"]]
        if len(tokens) > TEXT:
            raise ValueError(f"a prompt of {len(tokens)} tokens does not fit {TEXT}: {sentences[k]!r}")
        ids[k, : len(tokens)] = torch.tensor(tokens)
        lengths[k] = len(tokens)
    with torch.no_grad():
        clean = pack_latents(autoencoder.encode(pixels, generator), sizes.TOKEN_PATCH)
    noise = torch.randn(clean.shape, generator=generator)
    times = torch.sigmoid(torch.randn(len(sentences), generator=generator))
    return DrawnBatch(ids, lengths, clean, noise, times)


def loss(network: Bagel, batch: DrawnBatch) -> torch.Tensor:
    """Mean squared error of the velocity over tokens and channels."""
    import torch

    from selfreward_eval.harness.models.bagel.sequences import text_and_picture_mask

    marks = words.marker_ids()
    size = len(batch.ids)
    spread = batch.times[:, None, None]
    noisy = (1 - spread) * batch.clean + spread * batch.noise
    markers = torch.tensor([[marks["picture_start"], marks["picture_end"]]]).expand(size, -1)
    und = network.embed(torch.cat([markers, batch.ids], dim=1))
    gen = network.latent_tokens(noisy, batch.times, (sizes.SIDE, sizes.SIDE))
    at_picture = batch.lengths[:, None]
    positions = torch.cat(
        [at_picture.expand(-1, 2), torch.arange(TEXT).expand(size, -1), at_picture.expand(-1, sizes.TOKENS)],
        dim=1,
    )
    mask = text_and_picture_mask(batch.lengths, TEXT, sizes.TOKENS)
    hidden = network.transformer(und, gen, positions, mask[:, None], None, False)
    assert hidden.gen is not None
    error: torch.Tensor = (network.velocity_of(hidden.gen) - (batch.noise - batch.clean)).pow(2).mean()
    return error
