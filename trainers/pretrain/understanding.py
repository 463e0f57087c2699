"""Understanding batches: many questions about one picture in one sequence.

The picture's tokens come first; every question follows as a segment that sees
the picture and itself but no other question, with positions that start right
after the picture. Each segment is therefore computed exactly as if it stood
alone, and a picture is encoded once for all its questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from selfreward_eval.tasks.shapes.language import QUESTION_KINDS, WHICH_PROMPT, Question, ask
from selfreward_eval.tasks.shapes.scene import Scene
from selfreward_eval.tasks.shapes.vocabulary import COLOURS, SHAPES
from selfreward_eval.trainers.pretrain.architecture import PATCH, PICTURE, PICTURE_TOKENS

if TYPE_CHECKING:
    import torch
    from transformers import JanusForConditionalGeneration, PreTrainedTokenizerFast

SCENE_WEIGHTS = {
    "plain": 5.0,
    "counted": 1.5,
    "textured": 1.5,
    "lettered": 0.6,
    "sized": 0.6,
    "occluding": 0.8,
    "touching": 0.6,
    "inside": 0.4,
}
"""Kinds of scene that questions are asked about."""

KIND_WEIGHTS = {
    "caption": 0.8,
    "relation": 2.0,
    "count": 1.5,
    "colour": 1.0,
    "shape": 1.0,
    "existence": 1.2,
    "texture": 0.5,
    "textured": 0.6,
    "wording": 0.8,
    "contact": 1.0,
    "compare": 0.8,
    "same": 0.8,
}
"""How often each kind is asked."""

LOOKUP_WEIGHTS = {
    "caption": 0.5,
    "relation": 0.7,
    "count": 0.8,
    "colour": 3.0,
    "shape": 3.0,
    "existence": 1.0,
    "texture": 0.2,
}
"""The same while the model learns to look a word up in the picture. Relations need two such look-ups;
asked before one works, they are noise."""

RELATION_WEIGHTS = {
    "caption": 1.0,
    "relation": 5.0,
    "count": 0.8,
    "colour": 0.6,
    "shape": 0.6,
    "existence": 1.0,
    "texture": 0.2,
}
"""The same once look-ups work and what is left to learn is how two of them relate."""

PER_PICTURE = 7
PREFIX = PICTURE_TOKENS + 4
"""<bos> <|User|> <begin_of_image> picture <end_of_image>"""
LONG_WEIGHT = 0.15
"""Weight of a token of a caption or prompt, beside 1 for a token of a short answer: by numbers alone
the long answers would own the gradient, and questions would be learnt last."""

SHARPNESS = 12.0
"""Factor on cosines before the softmax of the grounding term."""

LENGTH = 144
"""Tokens per row, always: one shape is compiled once. Questions that do not fit are left out."""


@dataclass(frozen=True)
class PackedBatch:
    """Tensors of one batch.

    Attributes:
        pixels: (B, 3, 48, 48) in [-1, 1].
        ids: (B, L) token ids.
        positions: (B, L) rotary positions, restarting for every segment.
        mask: (B, 1, L, L) boolean, True where attention is allowed.
        labels: (B, L) next-token targets, -100 where nothing is learnt.
        weights: (B, L) weight of every target.
        colours: (B, 36) index into COLOURS of what covers each patch, -100 on the ground.
        shapes: (B, 36) index into SHAPES of the same, -100 on the ground and under letters.
    """

    pixels: torch.Tensor
    ids: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor
    labels: torch.Tensor
    weights: torch.Tensor
    colours: torch.Tensor
    shapes: torch.Tensor


class Covered(Protocol):
    """What the grounding term reads of a batch; see :class:`PackedBatch`."""

    @property
    def colours(self) -> torch.Tensor: ...

    @property
    def shapes(self) -> torch.Tensor: ...


def questions_for(
    rng: np.random.Generator, scene: Scene, count: int, weights: dict[str, float] | None = None
) -> list[Question]:
    """``count`` questions by ``weights``; kinds that the scene cannot answer are drawn again."""
    weights = weights or KIND_WEIGHTS
    kinds = list(weights)
    odds = np.asarray(list(weights.values()))
    odds = odds / odds.sum()
    out: list[Question] = []
    while len(out) < count:
        question = ask(rng, scene, kinds[int(rng.choice(len(kinds), p=odds))])
        if question is not None:
            out.append(question)
    return out


def pack(
    tokenizer: PreTrainedTokenizerFast,
    special: dict[str, int],
    pixels: torch.Tensor,
    scenes: Sequence[Scene],
    questions: Sequence[Sequence[Question]],
) -> PackedBatch:
    """Packs each picture's questions into one row."""
    import torch

    flat = [text for row in questions for q in row for text in (q.text, q.answer)]
    encoded = iter(tokenizer(flat, add_special_tokens=False)["input_ids"])
    prefix = [special["bos"], special["user"], special["boi"]]
    prefix += [special["image"]] * PICTURE_TOKENS + [special["eoi"]]
    rows = []
    for row in questions:
        ids, positions, segment, labels = list(prefix), list(range(PREFIX)), [0] * PREFIX, [-100] * PREFIX
        weights = [0.0] * PREFIX
        for number, question in enumerate(row, start=1):
            asked, answered = next(encoded), next(encoded)
            tokens = [*asked, special["assistant"], *answered, special["eos"]]
            if len(ids) + len(tokens) > LENGTH:
                continue
            targets = [-100] * len(asked) + [*answered, special["eos"], -100]
            ids += tokens
            labels += targets
            weights += [LONG_WEIGHT if question.kind in ("caption", "prompt") else 1.0] * len(tokens)
            positions += range(PREFIX, PREFIX + len(tokens))
            segment += [number] * len(tokens)
        rows.append((ids, positions, segment, labels, weights))
    length, size = LENGTH, len(rows)
    ids_t = torch.full((size, length), special["pad"], dtype=torch.long)
    positions_t = torch.zeros((size, length), dtype=torch.long)
    segment_t = torch.full((size, length), -1, dtype=torch.long)
    labels_t = torch.full((size, length), -100, dtype=torch.long)
    weights_t = torch.zeros((size, length))
    for k, (ids, positions, segment, labels, weights) in enumerate(rows):
        n = len(ids)
        ids_t[k, :n] = torch.tensor(ids)
        positions_t[k, :n] = torch.tensor(positions)
        segment_t[k, :n] = torch.tensor(segment)
        labels_t[k, :n] = torch.tensor(labels)
        weights_t[k, :n] = torch.tensor(weights)
    causal = torch.ones((length, length), dtype=torch.bool).tril()
    same = segment_t[:, :, None] == segment_t[:, None, :]
    picture = (segment_t == 0)[:, None, :]
    mask = (same | picture) & causal
    return PackedBatch(pixels, ids_t, positions_t, mask[:, None], labels_t, weights_t, *covers(scenes))


