"""From a judge's reply to scores: upstream's parsers with their bugs, and strict ones.

>>> official_scores("**Consistency**: 2, Realism: 1, Aesthetic Quality 10")
{'consistency': 2.0, 'realism': 1.0, 'aesthetic_quality': 1.0}
>>> official_scores("**Consistency:** 2")
{}
>>> strict_scores("**Consistency:** 2\\nRealism: 1\\n- Aesthetic Quality: 0/2").scores
(2.0, 1.0, 0.0)
>>> official_verdict("Score: 1"), official_verdict("**Score:** 1")
(1.0, None)

Sources: PKU-YuanGroup/WISE at eb51174, ``WISE_legacy/gpt_eval.py`` and ``vllm_eval.py``;
ByteDance-Seed/Bagel at 056b5fd, ``eval/gen/wise/gpt_eval_mp.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.verdicts import verdict_of
from selfreward_eval.tasks.judged.parsed import Parsed, unreadable
from selfreward_eval.tasks.wise.editions import ASPECTS, BEST

FAILED = 9.9
"""BAGEL's score of an aspect that it could not read. It never becomes a score here."""

_LABEL = "Consistency|Realism|Aesthetic Quality"
# Upstream's patterns without their backtracking: white space, a colon, white space, one digit.
_LABELLED = re.compile(rf"({_LABEL})\*{{0,2}}+\s*+(?::\s*+)?+(\d)", re.IGNORECASE)
_LABELLED_WIDE = re.compile(rf"({_LABEL})\*{{0,2}}+\s*+(?:[:：]\s*+)?+(\d)", re.IGNORECASE)
_VERDICT = re.compile(r"Score\*{0,2}+\s*+(?::\s*+)?+([01])\b", re.IGNORECASE)

_OPENING, _CLOSING = "<think>", "</think>"
_LONE_CLOSING = re.compile(rf"{_CLOSING}\s*+")

_LINE = re.compile(
    r"[\s>#*|_-]*+(?:\d[.)]\s*+)?+[*_]{0,2}+(?P<label>consistency|realism|aesthetic[ _]quality|score)"
    r"[\s*_]*+[:：=|][\s*_`]*+(?P<value>[^\s*_`|/,;]++)(?P<rest>.*+)",
    re.IGNORECASE | re.DOTALL,
)
"""A line that begins with a label, a colon and a value."""

_REST = re.compile(r"[\s*_`|]*+(?:/\s*+[\d.]++)?+[\s*_`|.,;]*+(?:[(–—-].*+)?+", re.DOTALL)
"""What may follow a value: out of how many, marks, an explanation behind a dash or in brackets."""


def official_scores(text: str) -> dict[str, float]:
    """What upstream reads: label -> one digit, the last of a label; or three lines of a digit alone.

    Any digit is accepted, also one that is the first of a longer number. Labels match within words.

    Raises:
        InputError: the reply is no text; upstream counts it as a failed attempt.
    """
    scores = _labelled(_LABELLED, text)
    if scores:
        return scores
    bare = list(_bare(text, ("0", "1", "2")))
    return dict(zip(ASPECTS, bare, strict=False)) if len(bare) >= len(ASPECTS) else {}


def bagel_scores(text: str) -> dict[str, float]:
    """What BAGEL's copy reads: a full-width colon too, no bare digits, 9.9 for what it does not find.

    Raises:
        InputError: the reply is no text.
    """
    found = _labelled(_LABELLED_WIDE, text)
    return {aspect: found.get(aspect, FAILED) for aspect in ASPECTS}


def official_verdict(text: str) -> float | None:
    """What WISE Verified reads from a reply without thoughts: its first score, or the only bare digit.

    Raises:
        InputError: the reply is no text.
    """
    match = _VERDICT.search(_text(text))
    if match:
        return float(match[1])
    bare = list(_bare(text, ("0", "1")))
    return bare[0] if len(bare) == 1 else None


