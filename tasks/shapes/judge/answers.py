"""Scores an answer about a scene from 1 to 10 against the scene's facts."""

from __future__ import annotations

import re
from collections import Counter

from selfreward_eval.tasks.shapes.judge.solving import indices, solve
from selfreward_eval.tasks.shapes.language import DESCRIBE, name
from selfreward_eval.tasks.shapes.scene import Scene
from selfreward_eval.tasks.shapes.vocabulary import COUNTS, MAX_COUNT, NUMBERS

LOWEST, HIGHEST = 1.0, 10.0
NEAR = 4.0
"""Mark of a number that is off by one."""


def mark(question: str, answer: str, scene: Scene) -> float | None:
    """The mark of one answer; None for a question that is not of the shapes language.

    A short answer is right (10), a number off by one (4), or wrong (1). A description is scored by the F1
    of the objects that it names, with colour and texture, against the objects of the scene.
    """
    given = answer.lower().strip().rstrip(".")
    if question.lower().strip() == DESCRIBE:
        return round(LOWEST + (HIGHEST - LOWEST) * _overlap(given, scene), 1)
    truth = solve(question, scene)
    if truth is None:
        return None
    if given == truth:
        return HIGHEST
    numbers = _numbers(scene)
    if truth in numbers and given in numbers and abs(numbers.index(truth) - numbers.index(given)) == 1:
        return NEAR
    return LOWEST


def _numbers(scene: Scene) -> tuple[str, ...]:
    """The words that are read as numbers: up to nine where a scene has more than five objects."""
    return COUNTS if len(scene.things) > MAX_COUNT else NUMBERS


def _overlap(description: str, scene: Scene) -> float:
    """F1 of named against present objects, as multisets."""
    present = Counter(name(thing).lower() for thing in scene.things)
    named: Counter[str] = Counter()
    numbers = _numbers(scene)
    for part in re.split(r",| and | left of | right of | above | below ", description):
        words = part.split()
        if not words:
            continue
        count = numbers.index(words[0]) if words[0] in numbers else 1
        rest = " ".join(words[1:] if words[0] in (*numbers, "a", "an", "the") else words)
        matching = indices(scene, rest)
        # The object's own words, so that a plural counts as several of one.
        named[name(scene.things[matching[0]]).lower() if matching else rest] += max(count, 0)
    right = sum((present & named).values())
    if not right:
        return 0.0
    return 2 * right / (present.total() + named.total())
