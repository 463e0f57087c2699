"""Captions of phrases, "dog. red frog.", and which tokens of them belong to which phrase.

Grounding DINO reads all phrases in one text. Full stops part them: its text encoder lets a token
see no further than the signs ``[CLS]``, ``[SEP]``, ``.`` and ``?`` around it. A text has room for a
fixed number of tokens, so that many phrases take several captions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.instruments.backends.phrases import Template

Tokenise: TypeAlias = Callable[[str], tuple[Sequence[int], Sequence[tuple[int, int]]]]
"""Text to token ids and the characters [start, end) each came from; (0, 0) for the signs at both ends."""


@dataclass(frozen=True)
class Caption:
    """One text and where its phrases are.

    Attributes:
        text: phrases in their templates, parted by ". " and ended by ".".
        spans: each phrase with the positions of its own tokens, those of the template left out.
    """

    text: str
    spans: tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True)
class TextRules:
    """What a text encoder can read.

    Attributes:
        instrument: who asks, for messages.
        tokenise: its tokenizer.
        limit: most tokens of a caption, the signs at both ends included.
        separators: ids of the signs that part phrases.
        unknown: id that stands for every word outside the vocabulary.
        per_caption: most phrases of a caption; as many as fit if None.
    """

    instrument: str
    tokenise: Tokenise
    limit: int
    separators: frozenset[int]
    unknown: int | None
    per_caption: int | None = None


def captions(phrases: Sequence[str], template: Template, rules: TextRules) -> list[Caption]:
    """The fewest captions that hold ``phrases`` in order; the same for the same phrases.

    Raises:
        UsageError: a phrase holds a sign that parts phrases, no word of the vocabulary, or more
            tokens than a caption has room for.
    """
    return [_caption(group, template, rules.tokenise) for group in _groups(phrases, template, rules)]


def _groups(phrases: Sequence[str], template: Template, rules: TextRules) -> Iterator[list[str]]:
    """Neighbouring phrases that fit one caption together."""
    ends = 2
    group: list[str] = []
    used = ends
    for phrase in phrases:
        length = _length(phrase, template, rules)
        full = rules.per_caption is not None and len(group) == rules.per_caption
        if group and (full or used + length > rules.limit):
            yield group
            group, used = [], ends
        group.append(phrase)
        used += length
    if group:
        yield group


def _length(phrase: str, template: Template, rules: TextRules) -> int:
    """Tokens that a phrase takes in a caption, its full stop included, once it is found readable."""
    ids, offsets = rules.tokenise(template.around(phrase))
    start = len(template.before)
    own = _within(offsets, start, start + len(phrase))
    parting = sorted(set(ids[1:-1]) & rules.separators)
    if parting:
        raise UsageError(
            f"{rules.instrument} cannot look for the label {phrase!r}: it reads '.' and '?' as the end of a "
            "label; spell it without"
        )
    if all(ids[position] == rules.unknown for position in own):
        raise UsageError(
            f"{rules.instrument} cannot look for the label {phrase!r}: its vocabulary has no word of it; use "
            "other words"
        )
    length = len(ids) - 1
    if length + 2 > rules.limit:
        raise UsageError(
            f"{rules.instrument} cannot look for the label {phrase[:40]!r}...: it takes {length} of the "
            f"{rules.limit - 2} tokens that a caption has room for; shorten it"
        )
    return length


def _caption(group: Sequence[str], template: Template, tokenise: Tokenise) -> Caption:
    """The caption of phrases that fit."""
    text = ""
    places = []
    for phrase in group:
        text += " " if text else ""
        start = len(text) + len(template.before)
        places.append((phrase, start, start + len(phrase)))
        text += template.around(phrase) + "."
    _, offsets = tokenise(text)
    return Caption(text, tuple((phrase, _within(offsets, start, end)) for phrase, start, end in places))


def _within(offsets: Sequence[tuple[int, int]], start: int, end: int) -> tuple[int, ...]:
    """Positions of the tokens that share a character with [start, end)."""
    return tuple(i for i, (first, last) in enumerate(offsets) if first < end and last > start)