def without_thoughts(text: str) -> str:
    """A reply as WISE Verified strips it: closed thoughts go, then lone closing marks, then outer space.

    Raises:
        InputError: the reply is no text; upstream counts it as a failed attempt.
    """
    kept, start = [], 0
    while True:
        opening = _text(text).find(_OPENING, start)
        closing = text.find(_CLOSING, opening + len(_OPENING)) if opening >= 0 else -1
        if closing < 0:
            break
        kept.append(text[start:opening])
        behind = _LONE_CLOSING.match(text, closing)
        start = behind.end() if behind else closing
    kept.append(text[start:])
    return _LONE_CLOSING.sub("", "".join(kept)).strip()


def faithful(text: str) -> Parsed:
    """:func:`official_scores` as scores of this benchmark: all three, each 0, 1 or 2.

    Upstream also accepts 3 to 9 and then gives a WiScore of up to 4.5. That is no value of this benchmark,
    so it is a complaint here.
    """
    return _complete(official_scores(text))


def faithful_bagel(text: str) -> Parsed:
    """:func:`bagel_scores` likewise; 9.9 is a complaint."""
    found = bagel_scores(text)
    return _complete({aspect: score for aspect, score in found.items() if score != FAILED})


def faithful_verdict(text: str) -> Parsed:
    """:func:`official_verdict` of :func:`without_thoughts`."""
    verdict = official_verdict(without_thoughts(text))
    return unreadable("the reply holds no Score of 0 or 1") if verdict is None else Parsed((verdict,))


def strict_scores(text: str) -> Parsed:
    """The three scores of a reply with exactly one value for each label, at the beginning of a line.

    A colon may stand inside or outside of stars and may be full-width. A value other than 0, 1 or 2, such
    as 10, 1.5 or 9, and two different values of one label are complaints. Thoughts are not read.
    """
    return _strict(text, ASPECTS, tuple(range(BEST + 1)))


def strict_verdict(text: str) -> Parsed:
    """The score of 0 or 1 of a reply, read like :func:`strict_scores`."""
    return _strict(text, ("score",), (0, 1))


def _labelled(pattern: re.Pattern[str], text: str) -> dict[str, float]:
    """Label -> the digit behind its last occurrence."""
    return {match[1].lower().replace(" ", "_"): float(match[2]) for match in pattern.finditer(_text(text))}


def _bare(text: str, digits: tuple[str, ...]) -> Iterator[float]:
    """The lines that hold one of ``digits`` and nothing else."""
    return (float(line.strip()) for line in text.split("\n") if line.strip() in digits)


def _complete(scores: dict[str, float]) -> Parsed:
    if lacking := [aspect for aspect in ASPECTS if aspect not in scores]:
        return unreadable(f"the reply holds no score for {', '.join(lacking)}")
    if odd := [aspect for aspect in ASPECTS if scores[aspect] > BEST]:
        return unreadable(f"the score {scores[odd[0]]:g} for {odd[0]} is above {BEST}")
    return Parsed(tuple(scores[aspect] for aspect in ASPECTS))


def _strict(text: str, labels: tuple[str, ...], allowed: tuple[int, ...]) -> Parsed:
    verdict = verdict_of(_text(text))
    if verdict.complaint:
        return unreadable(verdict.complaint)
    known = {str(value): float(value) for value in allowed}
    values: dict[str, float] = {}
    for line in verdict.text.split("\n"):
        match = _LINE.fullmatch(line)
        label = match["label"].lower().replace(" ", "_") if match else ""
        if match is None or label not in labels:
            continue
        value = known.get(match["value"].rstrip("."))
        if value is None or _REST.fullmatch(match["rest"]) is None:
            return unreadable(f"the {label} {line.strip()[:60]!r} is none of {', '.join(known)}")
        if values.setdefault(label, value) != value:
            return unreadable(f"the reply holds two different values for {label}")
    if lacking := [label for label in labels if label not in values]:
        return unreadable(f"the reply holds no score for {', '.join(lacking)}")
    return Parsed(tuple(values[label] for label in labels))


def _text(reply: object) -> str:
    if not isinstance(reply, str):
        raise InputError(f"the reply {reply!r} is no text")
    return reply
