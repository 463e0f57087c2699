"""Colour, shape and texture: P(yes) of a VQA model for every noun phrase. The official rule.

>>> questions(["a green bench", "the left"])
('a green bench?',)
>>> attributes(["a green bench", "a blue bowl"], [0.9, 0.5]).score
0.45

Known bugs, kept here and corrected in ``fixed_attributes``: a prompt without
noun phrase scores 1; phrases from the ninth on are not asked; "the top" is
asked although "top" is not.

Source: Karine-Huang/T2I-CompBench at 1b70949, ``BLIPvqa_eval/BLIP_vqa.py`` and ``data/utils.py``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from numbers import Real

from selfreward_eval.tasks.t2i_compbench.ruling import Ruling, unscorable

NOT_ASKED = frozenset({"top", "the side", "the left", "the right"})
"""Noun chunks that name a place; matched in lower case only."""

MOST_QUESTIONS = 8
"""Phrases beyond these are not asked."""

MOST_WORDS = 50
"""Maximum number of words of a question; further words are cut."""

DECIMALS = 4
"""Decimal places of every probability and of the score."""

_REMOVED = re.compile(r'[.!"()*#:;~]')


def questions(chunks: Sequence[str], most: int = MOST_QUESTIONS) -> tuple[str, ...]:
    """The questions upstream asks of a prompt's noun chunks, in order, at most ``most``."""
    return tuple(f"{chunk}?" for chunk in chunks if chunk not in NOT_ASKED)[:most]


def cleaned(question: str) -> str:
    """A question as the VQA model reads it: lower case, some punctuation removed, cut to 50 words."""
    words = _REMOVED.sub("", question.lower()).rstrip(" ").split(" ")
    return " ".join(words[:MOST_WORDS])


def attributes(chunks: Sequence[str], yes: Sequence[float], most: int = MOST_QUESTIONS) -> Ruling:
    """The official score of one picture in [0, 1]: the product of P(yes) over its questions.

    Upstream multiplies in float32, numbers of four decimals.

    Args:
        chunks: noun chunks of the prompt.
        yes: P(yes) in [0, 1] for every one of :func:`questions`, aligned.
        most: how many questions are asked.

    Returns:
        1.0 if there are no questions; no score if the answers do not match the questions.
    """
    import numpy as np

    asked = questions(chunks, most)
    complaint = answers_complaint(asked, yes)
    if complaint:
        return unscorable("no usable answers", complaint, questions=list(asked))
    product = np.float32(1)
    for probability in yes:
        product *= np.float32(round_off(probability))
    return Ruling(
        round_off(float(product)),
        "product of answers" if asked else "nothing asked",
        "; ".join(f"{question} {p:.4f}" for question, p in zip(asked, yes, strict=True))
        or "no noun phrase to ask about, which the official rule scores 1",
        numbers={"questions": list(asked), "yes": [float(p) for p in yes]},
    )


def round_off(value: float) -> float:
    """``value`` with four decimals, rounded as it is printed."""
    return float(f"{value:.{DECIMALS}f}")


def answers_complaint(asked: Sequence[str], yes: Sequence[float]) -> str | None:
    """Why ``yes`` does not answer ``asked``, or None."""
    if len(asked) != len(yes):
        return f"{len(yes)} answers came to {len(asked)} questions; the VQA model is at fault"
    for question, probability in zip(asked, yes, strict=True):
        if not isinstance(probability, Real) or not 0 <= float(probability) <= 1:
            return f"the answer to {question!r} is {probability!r}, no probability; the VQA model is at fault"
    return None
