"""Named parsers: from a judge's review to the scores of reference and candidate.

>>> tolerant("8, 7").scores
(8.0, 7.0)
>>> official_pair("8, 7")
(-1.0, -1.0)

Source of ``official``: haotian-liu/LLaVA at c121f04, ``llava/eval/eval_gpt_review_bench.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.tasks.judged.parsed import Parsed, unreadable

Parser: TypeAlias = Callable[[str], Parsed]
"""A review -> (score of the reference, score of the candidate), or a complaint."""

LOWEST, HIGHEST = 1.0, 10.0
"""The scale in the judge's prompt."""

FAILED = (-1.0, -1.0)
"""Upstream's scores for a review that it cannot parse; it includes them in its means."""

_NUMBER = r"(\d+(?:\.\d+)?)"
_SCORE = _NUMBER + r"(?:/10)?"
_STRICT = re.compile(rf"{_NUMBER} {_NUMBER}", re.ASCII)
_BARE = re.compile(
    rf"(?:scores?\s*:\s*)?[\[(]?\s*{_SCORE}(?:\s*[,;]\s*|\s+){_SCORE}\s*[\])]?\.?",
    re.ASCII | re.IGNORECASE,
)
_NAMED = re.compile(
    rf"assistant 1\s*:?\s*{_SCORE}\s*[,;.]?\s+assistant 2\s*:?\s*{_SCORE}\.?", re.ASCII | re.IGNORECASE
)


def official_pair(text: str) -> tuple[float, float]:
    """Upstream's ``parse_score``: the first line, commas as spaces, split at every single space.

    Exactly two parts that are floats are the scores, anything else is :data:`FAILED`. So a comma with
    a space after it, or a space at the line's end, is a failure, and so is what is no text.
    """
    if not isinstance(text, str):
        return FAILED
    parts = text.split("\n")[0].replace(",", " ").split(" ")
    if len(parts) != 2:
        return FAILED
    try:
        return float(parts[0]), float(parts[1])
    except ValueError:
        return FAILED


def official(text: str) -> Parsed:
    """Upstream's parser, except that numbers outside the scale and -1 are complaints."""
    pair = official_pair(text)
    if pair == FAILED:
        return unreadable(f"the first line {_first_line(text)!r} is not two numbers with one space between")
    return _on_scale(pair)


def strict(text: str) -> Parsed:
    """The first line must be two plain numbers on the scale with one space between, as the prompt asks."""
    match = _STRICT.fullmatch(text.split("\n")[0])
    if match is None:
        return unreadable(f"the first line {_first_line(text)!r} is not two numbers with one space between")
    return _on_scale((float(match[1]), float(match[2])))


def tolerant(text: str) -> Parsed:
    """The first non-empty line must hold two scores and nothing ambiguous.

    Accepted: spaces, comma or semicolon between them, brackets around them, bold marks, a full stop,
    ``/10`` behind each, ``Scores:`` before them, or the assistants' names. Not accepted: a single
    number, three, a dash or slash between two, numbers in a sentence.
    """
    line = next((line for line in text.splitlines() if line.strip()), "")
    line = re.sub(r"[*`_]", "", line).strip()
    match = _BARE.fullmatch(line) or _NAMED.fullmatch(line)
    if match is None:
        return unreadable(f"the first line {_first_line(line)!r} does not hold two scores and no more")
    return _on_scale((float(match[1]), float(match[2])))


PARSERS: dict[str, Parser] = {"tolerant": tolerant, "strict": strict, "official": official}
"""Name -> parser; the first is the default."""


def parser_named(name: str) -> Parser:
    """The parser of that name.

    Raises:
        UsageError: there is none.
    """
    try:
        return PARSERS[name]
    except KeyError:
        raise UsageError(f"LLaVA-Bench has no parser {name!r}; choose one of {', '.join(PARSERS)}") from None


def _on_scale(pair: tuple[float, float]) -> Parsed:
    """The pair, if both are from 1 to 10; nan is not."""
    for score in pair:
        if not LOWEST <= score <= HIGHEST:
            return unreadable(f"the score {score:g} is not from {LOWEST:g} to {HIGHEST:g}")
    return Parsed(pair)


def _first_line(text: str) -> str:
    line = text.split("\n")[0]
    return line if len(line) <= 60 else line[:60] + "..."
