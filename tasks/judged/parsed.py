"""The result of parsing a judge's reply: numbers, or a complaint. A failure never becomes a number."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Parsed:
    """Numbers read from a reply.

    Attributes:
        scores: in the reply's order; None if the reply could not be parsed.
        complaint: the reason, if there are no scores.
    """

    scores: tuple[float, ...] | None
    complaint: str = ""


def unreadable(complaint: str) -> Parsed:
    """A reply without numbers, and why."""
    return Parsed(None, complaint)
