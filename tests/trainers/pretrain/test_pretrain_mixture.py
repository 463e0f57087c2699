"""What training sees: functions of (seed, step) that keep away from the evaluation."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np
import pytest

from selfreward_eval.tasks.shapes.oracle.reading import read
from selfreward_eval.tasks.shapes.requests import (
    TAGS,
    UNSEEN_PAIRS,
    WHOLE_CONTENT,
    all_requests,
    evaluation,
    training_sentences,
)
from selfreward_eval.trainers.pretrain.generation import DROPPED
from selfreward_eval.trainers.pretrain.mixture import draw_request, drawing_scenes, understanding_batch
from selfreward_eval.trainers.pretrain.tokenizer import special_ids

EVALUATED = {sentence for sentence, _ in evaluation()}
TRAINED = {s for tag in TAGS for request in all_requests(tag) for s in training_sentences(request)}
CONTENTS = {request.content for _, request in evaluation() if request.tag in WHOLE_CONTENT}


@pytest.mark.parametrize("avoid_unseen", [True, False])
def test_no_request_is_one_of_the_evaluations(avoid_unseen: bool) -> None:
    rng = np.random.default_rng(0)
    seen: Counter[Any] = Counter()
    for _ in range(2000):
        request, sentence, scene = draw_request(rng, avoid_unseen=avoid_unseen)
        seen[request.tag] += 1
        assert sentence not in EVALUATED
        assert request.content not in CONTENTS
        pairs = {(thing.colour, thing.form) for thing in scene.things}
        assert not (avoid_unseen and pairs & UNSEEN_PAIRS)
    assert set(seen) == set(TAGS)


def test_drawn_pictures_hold_no_unseen_pair() -> None:
    """Read off the pixels, not the descriptions."""
    sentences, pictures, dropped = drawing_scenes(seed=5, step=0, size=48)
    assert EVALUATED.isdisjoint(sentences)
    assert pictures.shape == (48, 48, 48, 3)
    assert len(dropped) == 48
    pairs = {(one.colour, one.form) for picture in pictures for one in read(picture)}
    assert pairs
    assert pairs.isdisjoint(UNSEEN_PAIRS)


def test_a_step_is_the_same_whenever_it_is_taken() -> None:
    first, again = drawing_scenes(1, 7, 4), drawing_scenes(1, 7, 4)
    assert first[0] == again[0]
    assert (first[1] == again[1]).all()
    assert first[2] == again[2]
    assert drawing_scenes(1, 8, 4)[0] != first[0] or drawing_scenes(2, 7, 4)[0] != first[0]


def test_some_prompts_are_dropped() -> None:
    dropped = [one for step in range(20) for one in drawing_scenes(3, step, 50)[2]]
    assert abs(np.mean(dropped) - DROPPED) < 4 * np.sqrt(DROPPED * (1 - DROPPED) / len(dropped))


def test_an_understanding_batch_is_a_function_of_seed_and_step(words: Any) -> None:
    first, again, other = (understanding_batch(words, special_ids(), 3, step, 4) for step in (0, 0, 1))
    assert (first.ids == again.ids).all()
    assert (first.pixels == again.pixels).all()
    assert (first.ids != other.ids).any()


def test_no_question_teaches_an_evaluation_sentence(words: Any) -> None:
    told: set[str] = set()
    for step in range(8):
        batch = understanding_batch(words, special_ids(), 3, step, 24)
        assert (batch.ids != words.unk_token_id).all()
        for row in batch.ids:
            told |= {part.strip() for part in re.split(r"<[^>]*>", words.decode(row.tolist()))}
    assert {"yes", "red", "describe the picture."} <= told
    assert told & TRAINED
    assert told.isdisjoint(EVALUATED)
