"""The embedded judge: right where the truth is known, silent where it does not understand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from selfreward_eval.harness.instruments.judging import Judge, Turn
from selfreward_eval.harness.records import Status
from selfreward_eval.tasks.shapes.judge.answers import HIGHEST, LOWEST, NEAR, mark
from selfreward_eval.tasks.shapes.judge.facts import facts, scene_of
from selfreward_eval.tasks.shapes.judge.judge import ShapesJudge
from selfreward_eval.tasks.shapes.judge.solving import solve
from selfreward_eval.tasks.shapes.language import DESCRIBE, QUESTION_KINDS, ask, caption
from selfreward_eval.tasks.shapes.reasonbench.questions import blocks
from selfreward_eval.tasks.shapes.reasonbench.requests import DIMENSIONS, draw, evaluated
from selfreward_eval.tasks.shapes.reasonbench.scenes import realise
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.sampling import KINDS
from selfreward_eval.tasks.shapes.scene import Scene, Thing

SCENE = Scene((Thing("star", "red", 8, 8), Thing("ring", "blue", 40, 8), Thing("ring", "blue", 24, 40)))


def picture(scene: Scene) -> Image.Image:
    return Image.fromarray(render(scene))


def scored(scene: Scene, *questions: str) -> list[float]:
    listing = "\n".join(f"q{k}: {text}\nc{k}: whatever" for k, text in enumerate(questions, 1))
    turns = [Turn("user", "Describe.", (picture(scene),)), Turn("assistant", "..."), Turn("user", listing)]
    (reply,) = ShapesJudge().replies([turns])
    assert reply.text is not None, reply.reason
    return list(json.loads(reply.text)["score"])


def test_it_is_a_judge() -> None:
    assert isinstance(ShapesJudge(), Judge)


def test_questions_of_the_language_are_answered_from_the_scene() -> None:
    """Every kind of question, on every kind of scene."""
    asked = set()
    for k in range(400):
        rng = np.random.default_rng((9, k))
        scene = list(KINDS.values())[k % len(KINDS)](rng)
        for kind in QUESTION_KINDS:
            question = ask(rng, scene, kind)
            if question is not None:
                asked.add(kind)
                assert solve(question.text, scene) == question.answer, (question, scene)
    assert asked == set(QUESTION_KINDS)


@pytest.mark.parametrize(
    "question", ["what is the meaning of life?", "is the star on fire?", "what colour is the ring?", ""]
)
def test_what_has_no_single_answer_is_not_answered(question: str) -> None:
    assert solve(question, SCENE) is None


def test_facts_say_everything_about_a_scene() -> None:
    for k in range(200):
        scene = list(KINDS.values())[k % len(KINDS)](np.random.default_rng((10, k)))
        assert scene_of(facts(scene)) == scene


def test_text_that_is_no_facts_is_no_scene() -> None:
    assert scene_of("a dog: [0, 0, 1, 1]") is None


@pytest.mark.parametrize(
    ("question", "scores"),
    [
        ("Is there a red star in the picture?", [1.0]),
        ("Is there a blue star in the picture?", [0.5]),
        ("Is there a heart in the picture?", [0.0]),
        ("Is there exactly two rings in the picture?", [1.0]),
        ("Is there exactly three rings in the picture?", [0.5]),
        ("Is there nothing in the picture but three objects?", [1.0]),
        ("Is there nothing in the picture but two objects?", [0.5]),
        ("Is there nothing in the picture but one objects?", [0.0]),
        ("Is every object clearly drawn?", [1.0]),
        ("Is the star above the ring?", [1.0]),
        ("Is the ring above the star?", [0.5]),
        ("Is the star at the top of the picture?", [1.0]),
        ("Is the star at the bottom of the picture?", [0.5]),
        ("Is the heart at the bottom of the picture?", [0.0]),
        ("Do two blue rings stand at the same height?", [0.5]),
        ("Do two red stars stand at the same height?", [0.0]),
        ("Do the star and the ring stand next to each other?", [0.5]),
        ("Do they stand in a row from left to right: red star, blue ring?", [1.0]),
        ("Do they stand in a row from left to right: blue ring, red star?", [0.5]),
    ],
)
def test_pictures_are_judged_by_their_pixels(question: str, scores: list[float]) -> None:
    assert scored(SCENE, question) == scores


def test_what_a_prompt_means_earns_everything_and_another_picture_less() -> None:
    rng = np.random.default_rng(2)
    own, other = [], []
    for dimension in DIMENSIONS:
        for _ in range(25):
            request = draw(rng, dimension)
            scene = realise(rng, request, avoid_unseen=False)
            assert scene is not None
            asked = [pair["question"] for block in blocks(request).values() for pair in block]
            own.append(np.mean(scored(scene, *asked)))
            other.append(np.mean(scored(SCENE, *asked)))
    assert np.mean(own) > 0.99
    assert np.mean(other) < 0.7


def test_every_evaluated_question_is_understood() -> None:
    for request in evaluated():
        for block in blocks(request).values():
            assert len(scored(SCENE, *(pair["question"] for pair in block))) == len(block)


def test_an_unknown_question_is_refused_not_guessed() -> None:
    turns = [Turn("user", "q1: Is it beautiful?", (picture(SCENE),))]
    (reply,) = ShapesJudge().replies([turns])
    assert reply.status is Status.JUDGE_TRANSPORT_ERROR
    assert reply.text is None
    assert "Is it beautiful?" in reply.reason


def test_a_picture_is_described() -> None:
    (reply,) = ShapesJudge().replies([[Turn("user", "Describe this picture.", (picture(SCENE),))]])
    assert reply.text is not None
    assert "solid red star" in reply.text


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        ("what colour is the star?", "red", HIGHEST),
        ("what colour is the star?", "Red.", HIGHEST),
        ("what colour is the star?", "blue", LOWEST),
        ("how many rings are there?", "two", HIGHEST),
        ("how many rings are there?", "three", NEAR),
        ("how many rings are there?", "five", LOWEST),
        (DESCRIBE, "a red star and two blue rings", HIGHEST),
        (DESCRIBE, "a green heart", LOWEST),
        ("what is the meaning of life?", "42", None),
    ],
)
def test_answers_are_marked_by_the_facts(question: str, answer: str, expected: float | None) -> None:
    assert mark(question, answer, SCENE) == expected


def test_half_a_description_earns_something_in_between() -> None:
    marked = mark(DESCRIBE, "a red star and a blue ring", SCENE)
    assert marked is not None
    assert LOWEST < marked < HIGHEST


def test_every_caption_is_a_full_description() -> None:
    for k in range(200):
        scene = list(KINDS.values())[k % len(KINDS)](np.random.default_rng((11, k)))
        assert mark(DESCRIBE, caption(scene), scene) == HIGHEST, caption(scene)
