"""Packed questions are computed as if each stood alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from selfreward_eval.tasks.shapes.language import Question
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.sampling import KINDS, PLACES, plain
from selfreward_eval.tasks.shapes.scene import Scene, Thing
from selfreward_eval.tasks.shapes.vocabulary import COLOURS, SHAPES
from selfreward_eval.trainers.pretrain import understanding
from selfreward_eval.trainers.pretrain.architecture import PATCH, PICTURE_TOKENS
from selfreward_eval.trainers.pretrain.codec import to_tensor
from selfreward_eval.trainers.pretrain.tokenizer import special_ids
from selfreward_eval.trainers.pretrain.understanding import (
    PREFIX,
    PackedBatch,
    grounding,
    pack,
    questions_for,
)

SPECIAL = special_ids()
QUESTIONS = (
    Question("colour", "what colour is the star?", "red"),
    Question("caption", "describe the picture.", "a red star left of a blue ring"),
    Question("count", "how many circles are there?", "two"),
)


SCENES = [plain(np.random.default_rng(seed)) for seed in range(2)]


def loss(model: Any, batch: PackedBatch, weighted: bool = True) -> torch.Tensor:
    """The answers' term of the loss."""
    return understanding.loss(model, batch, weighted)[0]


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    return to_tensor(np.stack([render(scene) for scene in SCENES]))


@pytest.fixture
def packed(words: Any, pixels: torch.Tensor) -> PackedBatch:
    """Two pictures with the three questions, in different order."""
    return pack(words, SPECIAL, pixels, SCENES, [QUESTIONS, QUESTIONS[::-1]])


def span(words: Any, row: tuple[Question, ...], number: int) -> range:
    """Where a question of a row lies, its end token included."""
    lengths = [
        len(words(q.text, add_special_tokens=False)["input_ids"])
        + len(words(q.answer, add_special_tokens=False)["input_ids"])
        + 2
        for q in row
    ]
    start = PREFIX + sum(lengths[:number])
    return range(start, start + lengths[number])


def only(batch: PackedBatch, row: int, where: range) -> PackedBatch:
    """The batch with the labels of one question of one row alone."""
    labels = torch.full_like(batch.labels, -100)
    labels[row, where.start : where.stop] = batch.labels[row, where.start : where.stop]
    return replace(batch, labels=labels)


def with_other_tokens(batch: PackedBatch, row: int, where: range) -> PackedBatch:
    ids = batch.ids.clone()
    ids[row, where.start : where.stop] = (ids[row, where.start : where.stop] + 41) % 300
    return replace(batch, ids=ids)


def test_what_a_row_looks_like(packed: PackedBatch, words: Any) -> None:
    text = words.decode(packed.ids[0, :PREFIX].tolist() + packed.ids[0, PREFIX : PREFIX + 20].tolist())
    picture = "<image_placeholder>" * PICTURE_TOKENS
    assert text.replace(" ", "").startswith(
        f"<bos><|User|><begin_of_image>{picture}<end_of_image>whatcolouristhestar?<|Assistant|>red<eos>"
    )


def test_labels_are_the_answers_and_their_ends(packed: PackedBatch, words: Any) -> None:
    for row, questions in enumerate((QUESTIONS, QUESTIONS[::-1])):
        for number, question in enumerate(questions):
            where = span(words, questions, number)
            labels = packed.labels[row, where.start : where.stop].tolist()
            answer = words(question.answer, add_special_tokens=False)["input_ids"]
            assert [label for label in labels if label != -100] == [*answer, SPECIAL["eos"]]
            # Every label is the token that comes next.
            for k, label in zip(where, labels, strict=True):
                assert label in (-100, int(packed.ids[row, k + 1]))
    assert (packed.labels[:, :PREFIX] == -100).all()


def test_positions_restart_for_every_question(packed: PackedBatch, words: Any) -> None:
    assert packed.positions[0, :PREFIX].tolist() == list(range(PREFIX))
    for number in range(3):
        where = span(words, QUESTIONS, number)
        positions = packed.positions[0, where.start : where.stop].tolist()
        assert positions == list(range(PREFIX, PREFIX + len(where)))


def test_a_question_sees_the_picture_and_itself(packed: PackedBatch, words: Any) -> None:
    mask = packed.mask[0, 0]
    for number in range(3):
        where = span(words, QUESTIONS, number)
        for k in where:
            assert mask[k].nonzero().flatten().tolist() == [*range(PREFIX), *range(where.start, k + 1)]


@pytest.mark.parametrize(("asked", "other"), [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)])
def test_no_question_disturbs_another(
    asked: int, other: int, model: Any, packed: PackedBatch, words: Any
) -> None:
    mine, theirs = span(words, QUESTIONS, asked), span(words, QUESTIONS, other)
    with torch.no_grad():
        before = loss(model, only(packed, 0, mine))
        after = loss(model, only(with_other_tokens(packed, 0, theirs), 0, mine))
    assert float(after) == pytest.approx(float(before), abs=1e-6)


def test_its_own_words_and_its_picture_do_matter(model: Any, packed: PackedBatch, words: Any) -> None:
    mine = span(words, QUESTIONS, 1)
    asked = range(mine.start, mine.start + 3)
    with torch.no_grad():
        before = loss(model, only(packed, 0, mine))
        other_words = loss(model, only(with_other_tokens(packed, 0, asked), 0, mine))
        other_picture = loss(model, only(replace(packed, pixels=packed.pixels.flip(0)), 0, mine))
    assert abs(float(other_words - before)) > 1e-3
    assert abs(float(other_picture - before)) > 1e-3


