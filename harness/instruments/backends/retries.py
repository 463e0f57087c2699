"""When a request is repeated: backoff, the endpoint's ``Retry-After``, and a budget. No network here."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite

LONGEST_HEADER = 100
"""Characters of a ``Retry-After``; a longer one is not read."""


@dataclass(frozen=True)
class Backoff:
    """Exponential waits with jitter, the same for the same seed.

    Attributes:
        first: the longest first wait, in seconds.
        longest: no wait exceeds this.
        seed: of the jitter; part of no result.
    """

    first: float = 0.5
    longest: float = 30.0
    seed: int = 0

    def wait(self, conversation: int, attempt: int) -> float:
        """Seconds before attempt ``attempt`` + 1 (from 0): half to all of first * 2**attempt.

        The jitter depends on the conversation's number, so that requests that failed together are not
        repeated together.
        """
        full = min(self.longest, self.first * 2.0 ** min(attempt, 60))
        return full * (0.5 + 0.5 * random.Random(f"{self.seed}:{conversation}:{attempt}").random())


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a ``Retry-After`` header asks for, at least 0; None without one that can be read.

    Args:
        value: seconds, or an HTTP date. An absurd one counts as none.
        now: in UTC, for tests.
    """
    if value is None or len(value) > LONGEST_HEADER:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
            # An HTTP date is in GMT; one that says -0000 comes back without a zone.
            moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
            seconds = (moment - (now or datetime.now(UTC))).total_seconds()
        # What the parser raises depends on what is absurd: the year, the zone, the number of parts.
        except (ValueError, OverflowError, TypeError, IndexError, AttributeError):
            return None
    return max(0.0, seconds) if isfinite(seconds) else None


class Budget:
    """What may be spent on an endpoint, over the life of an instrument; None is no limit.

    Args:
        requests: HTTP requests, repeated ones included.
        tokens: prompt and reply tokens as the endpoint counts them. Requests under way together are
            counted when they end, so at most one round of them goes beyond it.
        retries: repeated requests, over all conversations.
    """

    def __init__(
        self, requests: int | None = None, tokens: int | None = None, retries: int | None = None
    ) -> None:
        self.limits = {"requests": requests, "tokens": tokens, "retries": retries}
        self.spent = {"requests": 0, "tokens": 0, "retries": 0}

    def claim(self, again: bool) -> str | None:
        """Counts one request and returns None; or counts nothing and returns the limit that forbids it."""
        for what in ("requests", "tokens", *(("retries",) if again else ())):
            limit = self.limits[what]
            if limit is not None and self.spent[what] >= limit:
                return f"the budget of {limit} {what} is spent"
        self.spent["requests"] += 1
        self.spent["retries"] += int(again)
        return None

    def charge(self, tokens: int) -> None:
        """Adds the tokens of an answer."""
        self.spent["tokens"] += tokens
