"""When two prompts ask for the same picture though they are written otherwise.

Case, punctuation, spacing and typographic variants do not matter. Nor does the order of what is listed, nor
which side a relation is told from:

>>> request_key("A red star and a blue ring.") == request_key("a blue ring and a red star")
True
>>> request_key("a photo of a cat on the left of a dog") == request_key("draw a dog on the right of a cat")
True
>>> request_key("a cat on the left of a dog") == request_key("a dog on the left of a cat")
False
"""

from __future__ import annotations

import re
import unicodedata

MIRRORED = {
    "on the left of": "on the right of",
    "to the left of": "to the right of",
    "left of": "right of",
    "on the top of": "on the bottom of",
    "above": "below",
    "in front of": "behind",
}
"""A relation -> the one that says the same with its two objects exchanged."""

HIDDEN, FRONT = "hidden by", "in front of"
"""What is hidden by something has it in front."""

SYMMETRIC = ("next to", "on side of", "near", "beside", "touching")
"""Relations that hold both ways."""

FRAMES = ("a photo of", "a picture of", "an image of", "a drawing of", "a painting of", "draw")
"""Openings that do not belong to the first object."""

Key = tuple[str, ...]


def request_key(text: str) -> Key:
    """What a prompt asks for, as a value that compares equal for every way to write it.

    A prompt with exactly one relation is its relation and its two objects, in one fixed order and without
    an opening such as "a photo of". A list is its parts in alphabetical order. Any other prompt is its
    words.
    """
    words = plain(text)
    content = _without_frame(words)
    found = [(wording, parts) for wording in _RELATIONS if (parts := _two(content, wording)) is not None]
    # "on the left of" holds "left of": the longest wording is the relation.
    if found:
        wording, (first, second) = found[0]
        if sum(content.count(f" {other} ") for other in _RELATIONS if other not in wording) == 0:
            return _relation(wording, _list(first), _list(second))
    if found or " and " not in f" {content} ":
        return (words,)
    return ("and", *sorted(_parts(text)))


def plain(text: str) -> str:
    """The words of a prompt in lower case, one space between each two, without punctuation."""
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))


_RELATIONS = sorted((*MIRRORED, *MIRRORED.values(), HIDDEN, *SYMMETRIC), key=len, reverse=True)


def _relation(wording: str, first: str, second: str) -> Key:
    """The key of two objects in a relation."""
    if wording in SYMMETRIC:
        return (wording, *sorted((first, second)))
    if wording == HIDDEN:
        return (FRONT, second, first)
    for forward, backward in MIRRORED.items():
        if wording == backward:
            return (forward, second, first)
    return (wording, first, second)


def _two(words: str, wording: str) -> tuple[str, str] | None:
    """What stands before and after ``wording``, if it stands there once with something on both sides."""
    parts = f" {words} ".split(f" {wording} ")
    if len(parts) != 2 or not parts[0].strip() or not parts[1].strip():
        return None
    return parts[0].strip(), parts[1].strip()


def _without_frame(words: str) -> str:
    """``words`` without an opening of :data:`FRAMES`."""
    for frame in FRAMES:
        if words.startswith(f"{frame} "):
            return words[len(frame) + 1 :]
    return words


def _parts(text: str) -> list[str]:
    """The parts of a list with commas and "and", each in plain words."""
    parts = [plain(part) for part in re.split(r",|;|\band\b", text.casefold())]
    parts = [part for part in parts if part]
    return [_without_frame(parts[0]), *parts[1:]] if parts else []


def _list(words: str) -> str:
    """One side of a relation, its "and" in alphabetical order."""
    return " and ".join(sorted(part.strip() for part in f" {words} ".split(" and ")))
