"""Questions about pictures for ``tiny-flow``: many segments after one picture, none of which sees another.

A segment is a question and its answer, each between its markers, with positions that start right after the
picture's one; it is computed as if it stood alone, and a picture is looked at once for all its questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from selfreward_eval.tasks.shapes.language import Question
from selfreward_eval.tasks.shapes.scene import Scene
from selfreward_eval.trainers.pretrain.flow import sizes, words
from selfreward_eval.trainers.pretrain.understanding import LONG_WEIGHT, covers, grounding

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast

    from selfreward_eval.harness.models.bagel.network import Bagel

PICTURE = sizes.TOKENS + 2
"""Tokens of a picture with its markers."""

TEXT = 120
"""Text tokens per row, always: one shape is compiled once. Questions that do not fit are left out."""


@dataclass(frozen=True)
class AskedBatch:
    """Tensors of one batch.

    Attributes:
        patches: (B, 36, 192) in [-1, 1].
        ids: text tokens, (B, TEXT).
        positions: of picture and text, (B, PICTURE + TEXT).
        mask: (B, 1, PICTURE + TEXT, PICTURE + TEXT), True where attention is allowed.
        labels: next tokens, (B, TEXT), -100 where nothing is learnt.
        weights: of every target, (B, TEXT).
        colours: index into COLOURS of what covers each patch, (B, 36), -100 on the ground.
        shapes: index into SHAPES of the same.
    """

    patches: torch.Tensor
    ids: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor
    labels: torch.Tensor
    weights: torch.Tensor
    colours: torch.Tensor
    shapes: torch.Tensor


def pack(
    tokenizer: PreTrainedTokenizerFast,
    pixels: torch.Tensor,
    scenes: Sequence[Scene],
    questions: Sequence[Sequence[Question]],
) -> AskedBatch:
    """Packs each picture's questions into one row; ``pixels`` are (B, 3, 48, 48) in [-1, 1]."""
    import torch

    from selfreward_eval.harness.models.bagel.tables import pack_patches

    marks = words.marker_ids()
    start, end = marks["text_start"], marks["text_end"]
    flat = [text for row in questions for question in row for text in (question.text, question.answer)]
    encoded = iter(tokenizer(flat, add_special_tokens=False)["input_ids"])
    size, total = len(questions), PICTURE + TEXT
    ids = torch.full((size, TEXT), marks["pad"])
    labels, weights = torch.full((size, TEXT), -100), torch.zeros((size, TEXT))
    positions, segment = torch.zeros((size, total), dtype=torch.long), torch.full((size, total), -1)
    segment[:, :PICTURE] = 0
    for k, row in enumerate(questions):
        place = 0
        for number, question in enumerate(row, start=1):
            asked, answered = next(encoded), next(encoded)
            tokens = [start, *asked, end, start, *answered, end]
            if place + len(tokens) > TEXT:
                continue
            here = slice(place, place + len(tokens))
            both = slice(PICTURE + place, PICTURE + place + len(tokens))
            ids[k, here] = torch.tensor(tokens)
            labels[k, here] = torch.tensor([-100] * (len(asked) + 2) + [*answered, end, -100])
            weights[k, here] = LONG_WEIGHT if question.kind in ("caption", "prompt") else 1.0
            positions[k, both] = torch.arange(1, 1 + len(tokens))
            segment[k, both] = number
            place += len(tokens)
    causal = torch.ones((total, total), dtype=torch.bool).tril()
    causal[:PICTURE, :PICTURE] = True
    same = segment[:, :, None] == segment[:, None, :]
    mask = (same | (segment == 0)[:, None, :]) & causal
    patches = pack_patches(pixels, sizes.PATCH)
    return AskedBatch(patches, ids, positions, mask[:, None], labels, weights, *covers(scenes))


def loss(
    network: Bagel,
    batch: AskedBatch,
    weighted: bool,
    grounded: tuple[torch.Tensor, torch.Tensor] | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross-entropy over the answers' tokens, and the grounding term (natural logs).

    Args:
        network: the model.
        batch: packed questions.
        weighted: whether long answers' tokens weigh less.
        grounded: token ids of the colours and of the shapes; None leaves the grounding term 0.
    """
    import torch
    import torch.nn.functional as F

    from selfreward_eval.harness.models.bagel.tables import places

    marks = words.marker_ids()
    size = len(batch.ids)
    where = places((sizes.SIDE, sizes.SIDE), sizes.SIDE)
    features = network.connector(network.vit_model(batch.patches, where))
    # Without its place a patch is compared with the words for what it shows.
    patches = features + network.vit_pos_embed(where)
    around = network.embed(torch.tensor([[marks["picture_start"], marks["picture_end"]]]).expand(size, -1))
    picture = torch.cat([around[:, :1], patches, around[:, 1:]], dim=1)
    und = torch.cat([picture, network.embed(batch.ids)], dim=1)
    hidden = network.transformer(und, None, batch.positions, batch.mask).und[:, PICTURE:]
    logits = network.logits_of(hidden).float()
    losses = F.cross_entropy(
        logits.flatten(0, 1), batch.labels.flatten(), ignore_index=-100, reduction="none"
    )
    kept = (batch.labels.flatten() != -100).float()
    weights = kept * batch.weights.flatten() if weighted else kept
    answers: torch.Tensor = (losses * weights).sum() / weights.sum()
    if grounded is None:
        return answers, torch.zeros_like(answers)
    table = network.transformer.embed_tokens.weight
    return answers, grounding(features, table, batch, *grounded)
