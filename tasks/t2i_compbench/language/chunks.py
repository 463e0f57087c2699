"""Base noun phrases of a tagged prompt, as spaCy's ``noun_chunks`` delimits them.

A chunk runs from a determiner or the first modifier to its head noun, without
prepositional phrases or clauses behind it; a personal or relative pronoun is a
chunk of its own, a possessive begins one.
"""

from __future__ import annotations

from collections.abc import Sequence

from selfreward_eval.tasks.t2i_compbench.language.lexicon import POSSESSIVES

Span = tuple[int, int]
"""Numbers of the first token and of the one behind the last."""

_HEADS = ("NOUN", "PROPN")
_MODIFIERS = ("ADJ", "NUM")


def noun_chunks(tokens: Sequence[str], tags: Sequence[str]) -> tuple[Span, ...]:
    """The chunks in order, none overlapping another.

    >>> words = ["a", "black", "and", "white", "cat", "on", "the", "mat"]
    >>> noun_chunks(words, ["DET", "ADJ", "CCONJ", "ADJ", "NOUN", "ADP", "DET", "NOUN"])
    ((0, 5), (6, 8))
    """
    spans: list[Span] = []
    i = 0
    while i < len(tokens):
        alone = tags[i] == "PRON" and not _possessive(tokens[i])
        end = i + 1 if alone else _phrase_end(i, tokens, tags)
        if end:
            spans.append((i, end))
        i = end or i + 1
    return tuple(spans)


def _phrase_end(start: int, tokens: Sequence[str], tags: Sequence[str]) -> int:
    """The token behind the phrase that begins at ``start``, or 0 if none does."""
    i = start + (tags[start] == "DET" or _possessive(tokens[start]))
    end = 0
    while True:
        i = _behind_modifiers(i, tokens, tags, joining=not end)
        head = i
        while i < len(tokens) and tags[i] in _HEADS:
            i += 1
        if i == head:
            return end
        end = i
        # The phrase may go on: tie-dye shirt, the owner's hat, a snow covered street.
        if i + 1 < len(tokens) and (tokens[i] == "-" or tags[i] == "PART"):
            i += 1


def _behind_modifiers(i: int, tokens: Sequence[str], tags: Sequence[str], *, joining: bool) -> int:
    """The token behind adjectives and numbers; if ``joining``, over commas, hyphens and *and* as well."""
    while i < len(tags):
        modifies = tags[i] in _MODIFIERS or (tags[i] == "ADV" and _is(_MODIFIERS, i + 1, tags))
        if not modifies and not (joining and _joins(i, tokens, tags)):
            break
        i += 1
    return i


def _joins(i: int, tokens: Sequence[str], tags: Sequence[str]) -> bool:
    """Whether token ``i`` holds modifiers of one noun together."""
    if not _is(_MODIFIERS, i - 1, tags) or tokens[i - 1].lower() == "other":
        return False
    if tokens[i] == ",":
        return _is((*_MODIFIERS, *_HEADS), i + 1, tags)
    return (tags[i] == "CCONJ" or tokens[i] == "-") and _is(_MODIFIERS, i + 1, tags)


def _possessive(token: str) -> bool:
    return token.lower() in POSSESSIVES


def _is(names: Sequence[str], i: int, tags: Sequence[str]) -> bool:
    return 0 <= i < len(tags) and tags[i] in names
