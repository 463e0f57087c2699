"""What a parser makes of a judge's reply: numbers, or a complaint. Never a number for a failure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Parsed:
    """Numbers read from a reply.

    Attributes:
        scores: in the reply's order; None if it could not be read.
        complaint: why not.
    """

    scores: tuple[float, ...] | None
    complaint: str = ""


def unreadable(complaint: str) -> Parsed:
    """A reply without numbers, and why."""
    return Parsed(None, complaint)
