"""Answers the shapes language's questions from a scene: the inverse of
:mod:`selfreward_eval.tasks.shapes.language`.

>>> from selfreward_eval.tasks.shapes.scene import Scene, Thing
>>> solve("what colour is the star?", Scene((Thing("star", "red", 8, 8),)))
'red'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from selfreward_eval.tasks.shapes.contact import CONTACTS, contact_holds
from selfreward_eval.tasks.shapes.language import DESCRIBE, WORDINGS, caption, holds
from selfreward_eval.tasks.shapes.scene import Scene, Thing
from selfreward_eval.tasks.shapes.vocabulary import COLOURS, COUNTS, FORMS, SIZES, TEXTURES, plural

_PLURALS = {plural(form).lower(): form for form in FORMS}
_FORMS = {form.lower(): form for form in FORMS}
_DIRECTIONS = {wording: relation for relation, wording in WORDINGS.items()} | {r: r for r in WORDINGS}
_RELATIONS = "|".join(sorted([*_DIRECTIONS, *CONTACTS], key=len, reverse=True))
_NEXT = re.compile(rf"({_RELATIONS}) the ([a-z ]+)")


LONGEST_QUESTION = 500
"""Characters; the language has no longer questions, and its patterns are slow on long texts."""


def solve(question: str, scene: Scene) -> str | None:
    """The right answer in the language's own words, or None for a question outside the language.

    A question about "the star" of a scene with no star, or with several, has no answer either.
    """
    asked = question.lower().strip()
    if len(asked) > LONGEST_QUESTION:
        return None
    if asked == DESCRIBE:
        return caption(scene).lower()
    for pattern, answer in _ANSWERS:
        match = pattern.fullmatch(asked)
        if match:
            return answer(scene, *match.groups())
    return None


def indices(scene: Scene, words: str) -> list[int] | None:
    """Which objects a phrase like ``"small striped red star"`` fits; None if it is no such phrase."""
    parts = words.split()
    wanted: dict[str, str] = {}
    for name, table in (("size", SIZES), ("texture", TEXTURES), ("colour", COLOURS)):
        if parts and parts[0] in table:
            wanted[name] = parts.pop(0)
    rest = " ".join(parts)
    form = _FORMS.get(rest) or _PLURALS.get(rest)
    if form is None and rest not in ("object", "objects"):
        return None
    return [
        k
        for k, thing in enumerate(scene.things)
        if (form is None or thing.form == form)
        and all(getattr(thing, name) == value for name, value in wanted.items())
    ]


def _one(scene: Scene, words: str) -> Thing | None:
    matching = indices(scene, words)
    return scene.things[matching[0]] if matching and len(matching) == 1 else None


def _property(name: str) -> Callable[[Scene, str], str | None]:
    def answer(scene: Scene, words: str) -> str | None:
        thing = _one(scene, words)
        return None if thing is None else str(getattr(thing, name)).lower()

    return answer


def _count(scene: Scene, words: str) -> str | None:
    matching = indices(scene, words)
    return None if matching is None else COUNTS[len(matching)]


def _exists(scene: Scene, words: str) -> str | None:
    matching = indices(scene, words)
    return None if matching is None else _yes(bool(matching))


def _relation(scene: Scene, first: str, relation: str, second: str) -> str | None:
    a, b = indices(scene, first), indices(scene, second)
    if not a or not b or len(a) > 1 or len(b) > 1:
        return None
    if relation in _DIRECTIONS:
        return _yes(holds(_DIRECTIONS[relation], scene.things[a[0]], scene.things[b[0]]))
    return _yes(contact_holds(relation, scene, a[0], b[0]))


def _both(scene: Scene, first: str, relation: str, rest: str) -> str | None:
    """``is A above B and left of C?``; without a second relation the first one holds of both B and C."""
    parts = rest.split(" and the ")
    second = relation
    if len(parts) != 2:
        parts = rest.split(" and ")
        match = _NEXT.fullmatch(parts[-1])
        if len(parts) != 2 or match is None:
            return None
        second, parts[1] = match.groups()
    words = (relation, second)
    answers = [_relation(scene, first, word, part) for word, part in zip(words, parts, strict=True)]
    return None if None in answers else _yes(answers == ["yes", "yes"])


def _none(scene: Scene, words: str) -> str | None:
    matching = indices(scene, words)
    return None if matching is None else _yes(not matching)


def _matching_without(scene: Scene, words: str, unwanted: str) -> list[int] | None:
    """The objects that ``words`` fit and that are not of the colour or texture ``unwanted``."""
    matching, excluded = indices(scene, words), indices(scene, f"{unwanted} objects")
    return None if matching is None or excluded is None else [k for k in matching if k not in excluded]


def _count_without(scene: Scene, words: str, unwanted: str) -> str | None:
    matching = _matching_without(scene, words, unwanted)
    return None if matching is None else COUNTS[len(matching)]


def _exists_without(scene: Scene, words: str, unwanted: str) -> str | None:
    matching = _matching_without(scene, words, unwanted)
    return None if matching is None else _yes(bool(matching))


def _more(scene: Scene, first: str, second: str) -> str | None:
    a, b = indices(scene, first), indices(scene, second)
    return None if a is None or b is None else _yes(len(a) > len(b))


def _same(scene: Scene, first: str, second: str) -> str | None:
    a, b = _one(scene, first), _one(scene, second)
    return None if a is None or b is None else _yes(a.colour == b.colour)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


_ANSWERS: Sequence[tuple[re.Pattern[str], Callable[..., str | None]]] = (
    (re.compile(r"what colou?r is the (.+)\?"), _property("colour")),
    (re.compile(r"what shape is the (.+)\?"), _property("form")),
    (re.compile(r"what texture is the (.+)\?"), _property("texture")),
    (re.compile(r"how many (.+) are there\?"), _count),
    (re.compile(r"are there more (.+) than (.+)\?"), _more),
    (re.compile(r"are the (.+) and the (.+) the same colou?r\?"), _same),
    (re.compile(r"is there no (.+)\?"), _none),
    (re.compile(r"is there an? ([a-z]+) that is not ([a-z]+)\?"), _exists_without),
    (re.compile(r"how many ([a-z]+) are not ([a-z]+)\?"), _count_without),
    (re.compile(r"is there an? (.+)\?"), _exists),
    (re.compile(rf"is the ([a-z ]+?) ({_RELATIONS}) the ([a-z ]+ and [a-z ]+)\?"), _both),
    (re.compile(rf"is the (.+?) ({_RELATIONS}) the (.+)\?"), _relation),
)
