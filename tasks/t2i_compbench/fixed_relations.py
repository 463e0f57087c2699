"""Parses the spatial relations of a prompt and their objects, for the corrected spatial rules.

>>> from selfreward_eval.tasks.t2i_compbench.words import tagged
>>> words = tagged("The hat was on top of the coat rack".split(),
...                "DET NOUN AUX ADP NOUN ADP DET NOUN NOUN".split())
>>> relations(words)
(Relation(wording='on the top of', subject=('hat',), target=('coat rack', 'rack')),)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from selfreward_eval.tasks.t2i_compbench.words import Tagged

WORDINGS: dict[tuple[str, ...], str] = {
    ("on", "side", "of"): "on side of",
    ("on", "the", "side", "of"): "on side of",
    ("next", "to"): "next to",
    ("near",): "near",
    ("on", "the", "left", "of"): "on the left of",
    ("to", "the", "left", "of"): "on the left of",
    ("on", "the", "right", "of"): "on the right of",
    ("to", "the", "right", "of"): "on the right of",
    ("on", "the", "bottom", "of"): "on the bottom of",
    ("on", "bottom", "of"): "on the bottom of",
    ("on", "the", "top", "of"): "on the top of",
    ("on", "top", "of"): "on the top of",
    ("in", "front", "of"): "in front of",
    ("behind",): "behind",
    ("hidden", "by"): "hidden",
    ("hidden", "behind"): "hidden",
}
"""Tokens -> the official wording with the same meaning; the longest match at a token counts."""

_LONGEST = max(map(len, WORDINGS))


@dataclass(frozen=True)
class Relation:
    """One relation between two objects.

    Attributes:
        wording: official wording.
        subject: names of the first object, the most specific first.
        target: names of the second object.
    """

    wording: str
    subject: tuple[str, ...]
    target: tuple[str, ...]


def relations(words: Sequence[Tagged]) -> tuple[Relation, ...]:
    """Every relation that has an object on both sides, in order.

    The subject is the nearest run of nouns and proper nouns before the relation, the target the first
    such run after it. A run's last word is its head: "coat rack" also matches "rack", but not "coat".
    """
    complete = []
    spans = list(_spans(words))
    taken = {place for start, end, _ in spans for place in range(start, end)}
    named = [word.pos in ("NOUN", "PROPN") and place not in taken for place, word in enumerate(words)]
    for start, end, wording in spans:
        subject = _run(words, named, next((i for i in range(start - 1, -1, -1) if named[i]), None))
        target = _run(words, named, next((i for i in range(end, len(words)) if named[i]), None))
        if subject and target:
            complete.append(Relation(wording, subject, target))
    return tuple(complete)


def _spans(words: Sequence[Tagged]) -> list[tuple[int, int, str]]:
    """(first token, token behind, wording) of every relation, none overlapping."""
    texts = [word.text.lower() for word in words]
    spans, place = [], 0
    while place < len(texts):
        for length in range(_LONGEST, 0, -1):
            wording = WORDINGS.get(tuple(texts[place : place + length]))
            if wording is not None:
                spans.append((place, place + length, wording))
                place += length
                break
        else:
            place += 1
    return spans


def _run(words: Sequence[Tagged], named: Sequence[bool], place: int | None) -> tuple[str, ...]:
    """The names of the object whose run of nouns includes ``place``: the whole run, then its head."""
    if place is None:
        return ()
    start = end = place
    while start > 0 and named[start - 1]:
        start -= 1
    while end + 1 < len(words) and named[end + 1]:
        end += 1
    whole, head = " ".join(word.text for word in words[start : end + 1]), words[end].text
    return (whole,) if whole == head else (whole, head)
