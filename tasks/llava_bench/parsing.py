"""Named parsers: from a judge's review to the scores of reference and candidate.

>>> tolerant("8, 7").scores
(8.0, 7.0)
>>> official_pair("8, 7")
(-1.0, -1.0)

Source of ``official``: haotian-liu/LLaVA at c121f04, ``llava/eval/eval_gpt_review_bench.py``.
"""

from __future__ import annotations

import re
from typing import Protocol

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.instruments.verdicts import CUT, verdict_of
from selfreward_eval.tasks.judged.parsed import Parsed, unreadable


class Parser(Protocol):
    """A review -> (score of the reference, score of the candidate), or a complaint."""

    def __call__(self, text: str, cut: bool = False) -> Parsed:
        """Reads ``text``; ``cut`` says that it ended at a limit. Upstream's parser takes no notice of it."""
        ...


LOWEST, HIGHEST = 1.0, 10.0
"""The scale in the judge's prompt."""

FAILED = (-1.0, -1.0)
"""Upstream's scores for a review that it cannot parse; it includes them in its means."""

LONGEST_LINE = 200
"""Characters of a first line that :func:`tolerant` reads; two scores need far fewer."""

_STRICT = re.compile(r"(\d++(?:\.\d++)?) (\d++(?:\.\d++)?)", re.ASCII)
_NUMBER = r"(\d{1,2}+(?:\.\d++)?)"
_SCORE = rf"{_NUMBER}(?: ?/ ?10)?+"
# A comma without a space is a separator, as upstream has it, unless a zero behind it shows a decimal
# ("8,05") or a thousand ("1,001").
_BETWEEN = r"(?: ?,(?!0)| ?, | ?; ?| )"
_BARE = re.compile(
    rf"(?:scores? ?: ?)?+[\[(]?+ ?+{_SCORE}{_BETWEEN}{_SCORE} ?+[\])]?+\.?+", re.ASCII | re.IGNORECASE
)
_NAMED = re.compile(
    rf"assistant 1 ?:? ?{_SCORE} ?[,;.]? assistant 2 ?:? ?{_SCORE}\.?+", re.ASCII | re.IGNORECASE
)
_MARKS = str.maketrans("", "", "*`_")


def official_pair(text: str) -> tuple[float, float]:
    """Upstream's ``parse_score``: the first line, commas as spaces, split at every single space.

    Exactly two parts that are floats are the scores, anything else is :data:`FAILED`. So a comma with
    a space after it, or a space at the line's end, is a failure.
    """
    parts = text.split("\n")[0].replace(",", " ").split(" ")
    if len(parts) != 2:
        return FAILED
    try:
        return float(parts[0]), float(parts[1])
    except ValueError:
        return FAILED


def official(text: str, cut: bool = False) -> Parsed:
    """Upstream's parser, which knows no cut; but numbers outside the scale and -1 are complaints."""
    pair = official_pair(text)
    if pair == FAILED:
        return unreadable(f"the first line {_first_line(text)!r} is not two numbers with one space between")
    return _on_scale(pair)


def strict(text: str, cut: bool = False) -> Parsed:
    """The first line must be two plain numbers on the scale with one space between, as the prompt asks.

    A review with thoughts in it is not of that form, nor is one that was cut within its first line.
    """
    line, end, _ = text.partition("\n")
    match = _STRICT.fullmatch(line)
    if match is None:
        return unreadable(f"the first line {_first_line(text)!r} is not two numbers with one space between")
    verdict = verdict_of(text, cut)
    if len(verdict.text) < len(text):
        return unreadable(verdict.complaint or "the review holds thoughts, which the exact form has not")
    if cut and not end:
        return unreadable(CUT)
    return _on_scale((float(match[1]), float(match[2])))


def tolerant(text: str, cut: bool = False) -> Parsed:
    """The first non-empty line behind the thoughts must hold two scores and nothing ambiguous.

    Accepted: spaces, comma or semicolon between them, brackets around them, bold marks, a full stop,
    ``/10`` behind each, ``Scores:`` before them, or the assistants' names. Not accepted: a single
    number, three, a dash or slash between two, numbers in a sentence, numbers as words, other fractions,
    a decimal comma or a thousands separator. In a review that was cut the line must have ended.
    """
    verdict = verdict_of(text, cut)
    if verdict.complaint:
        return unreadable(verdict.complaint)
    lines = verdict.text.lstrip().splitlines(keepends=True)
    first = lines[0] if lines else ""
    line = " ".join(first[:LONGEST_LINE].translate(_MARKS).split())
    match = None
    if len(first) <= LONGEST_LINE:
        match = _BARE.fullmatch(line) or _NAMED.fullmatch(line)
    if match is None:
        return unreadable(f"the first line {_first_line(line)!r} does not hold two scores and no more")
    if verdict.cut and first.splitlines() == [first]:
        return unreadable(CUT)
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
