"""Soft-TIFA: what is asked about an atom, which beginnings of an answer count, and the means over atoms.

>>> full_question("Are the teapots teal?")
'Are the teapots teal? Answer in one word.'
>>> accepted("How many teapots are in the image?", "two")
('two', 'Two', ' two', ' Two', '2', ' 2')
>>> soft_tifa([0.8, 0.2])
SoftTifa(arithmetic=0.5, geometric=0.4)

Source: facebookresearch/GenEval2 at a6e82d2, ``evaluation.py``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import exp, fsum, log

from selfreward_eval.harness.errors import InputError

PROMPT = "{question} Answer in one word."
"""The prompt for the instrument."""

YES_ANSWER = "Yes"

YES = (YES_ANSWER, "yes", " yes", " Yes")
"""Spellings of the only answer that is no count."""

COUNTING = "How many"
"""A question that begins with this asks for a count; every other one is a question for "Yes"."""

DIGITS = {
    word: str(number)
    for number, word in enumerate(
        ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), 1
    )
}
"""Count -> its digits."""

NO_DIGITS = "other"
"""Upstream's value for the digits of a count above ten; the data has counts up to seven."""


@dataclass(frozen=True)
class SoftTifa:
    """One picture.

    Attributes:
        arithmetic: mean over its atoms, in [0, 1]: an estimate of the atoms (Soft-TIFA AM).
        geometric: geometric mean, in [0, 1]; an atom of 0 makes it 0: an estimate of the whole prompt
            (Soft-TIFA GM).
    """

    arithmetic: float
    geometric: float


def full_question(question: str) -> str:
    """The whole text that is sent with the picture."""
    return PROMPT.replace("{question}", question)


def accepted(question: str, answer: str) -> tuple[str, ...]:
    """The spellings whose first tokens count, in upstream's order.

    The question decides, as upstream: only one for a count reads its answer.

    Raises:
        InputError: the question, or the answer of a question for a count, is no text.
    """
    if not isinstance(question, str):
        raise InputError(f"the question {question!r} is no text; replace the prompt file")
    if not question.startswith(COUNTING):
        return YES
    if not isinstance(answer, str):
        raise InputError(f"the answer {answer!r} to {question!r} is no text; replace the prompt file")
    digits = DIGITS.get(answer, NO_DIGITS)
    word = answer.capitalize()
    return (answer, word, f" {answer}", f" {word}", digits, f" {digits}")


def soft_tifa(probabilities: Sequence[float]) -> SoftTifa:
    """The means of a picture's atoms.

    Raises:
        InputError: no atoms, or a probability outside [0, 1].
    """
    if not probabilities:
        raise InputError("a prompt without questions has no score; replace the prompt file")
    if wrong := [value for value in probabilities if not 0 <= value <= 1]:
        raise InputError(f"{wrong[0]!r} is no probability; correct the instrument")
    count = len(probabilities)
    geometric = exp(fsum(map(log, probabilities)) / count) if min(probabilities) > 0 else 0.0
    # exp of a mean of logs may exceed the exact 1 in the last digit.
    return SoftTifa(fsum(probabilities) / count, min(geometric, 1.0))


def is_right(word: str, spellings: Collection[str]) -> bool:
    """TIFA's binary score: whether the model's answer, in lower case, is one of the spellings."""
    return word.lower() in spellings


def tifa(verdicts: Sequence[bool]) -> float:
    """The share of right atoms, in [0, 1].

    Raises:
        InputError: no atoms.
    """
    if not verdicts:
        raise InputError("a prompt without questions has no score; replace the prompt file")
    return sum(verdicts) / len(verdicts)
