"""Parsers of replies: ``released``, as the released code reads them, and ``robust``.

A reply about regions is asked for in the released format::

    Region ID: 1
    Identified Object: a running dog
    Score: 0.95

``released`` reads one region per paragraph, so that regions without a blank line between them are
read as one; it reads neither "Score: +0.9" nor "**Score:** 0.9"; and it lets any number through.
``robust`` reads all of these, and gives no score where the number is outside [-1, 1], of another
scale, given twice with different values, a range, a word, a fraction, or written with a comma. It reads
what stands behind the thoughts of a reply. In a reply that was cut, the line of a score must have ended.

Source of ``released``: WayneJin0918/SRUM at a53ba18, ``srum_data_infer/vlm.py``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest
from math import isfinite
from typing import Literal, Protocol

from selfreward_eval.harness.instruments.verdicts import CUT, verdict_of

Parser = Literal["robust", "released"]


@dataclass(frozen=True)
class ParsedScore:
    """The score of one region, or of the layout, as it was read from a reply or a probability.

    Attributes:
        score: in [-1, 1] (``released``: any number), or None.
        identified: what the region shows, in the model's words; None where the reply has no line for it.
        reason: why there is no score.
    """

    score: float | None
    identified: str | None = None
    reason: str = ""


# As released

MAX_DIGITS = 4300
"""Of a number that Python turns into an integer, by default."""

_ID = re.compile(r"Region ID:\s*(\d+)", re.IGNORECASE)
_OBJECT = re.compile(r"Identified Object:\s*(.*)", re.IGNORECASE)
_SCORE = re.compile(r"Score:\s*(-?\d+\.?\d*)", re.IGNORECASE)


def released_regions(reply: str, cut: bool = False) -> dict[int, ParsedScore]:
    """Region number -> score, one per paragraph; a repeated number replaces the first.

    ``cut`` plays no part here.
    """
    scores = {}
    for paragraph in _after_thoughts(reply).split("\n\n"):
        number = _ID.search(paragraph)
        # Upstream, too, passes over a number that Python refuses to read.
        if number and len(number[1]) <= MAX_DIGITS:
            named = _OBJECT.search(paragraph)
            score = released_layout(paragraph)
            scores[int(number[1])] = ParsedScore(
                score.score, named[1].strip() if named else None, score.reason
            )
    return scores


def released_layout(reply: str, cut: bool = False) -> ParsedScore:
    """The first score of a reply; ``cut`` plays no part here."""
    found = _SCORE.search(_after_thoughts(reply))
    if found is None:
        return ParsedScore(None, reason=f"no 'Score:' in {_excerpt(reply)}")
    score = float(found[1])
    # Upstream goes on with an infinity, which no record can hold.
    return (
        ParsedScore(score) if isfinite(score) else ParsedScore(None, reason="the score has no finite value")
    )


# Robustly

_DECORATION = r"[\s*_`#>\"']*+"
_ANY_ID = re.compile(
    rf"region{_DECORATION}(?:(?:id|no\.?+|number){_DECORATION})?+(?:[:=]{_DECORATION})?+(\d{{1,6}}+)\b",
    re.IGNORECASE,
)
_ANY_OBJECT = re.compile(rf"identified\s++object{_DECORATION}[:=]{_DECORATION}([^\n]*+)", re.IGNORECASE)
_ANY_SCORE = re.compile(
    rf"\bscore{_DECORATION}[:=]{_DECORATION}(?=[+\-\u2212\u2013.\d])(\S++)", re.IGNORECASE
)
_NUMBER = re.compile(r"([+\-\u2212\u2013]?)(\d+(?:\.\d*)?|\.\d+)(?:/1(?:\.0*)?)?[.,;)*_`\"']*")
_SCALE = re.compile(
    r"\s*+(?:/|out\s++of)\s*+(?!1(?:\.0*+)?+(?![\d.]))|[^\S\n]*+(?:%|per\s?cent)", re.IGNORECASE
)
_RANGE = re.compile(
    r"[^\S\n]++(?:(?:to|or|and|[~\-\u2212\u2013\u2014\u00b1])[^\S\n]*+)?+[+\-\u2212\u2013]?+\.?+\d",
    re.IGNORECASE,
)
_MINUS = ("-", "\u2212", "\u2013")

LONGEST_NUMBER = 40
"""Characters of a score with what stands around it; a longer one is none."""

LONGEST_LEAD = 200
"""Characters before a region's number in its line; a line that has more is prose."""


