"""What diffusers and transformers only warn about while they load, as errors of ours.

Both go on with random numbers where a weight is missing, and drop what has no place, and say so in their log.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

LOGGERS = ("diffusers", "transformers")

_MISSING = (
    re.compile(r"were not initialized from the model checkpoint.*?newly initialized: (.{1,200})", re.DOTALL),
    re.compile(r"^(\S+) +\| +(?:MISSING|MISMATCH)", re.MULTILINE),
    re.compile(r"were not used when initializing.*?(\[.{1,200})", re.DOTALL),
    re.compile(r"(?:unexpected|missing) keys[^:]*: (.{1,200})", re.DOTALL),
)
"""Of their messages, each with what is missing or has no place. Tests hold them to the pinned versions."""


class _Listener(logging.Handler):
    """Keeps messages and prints none."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def heard() -> Iterator[list[str]]:
    """Yields a list that fills with the libraries' warnings; none of them is printed meanwhile."""
    listener = _Listener()
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger.level, logger.propagate, logger.handlers[:]) for logger in loggers]
    for logger in loggers:
        logger.handlers, logger.propagate = [listener], False
        logger.setLevel(logging.WARNING)
    try:
        yield listener.messages
    finally:
        for logger, (level, propagate, handlers) in zip(loggers, before, strict=True):
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)


def left_out(messages: list[str]) -> str | None:
    """The first weight that is missing or has no place, on one line; None if all is loaded."""
    for message in messages:
        for pattern in _MISSING:
            if (found := pattern.search(message)) is not None:
                return " ".join(found[1].split())
    return None
