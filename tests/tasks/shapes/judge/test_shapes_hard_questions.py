"""The judge's answers to questions that training does not have: negation, three objects, many objects."""

from __future__ import annotations

import pytest

from selfreward_eval.tasks.shapes.judge.answers import mark
from selfreward_eval.tasks.shapes.judge.solving import LONGEST_QUESTION, solve
from selfreward_eval.tasks.shapes.scene import Scene, Thing

ROW = Scene(
    (Thing("star", "red", 8, 24), Thing("ring", "blue", 24, 24), Thing("heart", "green", 24, 8)),
)
"""A red star, right of it a blue ring, above the ring a green heart."""

SEVEN = Scene(tuple(Thing("star", "red", x, y) for x in (8, 24, 40) for y in (8, 24)) + ROW.things[1:2])


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("is there no red star?", "no"),
        ("is there no blue star?", "yes"),
        ("is there a star that is not red?", "no"),
        ("is there a star that is not blue?", "yes"),
        ("is there a ring that is not striped?", "yes"),
        ("is there an object that is not solid?", "no"),
        ("how many objects are not red?", "two"),
        ("how many stars are not red?", "zero"),
        ("is the blue ring right of the red star and below the green heart?", "yes"),
        ("is the blue ring right of the red star and above the green heart?", "no"),
        ("is the blue ring left of the red star and below the green heart?", "no"),
        ("is the red star left of the blue ring and the green heart?", "yes"),
        ("is the green heart above the blue ring and the red star?", "yes"),
        ("is the blue ring below the red star and the green heart?", "no"),
    ],
)
def test_answers_follow_from_the_scene(question: str, answer: str) -> None:
    assert solve(question, ROW) == answer


@pytest.mark.parametrize(
    "question",
    [
        "is there no red dog?",
        "is there a star that is not big?",
        "how many dogs are not red?",
        "is the blue ring right of the red cross and below the green heart?",
        "is the blue ring right of the red star and near to the green heart?",
        "is the ring above the star and left of the heart and below the star?",
    ],
)
def test_a_question_outside_the_language_has_no_answer(question: str) -> None:
    assert solve(question, ROW) is None


def test_numbers_above_five_are_marked_where_there_are_so_many_objects() -> None:
    assert mark("how many stars are there?", "six", SEVEN) == 10
    assert mark("how many stars are there?", "seven", SEVEN) == 4
    assert mark("how many stars are there?", "nine", SEVEN) == 1


def test_a_description_may_count_up_to_nine() -> None:
    assert mark("describe the picture.", "six red stars and a blue ring", SEVEN) == 10
    assert mark("describe the picture.", "five red stars and a blue ring", SEVEN) == pytest.approx(9.3)


def test_scenes_of_at_most_five_objects_are_marked_as_ever() -> None:
    five = Scene(SEVEN.things[:5])
    assert mark("how many stars are there?", "six", five) == 1
    assert mark("how many stars are there?", "four", five) == 4


def test_a_long_chain_of_relations_has_no_answer() -> None:
    text = ("is the a above the " + "and a above the " * 40)[: LONGEST_QUESTION - 1] + "?"
    assert solve(text, ROW) is None