def robust_regions(reply: str, cut: bool = False) -> dict[int, ParsedScore]:
    """Region number -> score; a region goes from its number to the next one, however lines break.

    ``cut`` says that the reply ended at a limit and not by itself.
    """
    verdict = verdict_of(reply, cut)
    text = verdict.text
    starts = [match for match in _ANY_ID.finditer(text) if _begins_line(text, match.start())]
    scores: dict[int, ParsedScore] = {}
    for start, following in zip_longest(starts, starts[1:]):
        number = int(start[1])
        content = text[start.end() : following.start() if following else len(text)]
        named = _ANY_OBJECT.search(content)
        score = _one_score(content, verdict.cut and following is None)
        region = ParsedScore(score.score, named[1].strip(" *_`") if named else None, score.reason)
        before = scores.get(number)
        if before is not None and before.score != region.score:
            region = ParsedScore(None, region.identified, f"region {number} is scored twice, differently")
        scores[number] = region
    return scores


def robust_layout(reply: str, cut: bool = False) -> ParsedScore:
    """The one score of a reply; ``cut`` says that it ended at a limit and not by itself."""
    verdict = verdict_of(reply, cut)
    if verdict.complaint:
        return ParsedScore(None, reason=verdict.complaint)
    return _one_score(verdict.text, verdict.cut)


def _one_score(text: str, cut: bool) -> ParsedScore:
    """The one score of a text."""
    matches = list(_ANY_SCORE.finditer(text))
    if not matches:
        return ParsedScore(None, reason=f"no score in {_excerpt(text)}")
    scores = set()
    last_line_end = text.rfind("\n")
    for match in matches:
        number = _NUMBER.fullmatch(match[1]) if len(match[1]) <= LONGEST_NUMBER else None
        if number is None or _SCALE.match(text, match.end()) or _RANGE.match(text, match.end()):
            return ParsedScore(
                None, reason=f"{_excerpt(text[match.start(1) :], 20)} is no score from -1 to 1"
            )
        if cut and last_line_end < match.end():
            return ParsedScore(None, reason=CUT)
        if number[1] in _MINUS and number[2] in ("0", "0."):
            return ParsedScore(None, reason=f"{match[1]!r} is the beginning of a number below 0")
        scores.add(float(number[2]) * (-1.0 if number[1] in _MINUS else 1.0) + 0.0)
    if len(scores) > 1:
        return ParsedScore(None, reason=f"several scores: {', '.join(f'{s:g}' for s in sorted(scores))}")
    (score,) = scores
    if not -1.0 <= score <= 1.0:
        return ParsedScore(None, reason=f"the score {score:g} is outside -1 to 1")
    return ParsedScore(score)


class RegionsParser(Protocol):
    """A reply about regions -> region number -> score."""

    def __call__(self, reply: str, cut: bool = False) -> dict[int, ParsedScore]: ...


class LayoutParser(Protocol):
    """A reply about the layout -> its score."""

    def __call__(self, reply: str, cut: bool = False) -> ParsedScore: ...


REGIONS: dict[str, RegionsParser] = {
    "robust": robust_regions,
    "released": released_regions,
}
LAYOUT: dict[str, LayoutParser] = {"robust": robust_layout, "released": released_layout}


def _after_thoughts(reply: str) -> str:
    """The reply after its last ``</think>``, as released."""
    return reply.split("</think>")[-1].strip()


def _begins_line(text: str, position: int) -> bool:
    """Whether only decoration stands before ``position`` in its line: prose may mention a region, too."""
    earliest = max(0, position - LONGEST_LEAD)
    line = text.rfind("\n", earliest, position) + 1
    if not line and earliest:
        return False
    return not text[line:position].strip(" \t*_`#>-0123456789.)")


def _excerpt(text: str, most: int = 60) -> str:
    line = " ".join(text[: 20 * most].split())
    return repr(line if len(line) <= most else line[:most] + "...")
