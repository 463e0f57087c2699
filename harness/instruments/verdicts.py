"""Which part of a reply can hold its verdict: what stands behind its thoughts, and whether it was cut.

>>> verdict_of("<think>perhaps 3 4</think>8 7").text
'8 7'
>>> verdict_of("8 7\\n<think>or rather").cut
True

Models that think write their drafts between marks such as ``<think>`` and ``</think>``; many begin
inside, because the chat template has written the opening mark. So whatever stands before the last
closing mark is no part of the verdict, and an opening mark behind it begins a thought that never ended.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["CUT", "LONGEST_REPLY", "Verdict", "opening_mark", "thought_mark", "verdict_of", "was_cut"]

LONGEST_REPLY = 1_000_000
"""Characters. A longer reply is not read; a judge that writes more than this has lost its way."""

CUT = "the reply was cut before its verdict was complete"
"""The complaint about a verdict that may have gone on."""

OWN_ENDS = frozenset(
    {
        "stop",
        "eos",
        "eos_token",
        "end_turn",
        "stop_sequence",
        "stop_token",
        "complete",
        "completed",
        "finished",
    }
)
"""Finish reasons of a reply that ended by itself. Any other (length, max_tokens, abort, error) is a cut."""

_NAME = r"(?:seed:)?(?:think|thinking|thoughts?)"
_OPENING = re.compile(
    rf"<\s{{0,3}}{_NAME}\s{{0,3}}>|\[THINK\]|◁think▷|<\|(?:START_THINKING|begin_of_thought)\|>"
    r"|<\|channel\|>analysis<\|message\|>",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    rf"<\s{{0,3}}/\s{{0,3}}{_NAME}\s{{0,3}}>|\[/THINK\]|◁/think▷|<\|(?:END_THINKING|end_of_thought)\|>"
    r"|<\|channel\|>final<\|message\|>",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Verdict:
    """The part of a reply that is read.

    Attributes:
        text: behind the thoughts.
        cut: whether the text may have gone on: the reply ended at a limit, or a thought begins behind it.
        complaint: why there is nothing to read; else empty.
    """

    text: str
    cut: bool = False
    complaint: str = ""


def verdict_of(reply: str, cut: bool = False) -> Verdict:
    """The verdict's part of ``reply``.

    Args:
        reply: the whole text.
        cut: whether it ended at a limit and not by itself.
    """
    if len(reply) > LONGEST_REPLY:
        return Verdict("", cut, f"the reply holds {len(reply)} characters; at most {LONGEST_REPLY} are read")
    start = 0
    for closing in _CLOSING.finditer(reply):
        start = closing.end()
    opening = _OPENING.search(reply, start)
    text = reply[start : opening.start() if opening else None]
    complaint = ""
    if not text.strip():
        if opening:
            complaint = "the reply ends within its thoughts, before a verdict"
        elif start:
            complaint = "the reply holds thoughts and no verdict behind them"
    return Verdict(text, cut or opening is not None, complaint)


def was_cut(details: Mapping[str, Any]) -> bool:
    """Whether a reply with these details ended at a limit; a reply without a finish reason did not."""
    finish = details.get("finish_reason")
    return isinstance(finish, str) and bool(finish) and finish.lower() not in OWN_ENDS


def thought_mark(token: str) -> bool:
    """Whether a token is a mark that opens or closes a thought."""
    return bool(_OPENING.fullmatch(token) or _CLOSING.fullmatch(token))


def opening_mark(prompt: str) -> str:
    """The mark at the end of ``prompt`` that opens a thought; empty if there is none.

    Chat templates of models that always think end with it, so that the reply begins within the thought.
    """
    tail = prompt.rstrip()[-40:]
    last: re.Match[str] | None = None
    for opening in _OPENING.finditer(tail):
        last = opening
    return last[0] if last is not None and last.end() == len(tail) else ""
