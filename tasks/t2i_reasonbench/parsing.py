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
from collections.abc import Callable, Iterator
from math import isfinite
from typing import Any, TypeAlias

from selfreward_eval.harness.errors import InputError, UsageError
from selfreward_eval.tasks.judged.parsed import Parsed, unreadable
from selfreward_eval.tasks.t2i_reasonbench.dimensions import ALLOWED

Parser: TypeAlias = Callable[[str, int], Parsed]
"""(reply, number of questions) -> scores in order, or a complaint."""

WORDS = {"0": 0.0, "0.0": 0.0, "0.5": 0.5, "1": 1.0, "1.0": 1.0, ".5": 0.5}
"""Scores in quotes, as some judges write them."""


class _DuplicateKey(ValueError):
    """An object with a duplicate key, which is ambiguous."""


def official_json(text: str) -> dict[str, Any]:
    """Upstream's ``extract_json``: from the first ``{`` to the first ``}`` after it, as JSON.

    So a brace in an explanation truncates the object, and of two objects the first counts.

    Raises:
        InputError: there is none, or it is not JSON; upstream's run ends there.
    """
    if not isinstance(text, str):
        raise InputError(f"the reply {text!r} is no text")
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


def official(text: str, questions: int) -> Parsed:
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


def strict(text: str, questions: int) -> Parsed:
    """The reply is one JSON object and nothing else, with as many of 0, 0.5 and 1 as there are questions."""
    try:
        content = json.loads(text, object_pairs_hook=_unique_keys)
    except (ValueError, RecursionError) as error:
        return unreadable(f"the reply is not one JSON object ({error})")
    if not isinstance(content, dict) or "score" not in content:
        return unreadable("the reply is no JSON object with 'score'")
    return _checked(content["score"], questions, {})


def tolerant(text: str, questions: int) -> Parsed:
    """The only scores in the reply, in any position.

    Text and code fences around the object, braces and line breaks in explanations, an enclosing object,
    and numbers in quotes are accepted. Two objects with different scores are rejected as ambiguous.
    """
    score_lists = list(_objects(text))
    if not score_lists:
        return unreadable("the reply holds no JSON object with 'score'")
    different = {json.dumps(scores) for scores in score_lists}
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


def _objects(text: str) -> Iterator[Any]:
    """The values of ``score`` in the outermost objects that have it, in order."""
    decoder = json.JSONDecoder(object_pairs_hook=_unique_keys, strict=False)
    position = text.find("{")
    while position >= 0:
        step = position + 1
        try:
            content, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            pass
        else:
            if "score" in content:
                yield content["score"]
                step = end
        position = text.find("{", step)


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
