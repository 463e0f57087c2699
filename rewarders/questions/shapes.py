"""The shapes world's questions: a prompt decomposed into questions that the tiny model was trained on.

>>> questions = shapes("a picture of a red star left of a ring", {})
>>> [question.text for question in questions.layout][1:]
['how many rings are there?', 'is the red star left of the {colour of ring} ring?']
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.rewarders.questions.asked import PromptQuestions
from selfreward_eval.rewarders.self_vqa import Fill, Question
from selfreward_eval.tasks.shapes.compbench.requests import ACTIONS, DEPTH, PLANAR
from selfreward_eval.tasks.shapes.language import article
from selfreward_eval.tasks.shapes.oracle.vqa import Phrase, parse
from selfreward_eval.tasks.shapes.requests import BARE_FRAMES, FRAMES
from selfreward_eval.tasks.shapes.vocabulary import COLOURS, NUMBERS, RELATIONS, plural

QUESTION_RELATION = {
    **{word: word for word in (*RELATIONS, *DEPTH, *ACTIONS)},
    **{word: direction or "next to" for word, direction in PLANAR.items()},
    "hidden by": "behind",
}
"""A prompt's relation -> its word in questions."""

_FRAMES = sorted((frame.format("") for frame in (*FRAMES, *BARE_FRAMES) if frame != "{}"), key=len)
_CONJUNCTIONS = (", ", " and ")
_WORDS = sorted((f" {word} " for word in QUESTION_RELATION), key=len, reverse=True)
_JOINTS = re.compile("(" + "|".join(re.escape(joint) for joint in (*_WORDS, *_CONJUNCTIONS)) + ")")


def shapes(prompt: str, metadata: Mapping[str, Any]) -> PromptQuestions:
    """Questions about the prompt's objects, numbers and relations.

    An object with a colour or a texture is asked for by name, any other by counting its form. A relation
    names its objects by form and colour; a colour that the prompt leaves open is asked of the picture.
    Sizes are not asked about: there is no question for them.

    Raises:
        InputError: the prompt is not of the shapes language.
    """
    things, relations = read(prompt)
    objects = tuple(_presence(thing) for thing in things)
    layout = (*_numbers(things), *(_relation(things[a], word, things[b]) for a, word, b in relations))
    named = [question for each in objects for question in each if question.plain]
    return PromptQuestions(objects, layout, tuple(dict.fromkeys((*named, *layout))))


def counted(prompt: str, metadata: Mapping[str, Any]) -> PromptQuestions:
    """The questions of :func:`shapes`, and how many objects there are; for captions.

    A caption that leaves objects out passes :func:`shapes`. A number of objects goes up to five.

    Raises:
        InputError: the text is not of the shapes language, or names more objects than can be counted.
    """
    asked = shapes(prompt, metadata)
    total = sum(thing.count or 1 for thing in read(prompt)[0])
    if total >= len(NUMBERS):
        raise InputError(f"the text names {total} objects, and the model counts up to {len(NUMBERS) - 1}")
    others = tuple(number for number in NUMBERS if number != NUMBERS[total])
    number = Question("how many objects are there?", (NUMBERS[total],), others)
    return replace(asked, layout=(*asked.layout, number), whole=(*asked.whole, number))


def read(prompt: str) -> tuple[tuple[Phrase, ...], tuple[tuple[int, str, int], ...]]:
    """The objects that a prompt names, and (entry, relation in a question's word, object) by their numbers.

    Raises:
        InputError: the prompt is not of the shapes language.
    """
    content = prompt.strip().rstrip(".")
    frame = next((frame for frame in _FRAMES if content.startswith(frame)), "")
    parts = _JOINTS.split(content.removeprefix(frame))
    try:
        things = tuple(parse(part) for part in parts[::2])
    except ValueError as error:
        raise InputError(
            f"the prompt {prompt!r} is not of the shapes language ({error}); choose other questions"
        ) from error
    relations = tuple(
        (k, QUESTION_RELATION[joint.strip()], k + 1)
        for k, joint in enumerate(parts[1::2])
        if joint not in _CONJUNCTIONS
    )
    return things, relations


def _presence(thing: Phrase) -> tuple[Question, ...]:
    """Whether a picture of one thing at most shows such a thing."""
    named = [word for word in (thing.colour, thing.texture) if word]
    if not named:
        return (replace(_count(thing.form, NUMBERS[1:2]), no=NUMBERS[:1]),)
    return tuple(Question(f"is there {article(f'{word} {thing.form}')}?") for word in named)


def _numbers(things: tuple[Phrase, ...]) -> tuple[Question, ...]:
    """How many there are of every form: exactly the given number, or at least as many as are named."""
    questions = []
    for form in dict.fromkeys(thing.form for thing in things):
        same = [thing for thing in things if thing.form == form]
        total = sum(thing.count or 1 for thing in same)
        counted = any(thing.count is not None for thing in same)
        questions.append(_count(form, NUMBERS[total : total + 1] if counted else NUMBERS[total:]))
    return tuple(questions)


def _count(form: str, wanted: tuple[str, ...]) -> Question:
    if not wanted:
        raise InputError(f"nobody can count more than {NUMBERS[-1]} {plural(form)} in the shapes world")
    others = tuple(number for number in NUMBERS if number not in wanted)
    return Question(f"how many {plural(form)} are there?", wanted, others)


def _relation(a: Phrase, word: str, b: Phrase) -> Question:
    fills = []
    names = []
    for thing in (a, b):
        if thing.colour is None:
            key = f"colour of {thing.form}"
            fills.append(Fill(key, f"what colour is the {thing.form}?", tuple(COLOURS)))
            names.append(f"{{{key}}} {thing.form}")
        else:
            names.append(f"{thing.colour} {thing.form}")
    return Question(f"is the {names[0]} {word} the {names[1]}?", fills=tuple(fills))