def alone(model: Any, words: Any, pixels: torch.Tensor, question: Question) -> tuple[float, int]:
    """Summed loss and number of the answer's tokens, in a sequence of its own through the raw model."""
    prefix = [SPECIAL["bos"], SPECIAL["user"], SPECIAL["boi"]]
    prefix += [SPECIAL["image"]] * PICTURE_TOKENS + [SPECIAL["eoi"]]
    asked = words(question.text, add_special_tokens=False)["input_ids"]
    answer = [*words(question.answer, add_special_tokens=False)["input_ids"], SPECIAL["eos"]]
    ids = torch.tensor([[*prefix, *asked, SPECIAL["assistant"], *answer]])
    with torch.no_grad():
        logits = model(input_ids=ids, pixel_values=pixels[None]).logits[0, -len(answer) - 1 : -1]
    return float(torch.nn.functional.cross_entropy(logits, torch.tensor(answer), reduction="sum")), len(
        answer
    )


def test_the_packed_loss_is_that_of_separate_sequences(
    model: Any, packed: PackedBatch, words: Any, pixels: torch.Tensor
) -> None:
    sums, counts, weights = [], [], []
    for row, questions in enumerate((QUESTIONS, QUESTIONS[::-1])):
        for question in questions:
            total, count = alone(model, words, pixels[row], question)
            sums.append(total)
            counts.append(count)
            weights.append(understanding.LONG_WEIGHT if question.kind in ("caption", "prompt") else 1.0)
    with torch.no_grad():
        plain_mean, weighted = loss(model, packed, weighted=False), loss(model, packed)
    assert float(plain_mean) == pytest.approx(np.sum(sums) / np.sum(counts), rel=1e-5)
    assert float(weighted) == pytest.approx(np.dot(weights, sums) / np.dot(weights, counts), rel=1e-5)


def test_what_does_not_fit_is_left_out_whole(words: Any, pixels: torch.Tensor) -> None:
    many = [QUESTIONS[1]] * 12
    batch = pack(words, SPECIAL, pixels[:1], SCENES[:1], [many])
    assert batch.ids.shape == (1, understanding.LENGTH)
    ends = (batch.labels[0] == SPECIAL["eos"]).sum()
    length = len(span(words, QUESTIONS, 1))
    assert int(ends) == (understanding.LENGTH - PREFIX) // length
    with_a_short_one = pack(words, SPECIAL, pixels[:1], SCENES[:1], [[*many, QUESTIONS[0]]])
    assert (with_a_short_one.labels[0] == SPECIAL["eos"]).sum() >= ends


def test_as_many_questions_as_were_wanted() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        assert len(questions_for(rng, plain(rng), 7)) == 7


@pytest.mark.parametrize("kind", ["plain", "counted", "sized"])
def test_grounding_targets_are_what_the_patches_show(kind: str, words: Any) -> None:
    """Every patch with a colour target shows that colour somewhere; every object has such patches."""
    for seed in range(10):
        scene = KINDS[kind](np.random.default_rng(seed))
        picture = render(scene)
        batch = pack(words, SPECIAL, to_tensor(picture[None]), [scene], [[QUESTIONS[0]]])
        targets = batch.colours[0].view(6, 6)
        for row, column in (targets != -100).nonzero().tolist():
            patch = picture[row * PATCH : (row + 1) * PATCH, column * PATCH : (column + 1) * PATCH]
            paint = list(COLOURS.values())[targets[row, column]]
            assert (patch.reshape(-1, 3) == paint).all(1).any()
        assert (targets != -100).sum() == 4 * len(scene.things)


def test_a_letter_is_grounded_by_its_colour_alone(words: Any) -> None:
    scene = Scene((Thing("letter A", "red", *PLACES[0]), Thing("star", "blue", *PLACES[4])))
    batch = pack(words, SPECIAL, to_tensor(render(scene)[None]), [scene], [[QUESTIONS[0]]])
    shapes = batch.shapes[0].view(6, 6)
    assert (shapes[:2, :2] == -100).all()
    assert (shapes[2:4, 2:4] == SHAPES.index("star")).all()


def test_grounding_is_least_where_patches_point_at_their_words(packed: PackedBatch) -> None:
    vocabulary = torch.nn.functional.one_hot(torch.arange(16), 16).float()
    colour_ids, shape_ids = torch.arange(6), torch.arange(6, 14)
    right = vocabulary[packed.colours.clamp(min=0)] + vocabulary[packed.shapes.clamp(min=0) + 6]
    wrong = vocabulary[(packed.colours.clamp(min=0) + 1) % 6] + vocabulary[packed.shapes.clamp(min=0) + 6]
    terms = [float(grounding(f, vocabulary, packed, colour_ids, shape_ids)) for f in (right, wrong)]
    assert terms[0] < 0.1
    assert terms[1] > 5


def test_the_grounding_term_is_off_unless_words_are_given(
    model: Any, packed: PackedBatch, words: Any
) -> None:
    from selfreward_eval.trainers.pretrain.tokenizer import ids

    grounded = (ids(words, tuple(COLOURS)), ids(words, SHAPES))
    with torch.no_grad():
        assert float(understanding.loss(model, packed)[1]) == 0
        assert float(understanding.loss(model, packed, True, grounded)[1]) > 0
