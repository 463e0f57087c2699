"""ShareGPT4V-CoT: the product of the levels in a multimodal judge's replies. The official rule.

>>> share_score(['{"score": 3, "explanation": "mostly"}', "I cannot tell"], "attribute").score
75.0

Known bugs, kept here and corrected in :func:`strict_share_score`: a reply that
cannot be parsed counts as full marks, and an empty one crashes the run.

Source: Karine-Huang/T2I-CompBench at 1b70949, ``MLLM_eval/ShareGPT4V-CoT_eval/Share_eval.py``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal

from selfreward_eval.tasks.t2i_compbench.ruling import Ruling, unscorable

Rubric = Literal["attribute", "other"]
"""``attribute`` for colour, shape and texture (levels 1 to 4), ``other`` for the rest (1 to 5)."""

MARKS: dict[Rubric, dict[str, int]] = {
    "attribute": {"1": 10, "2": 20, "3": 75, "4": 100},
    "other": {"1": 20, "2": 40, "3": 60, "4": 80, "5": 100},
}
"""Level -> marks out of 100."""

FULL_MARKS = 100

_ENDING = '"\n}'
"""Appended to a reply that does not end in a brace, to complete a truncated one."""


def marks(reply: str, rubric: Rubric) -> int | None:
    """The marks of one reply, or None if it cannot be parsed: no JSON object, or no level of the rubric.

    A level may be a number or a string; 3.5 is not a level.
    """
    text = reply if reply.endswith("}") else reply + _ENDING
    try:
        return MARKS[rubric].get(str(json.loads(text.replace("\n", ""))["score"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def share_score(replies: Sequence[str], rubric: Rubric) -> Ruling:
    """The official score of one picture in [0, 100]: 100 times the marks of every reply that can be read.

    Args:
        replies: one per noun phrase for attributes, one in all otherwise.
        rubric: which levels there are.

    Returns:
        No score where upstream crashes: an empty reply, or one that is no text.
    """
    for place, reply in enumerate(replies, 1):
        if not isinstance(reply, str) or not reply:
            what = "is empty" if reply == "" else "is no text"
            return unscorable("upstream crashes", f"reply {place} {what}")
    read = [marks(reply, rubric) for reply in replies]
    score = float(FULL_MARKS)
    for value in read:
        if value is not None:
            score *= value / FULL_MARKS
    skipped = read.count(None)
    reason = f"marks {', '.join(str(value) for value in read if value is not None) or 'none'}"
    reason += (
        f"; {skipped} of {len(read)} replies could not be read and count as {FULL_MARKS}" if skipped else ""
    )
    return Ruling(score, "product of marks", reason, numbers={"marks": read, "replies": list(replies)})


def strict_share_score(replies: Sequence[str], rubric: Rubric) -> Ruling:
    """The same product if every reply can be parsed; otherwise no score."""
    read = [marks(reply, rubric) for reply in replies]
    if not read:
        return unscorable("no reply", "the judge was asked nothing; the prompt has no noun phrase")
    if None in read:
        reason = f"reply {read.index(None) + 1} of {len(read)} has no level of the {rubric} rubric"
        return unscorable("unreadable reply", reason, marks=read, replies=list(replies))
    return share_score(replies, rubric)
