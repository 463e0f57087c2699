"""Requests of lm-eval in the terms of our adapters: a question, a picture or none, and a text to score.

Pure functions over the arguments of lm-eval's ``Instance``; they need no lm-eval.

>>> parse_query("<image>\\nIs it red?", {"visual": ["a picture"]}, "demo").question
'Is it red?'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError

if TYPE_CHECKING:
    from PIL.Image import Image

PLACEHOLDER = "<image>"
"""Where lm-eval's tasks put the picture in their text; our adapters put it before the question themselves."""

LIMITS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
"""lm-eval's names for the longest answer in tokens, the first one given counts."""


@dataclass(frozen=True)
class Query:
    """The context of one request.

    Attributes:
        question: about ``image``, without the placeholder; without one, the whole context as it stands.
        image: the picture (PIL), or None where the task has none.
    """

    question: str
    image: Image | None = None


@dataclass(frozen=True)
class Decoding:
    """How an answer is ended.

    Attributes:
        until: strings, each of which ends the answer and is no part of it.
        limit: most tokens, or None where the task does not say.
    """

    until: tuple[str, ...]
    limit: int | None


def parse_query(context: str, extras: Mapping[str, Any] | None, where: str) -> Query:
    """The context and the pictures of a request.

    Args:
        context: lm-eval's, few-shot examples included.
        extras: the request's last argument, ``{"visual": pictures}``; None for a task without pictures.
        where: the task, for messages.

    Raises:
        UsageError: sound, or other than one picture, or a question that is empty.
    """
    if extras is None:
        return Query(context)
    if extras.get("audio"):
        raise UsageError(f"{where} plays sound; the adapters take pictures and text")
    visual = extras.get("visual")
    pictures = list(visual) if isinstance(visual, list | tuple) else [] if visual is None else [visual]
    places = context.count(PLACEHOLDER)
    if len(pictures) != 1 or places > 1:
        raise UsageError(
            f"{where} asks about {max(len(pictures), places)} pictures at once; the adapters take one"
            + (", so that examples with pictures need num_fewshot=0" if len(pictures) == 1 else "")
        )
    question = context.replace(PLACEHOLDER, "").strip()
    if not question:
        raise UsageError(
            f"{where} scores text without a question (as acc_mutual_info does); the adapters answer questions"
        )
    return Query(question, pictures[0])


def parse_decoding(kwargs: Mapping[str, Any], where: str) -> Decoding:
    """How a task wants its answers generated.

    Raises:
        UsageError: by sampling or beams; adapters answer greedily, so that an answer is the same every time.
    """
    sampled = kwargs.get("do_sample", float(kwargs.get("temperature") or 0) > 0)
    if sampled or int(kwargs.get("num_beams") or 1) > 1:
        raise UsageError(
            f"{where} samples its answers ({dict(kwargs)}); the adapters answer greedily. Ask for that: "
            "gen_kwargs.do_sample=false,gen_kwargs.temperature=0 (lm_eval: --gen_kwargs do_sample=False,...)"
        )
    until = kwargs.get("until") or ()
    limits = [int(kwargs[name]) for name in LIMITS if kwargs.get(name) is not None]
    return Decoding((until,) if isinstance(until, str) else tuple(until), limits[0] if limits else None)


def cut(answer: str, until: Sequence[str]) -> str:
    """``answer`` up to the first of the strings in ``until``; an empty one ends nothing.

    >>> cut("red\\n\\nblue", ["\\n\\n", "."])
    'red'
    """
    for stop in filter(None, until):
        answer = answer.split(stop, 1)[0]
    return answer


def begins_with(answer: str, text: str) -> bool:
    """Whether a greedy ``answer`` begins with ``text`` as whole words: lm-eval's ``is_greedy`` on texts.

    >>> begins_with("yes, there is", "yes"), begins_with("yesterday", "yes")
    (True, False)
    """
    rest = answer.removeprefix(text)
    if rest == answer and text:
        return False
    return not (rest[:1].isalnum() and text[-1:].isalnum())
