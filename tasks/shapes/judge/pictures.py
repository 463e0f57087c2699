"""Answers to ReasonBench questions from what the oracle reads in a picture: 1, 0.5 or 0, and why."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from selfreward_eval.tasks.shapes.judge.solving import LONGEST_QUESTION
from selfreward_eval.tasks.shapes.oracle.reading import Seen
from selfreward_eval.tasks.shapes.oracle.vqa import Phrase, parse
from selfreward_eval.tasks.shapes.vocabulary import CANVAS, CELL, NUMBERS

SURE = 0.3
"""An object counts if the oracle's score exceeds this, as in ``shapes_geneval``."""

CLEAR = 0.9
"""An object is clearly drawn if the oracle's score exceeds this."""

LEVEL = CELL // 4
"""Pixels by which two objects at the same height may differ."""


@dataclass(frozen=True)
class ScoredAnswer:
    """A score of 0, 0.5 or 1 with its reason."""

    score: float
    reason: str


def answer(question: str, seen: Sequence[Seen]) -> ScoredAnswer | None:
    """The score of one question, or None for a question in an unknown format.

    Args:
        question: of :mod:`selfreward_eval.tasks.shapes.reasonbench.questions`.
        seen: the oracle's readings of the picture.
    """
    if len(question) > LONGEST_QUESTION:
        return None
    counted = [thing for thing in seen if thing.score > SURE]
    for pattern, judge in _JUDGES:
        match = pattern.fullmatch(question.strip())
        if match:
            try:
                return judge(counted, *match.groups())
            except ValueError:
                return None
    return None


def _matching(seen: Sequence[Seen], phrase: Phrase) -> list[Seen]:
    return [
        thing
        for thing in seen
        if thing.form == phrase.form
        and phrase.colour in (None, thing.colour)
        and phrase.texture in (None, thing.texture)
        and phrase.size in (None, thing.size)
    ]


def _form(seen: Sequence[Seen], phrase: Phrase) -> list[Seen]:
    return [thing for thing in seen if thing.form == phrase.form]


def _there(seen: Sequence[Seen], exactly: str | None, words: str) -> ScoredAnswer:
    phrase = parse(words)
    wanted, alike = _matching(seen, phrase), _form(seen, phrase)
    count = phrase.count if exactly else 1
    reason = f"{len(wanted)} such, {len(alike)} of that form"
    return ScoredAnswer(1.0 if len(wanted) == count else 0.5 if alike else 0.0, reason)


def _nothing_else(seen: Sequence[Seen], number: str) -> ScoredAnswer:
    extra = len(seen) - NUMBERS.index(number)
    return ScoredAnswer(1.0 if extra <= 0 else 0.5 if extra == 1 else 0.0, f"{len(seen)} objects")


def _clear(seen: Sequence[Seen]) -> ScoredAnswer:
    clear = sum(thing.score > CLEAR for thing in seen)
    reason = f"{clear} of {len(seen)} objects are clear"
    return ScoredAnswer(1.0 if seen and clear == len(seen) else 0.5 if clear else 0.0, reason)


def _placed(
    seen: Sequence[Seen], phrases: Sequence[Phrase], holds: Callable[[Sequence[Seen]], bool]
) -> ScoredAnswer:
    """Scores an arrangement: whether some assignment of objects to the phrases satisfies it."""
    choices = _choices([_matching(seen, phrase) for phrase in phrases])
    if not choices:
        return ScoredAnswer(0.0, "one of them is missing")
    if any(holds(choice) for choice in choices):
        return ScoredAnswer(1.0, "they stand so")
    return ScoredAnswer(0.5, "they stand otherwise")


def _choices(candidates: Sequence[Sequence[Seen]]) -> list[tuple[Seen, ...]]:
    from itertools import product

    # Two phrases with the same meaning need two different objects.
    return [choice for choice in product(*candidates) if len({id(thing) for thing in choice}) == len(choice)]


def _row(seen: Sequence[Seen], words: str) -> ScoredAnswer:
    def holds(choice: Sequence[Seen]) -> bool:
        xs, ys = [thing.x for thing in choice], [thing.y for thing in choice]
        return xs == sorted(xs) and max(ys) - min(ys) <= LEVEL

    return _placed(seen, [parse(f"a {part}") for part in words.split(", ")], holds)


def _above(seen: Sequence[Seen], first: str, second: str) -> ScoredAnswer:
    def holds(choice: Sequence[Seen]) -> bool:
        return choice[1].y - choice[0].y > abs(choice[1].x - choice[0].x)

    return _placed(seen, [parse(f"a {first}"), parse(f"a {second}")], holds)


def _level(seen: Sequence[Seen], words: str) -> ScoredAnswer:
    phrase = parse(f"two {words}")
    single = Phrase(phrase.form, phrase.colour, phrase.texture, phrase.size, None)
    return _placed(seen, [single, single], lambda choice: abs(choice[0].y - choice[1].y) <= LEVEL)


def _beside(seen: Sequence[Seen], first: str, second: str) -> ScoredAnswer:
    def holds(choice: Sequence[Seen]) -> bool:
        a, b = choice
        return abs(a.y - b.y) <= LEVEL and abs(a.x - b.x) <= CELL + LEVEL

    return _placed(seen, [parse(f"a {first}"), parse(f"a {second}")], holds)


def _end(seen: Sequence[Seen], words: str, end: str) -> ScoredAnswer:
    def holds(choice: Sequence[Seen]) -> bool:
        y = choice[0].y
        return y > CANVAS - CELL if end == "bottom" else y < CELL

    return _placed(seen, [parse(f"a {words}")], holds)


_JUDGES: list[tuple[re.Pattern[str], Callable[..., ScoredAnswer]]] = [
    (re.compile(r"Is there nothing in the picture but (\w+) objects\?"), _nothing_else),
    (re.compile(r"Is there (exactly )?(.+) in the picture\?"), _there),
    (re.compile(r"Is every object clearly drawn\?"), _clear),
    (re.compile(r"Do they stand in a row from left to right: (.+)\?"), _row),
    (re.compile(r"Is the (.+) at the (top|bottom) of the picture\?"), _end),
    (re.compile(r"Is the (.+) above the (.+)\?"), _above),
    (re.compile(r"Do two (.+) stand at the same height\?"), _level),
    (re.compile(r"Do the (.+) and the (.+) stand next to each other\?"), _beside),
]
