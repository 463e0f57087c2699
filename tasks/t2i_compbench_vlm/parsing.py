"""Parses the score from a judge's reply: strictly, and as upstream does.

>>> strict_score('{"score": 85, "explanation": "one cup is missing"}')
ParsedScore(score=85.0, reason='')
>>> strict_score('{"score": 150}').score is None, upstream_score('{"score": 150}')
(True, 150)

Source of :func:`upstream_score`: WayneJin0918/SRUM at a53ba18, ``CompBench_eval/qwen_eval.py``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from math import isfinite

from selfreward_eval.harness.errors import InputError

RANGE = (0.0, 100.0)
"""Smallest and largest score on the judge's scale."""

UNREADABLE = -1
"""Upstream's value for a reply without score; it enters upstream's means."""

_NAMED = re.compile(r'"score"\s*:\s*')
_VALUE = re.compile(r'("?)\s*(-?\d{1,12}(?:\.\d{1,12})?(?:[eE][+-]?\d{1,2})?)\s*\1(?=\s*(?:[",}\]]|\Z))')
_OBJECT = re.compile(r'\{.*"score":\s*\d+.*?\}', re.DOTALL)
_PLAIN = re.compile(r'"score":\s*"?(\d+)"?')


@dataclass(frozen=True)
class ParsedScore:
    """The result of parsing a reply.

    Attributes:
        score: in [0, 100], or None.
        reason: why there is no score.
    """

    score: float | None
    reason: str = ""


def strict_score(reply: str) -> ParsedScore:
    """The score of a reply that contains exactly one, within [0, 100].

    The number must follow ``"score":``, with or without quotes, inside valid JSON or not, because
    judges do not always escape quotes in an explanation. Numbers are never truncated: 85.5 is 85.5,
    1e2 is 100, and "85/100" is not a number. A reply with several different scores has no score.
    """
    scores = set()
    for name in _NAMED.finditer(reply):
        value = _VALUE.match(reply, name.end())
        if value is None:
            return ParsedScore(None, f"the judge's score is no number: {_excerpt(reply[name.start() :])}")
        scores.add(float(value[2]))
    if not scores:
        return ParsedScore(None, f'the judge\'s reply holds no "score": {_excerpt(reply)}')
    if len(scores) > 1:
        return ParsedScore(
            None, f"the judge's reply holds several scores: {', '.join(map(_plain, sorted(scores)))}"
        )
    (score,) = scores
    if not (isfinite(score) and RANGE[0] <= score <= RANGE[1]):
        return ParsedScore(None, f"the judge's score {_plain(score)} is outside {RANGE[0]:g} to {RANGE[1]:g}")
    return ParsedScore(score)


def upstream_score(reply: str) -> int:
    """The integer that upstream reads, or -1.

    The text from the first brace to the first closing brace after the last ``"score":`` is parsed as
    JSON; its score must be an integer. If that fails, the digits after the first ``"score":`` are the
    score. So 85.5 is read as 85, 1e2 as 1, and 150 as 150.

    Raises:
        InputError: the reply is no text, or its number has too many digits; upstream crashes.
    """
    if not isinstance(reply, str):
        raise InputError(f"upstream fails on the reply {reply!r}, which is no text")
    cleaned = reply.strip().replace("```json", "").replace("```", "").strip()
    match = _OBJECT.search(cleaned)
    try:
        if match:
            score = _integer(match[0])
            if score is not None:
                return score
        plain = _PLAIN.search(reply)
        return int(plain[1]) if plain else UNREADABLE
    except (ValueError, RecursionError) as error:
        raise InputError(f"upstream fails on the reply {_excerpt(reply)}: {error}") from error


def _integer(text: str) -> int | None:
    """The integer ``score`` of a JSON object; None if upstream searches for digits instead."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError:
        return None
    return data["score"] if isinstance(data.get("score"), int) else None


def _excerpt(text: str, most: int = 80) -> str:
    """The beginning of a reply on one line, for a reason."""
    line = " ".join(text.split())
    return repr(line if len(line) <= most else line[:most] + "...")


def _plain(score: float) -> str:
    return f"{score:g}"
