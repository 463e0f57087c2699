"""Named parsers: from a judge's reply to one score per question.

``official`` is upstream's parser. ``strict`` accepts only the requested JSON object. ``tolerant`` (the
default) also accepts text around it. No parser turns a failure into a score.

>>> tolerant('Sure: {"reason": ["a {brace}"], "score": [1, 0.5]}', 2).scores
(1.0, 0.5)
>>> strict('Sure: {"score": [1, 0.5]}', 2).complaint
'the reply is not one JSON object (Expecting value: line 1 column 1 (char 0))'
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from math import isfinite
from typing import Any, Protocol

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.harness.instruments.verdicts import CUT, verdict_of
from selfreward_eval.tasks.judged.parsed import Parsed, unreadable
from selfreward_eval.tasks.t2i_reasonbench.dimensions import ALLOWED


class Parser(Protocol):
    """(reply, number of questions) -> scores in order, or a complaint."""

    def __call__(self, text: str, questions: int, cut: bool = False) -> Parsed:
        """Reads ``text``; ``cut`` says that it ended at a limit. Only :func:`tolerant` needs to know."""
        ...


WORDS = {"0": 0.0, "0.0": 0.0, "0.5": 0.5, "1": 1.0, "1.0": 1.0, ".5": 0.5}
"""Scores in quotes, as some judges write them. Words, fractions and decimal commas are no scores."""

MOST_ATTEMPTS = 200
"""Braces of a reply that may turn out to begin no JSON object; after so many it is not read on."""

_BEGIN = re.compile(r"\{(?=\s{0,1000}+[\"}])")
_NEAR_END = 16
"""Characters; an error so near the end of a text that was cut may be due to the cut."""


class _DuplicateKey(ValueError):
    """An object with a duplicate key, which is ambiguous."""


class _Unreadable(Exception):
    """A text whose scores cannot be told; the message is the complaint."""


class _Pairs(tuple[tuple[str, Any], ...]):
    """The members of an object in order, duplicates included."""


def official_json(text: str) -> dict[str, Any]:
    """Upstream's ``extract_json``: from the first ``{`` to the first ``}`` after it, as JSON.

    So a brace in an explanation truncates the object, and of two objects the first counts.

    Raises:
        InputError: there is none, or it is not JSON; upstream's run ends there.
    """
    start = text.find("{")
    end = text.find("}", start + 1)
    if start < 0 or end < 0:
        raise InputError("the reply holds no {...}")
    try:
        content: dict[str, Any] = json.loads(text[start : end + 1])
    except (ValueError, RecursionError) as error:
        raise InputError(f"the reply's first {{...}} is not JSON ({error})") from error
    return content


def official_scores(text: str) -> Any:
    """Upstream's scores: the value of the key ``score``, of any type.

    Raises:
        InputError: as :func:`official_json`, or there is no such key.
    """
    content = official_json(text)
    if "score" not in content:
        raise InputError("the reply's first {...} has no 'score'")
    return content["score"]


def official(text: str, questions: int, cut: bool = False) -> Parsed:
    """Upstream's parser, which accepts any number of scores; but their mean must be in [0, 1].

    Upstream also accepts scores such as 2 and 5 and then prints accuracies above 100. A mean outside
    [0, 1] is not a value of this benchmark, so it is a complaint here.
    """
    try:
        values = [float(value) for value in official_scores(text)]
    except InputError as error:
        return unreadable(str(error))
    except (TypeError, ValueError, OverflowError) as error:
        return unreadable(f"the scores are no list of numbers ({error})")
    if not values:
        return unreadable("the list of scores is empty")
    if not all(isfinite(value) for value in values) or not 0 <= sum(values) / len(values) <= 1:
        return unreadable(f"the scores {_shown(values)} have no mean in [0, 1]")
    return Parsed(tuple(values))


def strict(text: str, questions: int, cut: bool = False) -> Parsed:
    """The reply is one JSON object and nothing else, with as many of 0, 0.5 and 1 as there are questions."""
    try:
        content = json.loads(text, object_pairs_hook=_unique_keys)
    except (ValueError, RecursionError) as error:
        return unreadable(f"the reply is not one JSON object ({error})")
    if not isinstance(content, dict) or "score" not in content:
        return unreadable("the reply is no JSON object with 'score'")
    return _checked(content["score"], questions, {})


def tolerant(text: str, questions: int, cut: bool = False) -> Parsed:
    """The only scores in the reply, in any position behind its thoughts.

    Text and code fences around the object, braces and line breaks in explanations, an enclosing object,
    and numbers in quotes are accepted. Two objects with different scores are rejected as ambiguous. A
    reply that was cut within an object has none: the cut part may have held other scores.
    """
    verdict = verdict_of(text, cut)
    if verdict.complaint:
        return unreadable(verdict.complaint)
    try:
        score_lists = list(_score_lists(verdict.text, verdict.cut))
    except _Unreadable as error:
        return unreadable(str(error))
    if not score_lists:
        return unreadable("the reply holds no JSON object with 'score'")
    try:
        different = {json.dumps(scores) for scores in score_lists}
    except RecursionError:
        return unreadable("the scores are nested too deeply")
    if len(different) > 1:
        return unreadable(f"the reply holds {len(different)} different lists of scores")
    return _checked(score_lists[0], questions, WORDS)


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
        raise UsageError(
            f"T2I-ReasonBench has no parser {name!r}; choose one of {', '.join(PARSERS)}"
        ) from None


def _checked(scores: Any, questions: int, words: dict[str, float]) -> Parsed:
    """A list of the right length with nothing in it but 0, 0.5 and 1."""
    if not isinstance(scores, list):
        return unreadable(f"'score' is no list but {_shown(scores)}")
    if len(scores) != questions:
        return unreadable(f"{len(scores)} scores for {questions} questions")
    values = [words.get(value.strip(), value) if isinstance(value, str) else value for value in scores]
    odd = [
        value
        for value in values
        if isinstance(value, bool) or not isinstance(value, int | float) or value not in ALLOWED
    ]
    if odd:
        return unreadable(f"{_shown(odd[0])} is none of 0, 0.5 and 1")
    return Parsed(tuple(float(value) for value in values))


def _score_lists(text: str, cut: bool) -> Iterator[Any]:
    """The values of ``score`` in the outermost objects that have it, in order.

    No part of the text is read more often than :data:`MOST_ATTEMPTS` times, so the time grows with its
    length only.

    Raises:
        _Unreadable: too many braces begin no object, an object has ``score`` beside a duplicate key, or
            the text was cut within an object.
    """
    decoder = json.JSONDecoder(object_pairs_hook=_Pairs, strict=False)
    attempts = 0
    begin = _BEGIN.search(text)
    while begin is not None:
        step = begin.end()
        try:
            content, step = decoder.raw_decode(text, begin.start())
        except json.JSONDecodeError as error:
            if cut and (error.pos >= len(text) - _NEAR_END or error.msg.startswith("Unterminated")):
                raise _Unreadable(CUT) from None
            attempts += 1
        except (ValueError, RecursionError):
            attempts += 1
        else:
            yield from _outermost(content)
        if attempts > MOST_ATTEMPTS:
            raise _Unreadable(f"more than {MOST_ATTEMPTS} braces of the reply begin no JSON object")
        begin = _BEGIN.search(text, step)


def _outermost(content: Any) -> Iterator[Any]:
    """``score`` of an object, or of the outermost ones within it that have it."""
    pending = [content]
    while pending:
        value = pending.pop()
        if isinstance(value, _Pairs):
            names = [name for name, _ in value]
            if "score" in names:
                if len(set(names)) < len(names):
                    raise _Unreadable("an object with 'score' has the same key twice")
                yield _plain(dict(value)["score"])
            else:
                pending += reversed([member for _, member in value])
        elif isinstance(value, list):
            pending += reversed(value)


def _plain(value: Any) -> Any:
    """A decoded value with dictionaries for :class:`_Pairs`; only lists can be scores, the rest is shown."""
    return dict(value) if isinstance(value, _Pairs) else value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; raises on a duplicate key."""
    content = dict(pairs)
    if len(content) < len(pairs):
        raise _DuplicateKey("an object has the same key twice")
    return content


def _shown(value: Any) -> str:
    """A value in a message, not longer than a line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:60] + "..."
