"""Tokens of a prompt with their parts of speech, and what the official rules read from them.

The tags come from ``facts``; upstream uses spaCy's en_core_web_sm 3.5.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from selfreward_eval.harness.errors import InputError

PERSONS = frozenset({"girl", "boy", "man", "woman"})
"""Nouns whose label in the detector's vocabulary is ``person``."""


@dataclass(frozen=True)
class Tagged:
    """One token of a prompt.

    Attributes:
        text: as written.
        pos: universal part of speech: NOUN, PROPN, ADJ ...
    """

    text: str
    pos: str


def tagged(tokens: Sequence[str], tags: Sequence[str]) -> tuple[Tagged, ...]:
    """Tokens beside their tags.

    Raises:
        InputError: there are not as many of both, or one is no text.
    """
    if len(tokens) != len(tags) or not all(isinstance(part, str) for part in (*tokens, *tags)):
        raise InputError(f"{len(tokens)} tokens have {len(tags)} parts of speech; read the prompt anew")
    return tuple(Tagged(text, pos) for text, pos in zip(tokens, tags, strict=True))


def first_and_last_noun(words: Sequence[Tagged]) -> tuple[str, str]:
    """The two objects of a simple prompt, as upstream finds them; one noun alone is both.

    Raises:
        InputError: no token is a NOUN; upstream's index fails there.
    """
    nouns = [word.text for word in words if word.pos == "NOUN"]
    if not nouns:
        raise InputError(f"the prompt {text(words)!r} has no noun, so that no object is named")
    return nouns[0], nouns[-1]


def as_label(noun: str) -> str:
    """The label looked for: ``person`` for a girl, boy, man or woman, else the noun itself."""
    return "person" if noun in PERSONS else noun


def without_adjectives(words: Sequence[Tagged]) -> str:
    """The text that CLIP compares a picture of a complex prompt with: its tokens but the adjectives."""
    return " ".join(word.text for word in words if word.pos != "ADJ")


def text(words: Sequence[Tagged]) -> str:
    """The tokens, a space between each two."""
    return " ".join(word.text for word in words)
