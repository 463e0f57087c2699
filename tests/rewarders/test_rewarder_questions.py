"""What a prompt is asked: by GenEval's clauses, noun phrases, the shapes language, or a template."""

from __future__ import annotations

from typing import Any

import pytest

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.rewarders.questions import PromptQuestions, question_maker


def asked(name: str, prompt: str, metadata: dict[str, Any] | None = None) -> PromptQuestions:
    return question_maker(name)(prompt, metadata or {})


def texts(questions: Any) -> list[str]:
    return [question.text for question in questions]


def test_an_unknown_kind_of_question_is_refused() -> None:
    with pytest.raises(UsageError, match="no questions called 'dsg'; known: auto, chunks, counted, geneval"):
        question_maker("dsg")


# Template


def test_the_template_quotes_any_prompt() -> None:
    questions = asked("template", "a misty lake at dawn.")
    assert texts(questions.whole) == ["Does this picture show: a misty lake at dawn?"]
    assert questions.layout == questions.whole
    assert "a misty lake at dawn" in questions.objects[0][0].text


def test_a_prompt_that_spells_a_placeholder_stays_as_it_is() -> None:
    assert texts(asked("template", "a sign that says {prompt}").whole) == [
        "Does this picture show: a sign that says {prompt}?"
    ]


# GenEval


def row(*clauses: dict[str, Any]) -> dict[str, Any]:
    return {"tag": "t", "include": list(clauses)}


def test_colours_and_objects_are_asked_one_by_one() -> None:
    clauses = row({"class": "apple", "count": 1, "color": "red"}, {"class": "oven", "count": 1})
    questions = asked("geneval", "a photo of a red apple and an oven", clauses)
    assert texts(questions.whole) == ["Is there a red apple?", "Is there an oven?"]
    assert [texts(each) for each in questions.objects] == [["Is there a red apple?"], ["Is there an oven?"]]


def test_a_number_above_one_is_asked_about_the_whole_picture() -> None:
    questions = asked("geneval", "a photo of three people", row({"class": "person", "count": 3}))
    assert texts(questions.layout) == ["Are there exactly three people?", "Is there a person?"]
    assert [texts(each) for each in questions.objects] == [["Is there a person?"]]


def test_a_relation_names_both_objects() -> None:
    clauses = row({"class": "bench", "count": 1}, {"class": "dog", "count": 1, "position": ["left of", 0]})
    assert "Is the dog left of the bench?" in texts(asked("geneval", "p", clauses).layout)


@pytest.mark.parametrize(
    "clause", [{"count": 1}, {"class": "dog", "position": ["left of", 7]}, {"class": "dog", "count": "x"}]
)
def test_a_damaged_clause_names_its_prompt(clause: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="an include clause of 'a photo of it' is damaged"):
        asked("geneval", "a photo of it", row(clause))


def test_without_clauses_geneval_has_no_questions() -> None:
    with pytest.raises(InputError, match="has no include clauses"):
        asked("geneval", "a red apple")


# Noun phrases


def test_noun_phrases_are_taken_from_the_metadata_or_else_the_prompt() -> None:
    assert texts(asked("chunks", "p", {"chunks": ["a green bench", "the left"]}).whole) == ["a green bench?"]
    assert texts(asked("chunks", "a red cup on a wooden tray").whole) == ["a red cup?", "a wooden tray?"]


def test_a_prompt_without_a_noun_phrase_has_no_questions() -> None:
    with pytest.raises(InputError, match="has no noun phrase"):
        asked("chunks", "quickly and quietly")


# By metadata


@pytest.mark.parametrize(
    ("metadata", "first"),
    [
        (row({"class": "apple", "count": 1}), "Is there an apple?"),
        ({"chunks": ["an apple"]}, "an apple?"),
        ({}, "Does this picture show: an apple?"),
    ],
)
def test_auto_goes_by_the_metadata(metadata: dict[str, Any], first: str) -> None:
    assert texts(asked("auto", "an apple", metadata).whole)[0] == first


# Shapes


def test_a_coloured_shape_is_asked_for_by_name_and_counted() -> None:
    questions = asked("shapes", "a picture of a red star")
    assert texts(questions.whole) == ["is there a red star?", "how many stars are there?"]


def test_a_texture_is_a_question_of_its_own() -> None:
    (star,) = asked("shapes", "a striped red star").objects
    assert texts(star) == ["is there a red star?", "is there a striped star?"]


def test_a_told_number_is_exact_and_an_untold_one_a_minimum() -> None:
    (two,) = asked("shapes", "two stars").layout
    assert (two.yes, "three" in two.no) == (("two",), True)
    (one,) = asked("shapes", "a star").layout
    assert one.yes == ("one", "two", "three", "four", "five")
    assert one.no == ("zero",)


def test_equal_shapes_are_counted_together() -> None:
    (stars,) = asked("shapes", "a red star and a blue star").layout
    assert stars.yes == ("two", "three", "four", "five")


@pytest.mark.parametrize(
    ("told", "question"),
    [
        ("left of", "is the red star left of the blue ring?"),
        ("on the top of", "is the red star above the blue ring?"),
        ("on side of", "is the red star next to the blue ring?"),
        ("hidden by", "is the red star behind the blue ring?"),
        ("in front of", "is the red star in front of the blue ring?"),
        ("touching", "is the red star touching the blue ring?"),
    ],
)
def test_relations_are_asked_in_the_words_the_model_knows(told: str, question: str) -> None:
    assert texts(asked("shapes", f"a red star {told} a blue ring").layout)[-1] == question


def test_an_open_colour_is_asked_of_the_picture() -> None:
    relation = asked("shapes", "a star left of a blue ring").layout[-1]
    assert relation.text == "is the {colour of star} star left of the blue ring?"
    assert [fill.question for fill in relation.fills] == ["what colour is the star?"]


def test_three_objects_and_two_relations_are_strung_together() -> None:
    questions = asked("shapes", "a red star touching a blue ring on the left of a green heart")
    assert len(questions.objects) == 3
    assert texts(questions.layout)[-2:] == [
        "is the red star touching the blue ring?",
        "is the blue ring left of the green heart?",
    ]


@pytest.mark.parametrize("prompt", ["a photo of a toaster", "the picture that spells HAT", "", "six stars"])
def test_what_is_not_of_the_shapes_language_is_refused(prompt: str) -> None:
    with pytest.raises(InputError, match="shapes"):
        asked("shapes", prompt)


def test_every_prompt_of_the_embedded_benchmarks_has_questions() -> None:
    from selfreward_eval.tasks.shapes.compbench.requests import evaluated
    from selfreward_eval.tasks.shapes.requests import evaluation

    prompts = [text for text, _ in evaluation()] + [request.text for request in evaluated()]
    assert len(prompts) > 400
    for prompt in prompts:
        questions = asked("shapes", prompt)
        assert questions.objects
        assert questions.layout
