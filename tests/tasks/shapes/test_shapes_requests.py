"""Requests: GenEval's schema, what the evaluation owns, and scenes that do what was asked."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from PIL import Image

from selfreward_eval.harness.records import Item, Sample
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.requests import (
    TAGS,
    UNSEEN_PAIRS,
    WHOLE_CONTENT,
    Request,
    all_requests,
    evaluation,
    realise,
    training_sentences,
)
from selfreward_eval.tasks.shapes.vocabulary import COLOURS, RELATIONS, SHAPES

EVERYTHING = [request for tag in TAGS for request in all_requests(tag)]


def test_there_are_as_many_requests_as_words_allow() -> None:
    shapes, colours = len(SHAPES), len(COLOURS)
    pairs = shapes * (shapes - 1)
    assert {tag: len(all_requests(tag)) for tag in TAGS} == {
        "single_object": shapes,
        "two_object": pairs,
        "counting": shapes * 3,
        "colors": shapes * colours,
        "position": pairs * len(RELATIONS),
        "color_attr": pairs * colours * (colours - 1),
    }
    assert len({(request.tag, request.content) for request in EVERYTHING}) == len(EVERYTHING)


def test_an_unknown_tag_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown tag 'colours'"):
        all_requests("colours")


@pytest.mark.parametrize(
    ("tag", "content", "row"),
    [
        ("single_object", "a star", {"include": [{"class": "star", "count": 1}]}),
        (
            "two_object",
            "a star and a ring",
            {"include": [{"class": "star", "count": 1}, {"class": "ring", "count": 1}]},
        ),
        (
            "counting",
            "three crosses",
            {
                "include": [{"class": "cross", "count": 3}],
                "exclude": [{"class": "cross", "count": 4}],
            },
        ),
        ("colors", "an orange star", {"include": [{"class": "star", "count": 1, "color": "orange"}]}),
        (
            "position",
            "a star left of a ring",
            {
                "include": [
                    {"class": "ring", "count": 1},
                    {"class": "star", "count": 1, "position": ["left of", 0]},
                ]
            },
        ),
        (
            "color_attr",
            "a purple star and a red ring",
            {
                "include": [
                    {"class": "star", "count": 1, "color": "purple"},
                    {"class": "ring", "count": 1, "color": "red"},
                ]
            },
        ),
    ],
)
def test_metadata_is_in_genevals_schema(tag: str, content: str, row: dict[str, object]) -> None:
    request = next(request for request in all_requests(tag) if request.content == content)
    unseen = tag == "color_attr"  # purple star
    sentence = f"a picture of {content}"
    assert request.metadata(sentence) == {"tag": tag, **row, "prompt": sentence, "unseen": unseen}


def test_the_evaluation_has_280_different_sentences() -> None:
    sentences = [sentence for sentence, _ in evaluation()]
    assert len(sentences) == len(set(sentences)) == 280
    assert Counter(request.tag for _, request in evaluation()) == {
        "single_object": 24,
        "two_object": 40,
        "counting": 48,
        "colors": 48,
        "position": 60,
        "color_attr": 60,
    }


def test_the_evaluation_tests_unseen_pairs_among_seen_ones() -> None:
    unseen = [row["unseen"] for row in (r.metadata(s) for s, r in evaluation())]
    assert 10 <= sum(unseen) <= 60


def test_no_training_sentence_is_evaluated() -> None:
    evaluated = {sentence for sentence, _ in evaluation()}
    for request in EVERYTHING:
        assert evaluated.isdisjoint(training_sentences(request)), request


def test_no_compositional_content_is_both_trained_on_and_evaluated() -> None:
    evaluated = {request.content for _, request in evaluation()}
    for request in EVERYTHING:
        if request.tag in WHOLE_CONTENT and request.content in evaluated:
            assert training_sentences(request) == ()
        else:
            assert training_sentences(request)


def test_every_tag_can_be_trained_on() -> None:
    trainable = Counter(request.tag for request in EVERYTHING if training_sentences(request))
    assert all(trainable[tag] >= 8 for tag in TAGS)


def verdicts(requests: list[Request], *, avoid_unseen: bool, seed: int) -> list[str]:
    """GenEval's complaints about freshly realised scenes, as read by the oracle; "" where it has none."""
    rng = np.random.default_rng(seed)
    items, pictures = [], []
    for k, request in enumerate(requests):
        scene = realise(rng, request, avoid_unseen=avoid_unseen)
        if scene is not None:
            items.append(Item(str(k), request.content, request.tag, metadata=request.metadata("")))
            pictures.append(Image.fromarray(render(scene)))
    samples = [Sample(item.id, 0, 0) for item in items]
    measured = ShapesGenEval().measure(items, samples, pictures)
    return [m.reason if m.values == {"accuracy": 1.0} else f"wrong: {m.reason}" for m in measured]


@pytest.mark.parametrize("tag", TAGS)
def test_a_realised_scene_fulfils_its_request(tag: str) -> None:
    requests = list(all_requests(tag))
    picks = np.random.default_rng(3).permutation(len(requests))[:60]
    found = verdicts([requests[i] for i in picks], avoid_unseen=False, seed=4)
    assert set(found) == {""}
    assert len(found) == len(picks)


def test_a_realised_scene_has_what_was_asked_for_and_nothing_else() -> None:
    rng = np.random.default_rng(5)
    for request in EVERYTHING[::7]:
        scene = realise(rng, request, avoid_unseen=False)
        assert scene is not None
        wanted = Counter({dict(clause)["class"]: dict(clause)["count"] for clause in request.include})
        assert Counter(thing.form for thing in scene.things) == wanted
        assert len({(thing.x, thing.y) for thing in scene.things}) == len(scene.things)


def test_training_scenes_hold_no_unseen_pair() -> None:
    rng = np.random.default_rng(6)
    drawn = [realise(rng, request, avoid_unseen=True) for request in EVERYTHING for _ in range(3)]
    pairs = {(thing.colour, thing.form) for scene in drawn if scene is not None for thing in scene.things}
    assert pairs.isdisjoint(UNSEEN_PAIRS)
    assert len(pairs) == len(SHAPES) * len(COLOURS) - len(UNSEEN_PAIRS)


def test_a_request_for_an_unseen_pair_has_no_training_scene() -> None:
    rng = np.random.default_rng(7)
    for request in EVERYTHING:
        asked = {(dict(clause).get("color"), dict(clause)["class"]) for clause in request.include}
        assert (realise(rng, request, avoid_unseen=True) is None) == bool(asked & UNSEEN_PAIRS)
