"""The oracle answers noun phrases from pixels."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from selfreward_eval.harness.instruments.base import VQA
from selfreward_eval.tasks.shapes.oracle.vqa import OracleVQA, Phrase, parse
from selfreward_eval.tasks.shapes.render import render
from selfreward_eval.tasks.shapes.sampling import COLOUR_NAMES, textured
from selfreward_eval.tasks.shapes.scene import Scene, Thing
from selfreward_eval.tasks.shapes.vocabulary import SHAPES, TEXTURES

SCENE = Scene(
    (
        Thing("star", "red", 8, 8, texture="striped"),
        Thing("ring", "blue", 40, 8),
        Thing("ring", "blue", 24, 40),
        Thing("circle", "green", 8, 40, size="small"),
    )
)


def yes(question: str, scene: Scene = SCENE) -> float:
    (answer,) = OracleVQA().yes_probabilities([Image.fromarray(render(scene))], [question])
    return answer


def test_it_is_a_vqa_instrument() -> None:
    assert isinstance(OracleVQA(), VQA)


@pytest.mark.parametrize(
    "question",
    [
        "a star?",
        "a red star?",
        "a striped red star?",
        "a star shape?",
        "is there a small green circle?",
        "two blue rings?",
        "a solid ring?",
    ],
)
def test_what_is_there_is_affirmed(question: str) -> None:
    assert yes(question) > 0.9


@pytest.mark.parametrize(
    "question",
    ["a blue star?", "a dotted star?", "a heart shape?", "three rings?", "a large circle?", "a solid star?"],
)
def test_what_is_not_there_is_denied(question: str) -> None:
    assert yes(question) < 0.1


def test_none_of_something_is_a_number_too() -> None:
    assert yes("zero hearts?") == 1.0
    assert yes("zero stars?") == 0.0


def test_an_empty_picture_affirms_nothing() -> None:
    assert yes("a star?", Scene(())) == 0.0


@pytest.mark.parametrize("question", ["a dog?", "", "a red?", "a star red?"])
def test_a_question_outside_the_language_is_refused(question: str) -> None:
    with pytest.raises(ValueError, match="asks for nothing that the shapes world has"):
        parse(question)


def test_letters_are_forms_too() -> None:
    assert parse("a red letter H?") == Phrase("letter H", "red", None, None, None)


def test_it_is_right_on_random_scenes() -> None:
    """99 % of 400 questions about textured scenes, half of them near misses."""
    rng = np.random.default_rng(5)
    right = total = 0
    for _ in range(200):
        scene = textured(rng)
        thing = scene.things[0]
        colour, texture = COLOUR_NAMES[int(rng.integers(6))], TEXTURES[int(rng.integers(4))]
        form = SHAPES[int(rng.integers(8))]
        for c, t, f in ((thing.colour, thing.texture, thing.form), (colour, texture, form)):
            truth = any((o.colour, o.texture, o.form) == (c, t, f) for o in scene.things)
            right += (yes(f"a {t} {c} {f}?", scene) > 0.5) == truth
            total += 1
    assert right / total >= 0.99