def covers(scenes: Sequence[Scene]) -> tuple[torch.Tensor, torch.Tensor]:
    """Colour and shape index of the object over every patch: int64 (B, 36) twice, -100 for none."""
    import torch

    side = PICTURE // PATCH
    labels = np.full((2, len(scenes), side, side), -100)
    names = list(COLOURS)
    for k, scene in enumerate(scenes):
        for thing in scene.things:
            rows = sorted({(thing.y - 1) // PATCH, thing.y // PATCH})
            columns = sorted({(thing.x - 1) // PATCH, thing.x // PATCH})
            place = np.ix_(rows, columns)
            labels[0, k][place] = names.index(thing.colour)
            labels[1, k][place] = SHAPES.index(thing.form) if thing.form in SHAPES else -100
    colours, shapes = (torch.from_numpy(layer.reshape(len(scenes), -1)) for layer in labels)
    return colours, shapes


def grounding(
    features: torch.Tensor,
    words: torch.Tensor,
    batch: Covered,
    colour_ids: torch.Tensor,
    shape_ids: torch.Tensor,
) -> torch.Tensor:
    """How far the patches' features are from the words for what they show (natural log).

    Cross-entropy of a patch's colour among all colours and its shape among all shapes, by cosine
    with the words' input embeddings. It puts pictures and words into one space before the language
    model sees either, so that the word "star" in a question can find a star in the picture.

    Args:
        features: the language model's picture inputs, (B, 36, width).
        words: the input embedding, (vocabulary, width).
        batch: its ``colours`` and ``shapes`` are the targets.
        colour_ids: token ids of the colours.
        shape_ids: token ids of the shapes.
    """
    import torch.nn.functional as F

    patches = F.normalize(features.float(), dim=-1)
    total = patches.new_zeros(())
    for ids, labels in ((colour_ids, batch.colours), (shape_ids, batch.shapes)):
        logits = SHARPNESS * patches @ F.normalize(words[ids].float(), dim=-1).T
        total = total + F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)
    return total


def loss(
    model: JanusForConditionalGeneration,
    batch: PackedBatch,
    weighted: bool = True,
    grounded: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross-entropy over the answers' tokens, and the grounding term (natural logs).

    Args:
        model: the model.
        batch: packed questions.
        weighted: whether long answers' tokens weigh less.
        grounded: token ids of the colours and of the shapes; None leaves the grounding term 0.
    """
    import torch
    import torch.nn.functional as F

    features = model.model.get_image_features(batch.pixels, return_dict=True).pooler_output
    embeds = model.get_input_embeddings()(batch.ids)
    embeds = embeds.clone()
    embeds[:, 3 : 3 + PICTURE_TOKENS] = features.to(embeds.dtype)
    # Additive, because eager attention would add a boolean mask as numbers and hide nothing.
    mask = torch.zeros_like(batch.mask, dtype=features.dtype).masked_fill(~batch.mask, -1e9)
    hidden = model.model.language_model(
        inputs_embeds=embeds, attention_mask=mask, position_ids=batch.positions, use_cache=False
    ).last_hidden_state
    logits = model.lm_head(hidden).float()
    losses = F.cross_entropy(
        logits.flatten(0, 1), batch.labels.flatten(), ignore_index=-100, reduction="none"
    )
    kept = (batch.labels.flatten() != -100).float()
    weights = kept * batch.weights.flatten() if weighted else kept
    answers = (losses * weights).sum() / weights.sum()
    if grounded is None:
        return answers, torch.zeros_like(answers)
    table: Any = model.get_input_embeddings()
    return answers, grounding(features, table.weight, batch, *grounded)


def prompt_question(sentence: str) -> Question:
    """The request for a fitting prompt with one sentence that is true of the picture."""
    return Question("prompt", WHICH_PROMPT, sentence)


__all__ = ["QUESTION_KINDS", "PackedBatch", "loss", "pack", "prompt_question", "questions_for"]
