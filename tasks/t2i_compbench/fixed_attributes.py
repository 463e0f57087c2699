"""Colour, shape and texture, corrected: a separate protocol, not comparable with official numbers.

Differences from ``attributes``: a prompt without noun phrase is unscorable
instead of right; every phrase is asked, not the first eight; phrases that name
a place are left out with any article and in upper case; nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from selfreward_eval.tasks.t2i_compbench.attributes import answers_complaint
from selfreward_eval.tasks.t2i_compbench.ruling import Ruling, unscorable

PLACES = frozenset({"top", "bottom", "side", "left", "right"})
"""A phrase of one of these words, with or without an article, names no object."""

_ARTICLES = frozenset({"the", "a", "an"})


def questions(chunks: Sequence[str]) -> tuple[str, ...]:
    """A question for every noun chunk that names more than a place, in order."""
    return tuple(f"{chunk}?" for chunk in chunks if not _is_place(chunk))


def attributes(chunks: Sequence[str], yes: Sequence[float]) -> Ruling:
    """The corrected score of one picture in [0, 1]: the product of P(yes) over its questions.

    Args:
        chunks: noun chunks of the prompt.
        yes: P(yes) in [0, 1] for every one of :func:`questions`, aligned.
    """
    asked_questions = questions(chunks)
    if not asked_questions:
        return unscorable("nothing to ask", f"none of the noun phrases {list(chunks)} names an object")
    complaint = answers_complaint(asked_questions, yes)
    if complaint:
        return unscorable("no usable answers", complaint, questions=list(asked_questions))
    reason = "; ".join(f"{question} {p:.4f}" for question, p in zip(asked_questions, yes, strict=True))
    numbers = {"questions": list(asked_questions), "yes": [float(p) for p in yes]}
    return Ruling(float(prod(yes)), "product of answers", reason, numbers=numbers)


def _is_place(chunk: str) -> bool:
    """Whether a chunk is a place word, with or without an article."""
    words = chunk.lower().split()
    return bool(words) and words[-1] in PLACES and set(words[:-1]) <= _ARTICLES
