"""Parses upstream's question files, which have several formats, to one list of questions with criteria.

The files were written by a language model. Most blocks are ``{"q1": ..., "c1": ..., "q2": ...}`` with
texts as values. Some rows number or name their questions differently, give a criterion as an object, or
have a separate key for the scoring. Upstream inserts a block into its prompt unchanged. Here every block
becomes a list of questions, deviations are kept as notes, and an unknown format is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from selfreward_eval.harness.errors import InputError

_KEY = re.compile(r"(?P<prefix>[a-z]*_?)(?P<kind>[qc])(?P<number>\d+)")
_SCORING = re.compile(r"score_(?P<number>\d+)")
_LEVEL = re.compile(r"(?:score_)?(?P<level>1|0\.5|0)")


@dataclass(frozen=True)
class JudgeQuestion:
    """One question about a picture for a judge.

    Attributes:
        text: the question.
        criterion: the conditions for the scores 1, 0.5 and 0.
    """

    text: str
    criterion: str


@dataclass(frozen=True)
class Block:
    """Questions that are asked together.

    Attributes:
        questions: in order; at least one.
        notes: deviations of upstream's block from the usual format, in words.
    """

    questions: tuple[JudgeQuestion, ...]
    notes: tuple[str, ...] = ()


def read_block(block: Any, where: str) -> Block:
    """One block of upstream's file.

    Args:
        block: its JSON value.
        where: its name in error messages.

    Raises:
        InputError: a question without criterion, a criterion without question, or an unknown format.
    """
    if not isinstance(block, Mapping) or not block:
        raise InputError(f"{where} is no block of questions; replace the file by the official one")
    parts: dict[str, dict[int, Any]] = {"q": {}, "c": {}}
    scoring: Mapping[str, Any] = {}
    for key, value in block.items():
        if match := _KEY.fullmatch(key):
            parts[match["kind"]][int(match["number"])] = value
        elif key == "scoring" and isinstance(value, Mapping):
            scoring = value
        else:
            raise InputError(f"{where} has the unknown key {key!r}; replace the file by the official one")
    if parts["q"].keys() != parts["c"].keys():
        odd = sorted(parts["q"].keys() ^ parts["c"].keys())[0]
        raise InputError(f"{where} has no pair for number {odd}; replace the file by the official one")
    rules = [_rule(parts["c"][number], f"{where}, c{number}") for number in parts["q"]]
    separate = _separate_scoring(scoring, len(rules), where)
    questions = tuple(
        JudgeQuestion(
            _text(parts["q"][number], f"{where}, q{number}"), "; ".join(filter(None, (rule, extra)))
        )
        for number, rule, extra in zip(parts["q"], rules, separate, strict=True)
    )
    return Block(questions, _notes(block, parts["c"]))


def format_questions(questions: tuple[JudgeQuestion, ...]) -> str:
    """The questions as text for the judge: q1, c1, q2, c2 and so on, regardless of upstream's names."""
    return "\n".join(
        f"q{number}: {question.text}\nc{number}: {question.criterion}"
        for number, question in enumerate(questions, 1)
    )


def _rule(value: Any, where: str) -> str:
    """A criterion as one text: upstream's, or its object's levels from 1 to 0."""
    if not isinstance(value, Mapping):
        return _text(value, where)
    if len(value) == 1 and next(iter(value)) in ("score", "criteria"):
        return _text(next(iter(value.values())), where)
    levels = {}
    for key, text in value.items():
        match = _LEVEL.fullmatch(key)
        if match is None:
            raise InputError(f"{where} has the unknown level {key!r}; replace the file by the official one")
        levels[match["level"]] = _text(text, where)
    return "; ".join(f"{level}: {levels[level]}" for level in sorted(levels, key=float, reverse=True))


def _separate_scoring(scoring: Mapping[str, Any], count: int, where: str) -> list[str]:
    """The scoring under the key ``scoring``, by question; empty texts where there is none."""
    extras = [""] * count
    for key, text in scoring.items():
        match = _SCORING.fullmatch(key)
        if match is None or not 1 <= int(match["number"]) <= count:
            raise InputError(f"{where} has the unknown scoring {key!r}; replace the file by the official one")
        extras[int(match["number"]) - 1] = _text(text, f"{where}, {key}")
    return extras


def _notes(block: Mapping[str, Any], criteria: Mapping[int, Any]) -> tuple[str, ...]:
    """What distinguishes the block from q1, c1, q2, c2 ... with texts."""
    keys = [key for key in block if key != "scoring"]
    usual = [f"{kind}{number}" for number in range(1, len(keys) // 2 + 1) for kind in "qc"]
    notes = []
    if keys != usual:
        notes.append(f"keys {', '.join(keys)}")
    if any(isinstance(value, Mapping) for value in criteria.values()):
        notes.append("criteria as objects")
    if "scoring" in block:
        notes.append("scoring beside the questions")
    return tuple(notes)


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{where} is no text; replace the file by the official one")
    return value.strip()
