"""Words and punctuation of a prompt, cut where spaCy's English tokenizer cuts prompts like these.

A hyphen between letters, a possessive ``'s`` and every punctuation mark are
tokens of their own; a time such as ``11:44`` is one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(r"\d+(?:[.:]\d+)*|'s\b|[A-Za-zÀ-ÿ]+|[^\w\s]|\w")


@dataclass(frozen=True)
class Token:
    """One token.

    Attributes:
        text: as it is written.
        start: offset of its first character in the prompt.
        end: offset behind its last one.
    """

    text: str
    start: int
    end: int


def tokenize(prompt: str) -> tuple[Token, ...]:
    """The tokens of ``prompt`` in order.

    >>> [token.text for token in tokenize("The cat's rough-edged bowl.")]
    ['The', 'cat', "'s", 'rough', '-', 'edged', 'bowl', '.']
    """
    return tuple(Token(match.group(), *match.span()) for match in _TOKEN.finditer(prompt))
