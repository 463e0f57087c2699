"""Calls into plug-ins: what a task, model or rewarder raises becomes one error that names it.

>>> with calling("the task 'toy'", "items()"):
...     raise KeyError("word")
Traceback (most recent call last):
    ...
selfreward_eval.harness.errors.BrokenPlugin: the task 'toy' failed in items(): KeyError: 'word' at ...
"""

from __future__ import annotations

import errno
import json
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from selfreward_eval.harness.errors import BrokenPlugin, SelfRewardError

__all__ = [
    "DEBUG",
    "calling",
    "is_of_the_machine",
    "not_exiting",
    "one_line",
    "place_of",
    "require_text",
    "with_place",
]

DEBUG = "`selfreward-eval --debug ...` shows the traceback"
"""The way to more about an error of a plug-in, for messages."""

LONGEST = 500
"""Characters of an error's own message that a message of ours quotes."""

_OF_THE_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE}


@contextmanager
def calling(what: str, doing: str) -> Iterator[None]:
    """Errors inside are those of ``what``.

    Args:
        what: the plug-in, such as ``the task 'geneval'``.
        doing: what is called, such as ``items()``.

    Raises:
        BrokenPlugin: anything was raised but a SelfRewardError, an interruption or a full disk;
            ``sys.exit`` is an error here too: its code would be taken for a verdict.
    """
    try:
        yield
    except SelfRewardError:
        raise
    except (Exception, SystemExit) as error:
        if is_of_the_machine(error):
            raise
        raise BrokenPlugin(
            f"{what} failed in {doing}: {with_place(error)}; mend it, or leave it out"
        ) from error


@contextmanager
def not_exiting(what: str) -> Iterator[None]:
    """A ``sys.exit`` inside is an error of ``what``: its code would be taken for a command's own.

    Raises:
        BrokenPlugin: SystemExit was raised.
    """
    try:
        yield
    except SystemExit as stop:
        raise BrokenPlugin(f"{what} called sys.exit({stop.code!r}){place_of(stop)}; mend it") from stop


def is_of_the_machine(error: BaseException) -> bool:
    """Whether an error is the machine's, whoever was writing: the disk is full, too many files are open."""
    return isinstance(error, OSError) and error.errno in _OF_THE_MACHINE


def with_place(error: BaseException) -> str:
    """Type, message and place in the source of an error, on one line."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg} at {error.filename}:{error.lineno}"
    return f"{one_line(error)}{place_of(error)}"


def place_of(error: BaseException) -> str:
    """`` at file:line`` of the code that raised ``error``; empty where it was never raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def one_line(error: BaseException) -> str:
    """Type and message of an error, on one line that any file can hold.

    >>> one_line(ValueError("two\\nlines"))
    'ValueError: two lines'
    """
    try:
        message = " ".join(str(error).split())
    except Exception:  # A plug-in's own __str__.
        message = "(its message cannot be read)"
    if len(message) > LONGEST:
        message = message[: LONGEST - 1] + "…"
    # Half a surrogate pair is no text that can be written.
    message = message.encode("utf-8", "backslashreplace").decode("utf-8")
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def require_text(what: str, value: Any, error: Callable[[str], Exception]) -> None:
    """Returns if ``value`` can be written into a file as JSON: no NaN, no half surrogate pair, no objects."""
    try:
        _JSON.encode(value).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as reason:
        raise error(f"{what} cannot be written as JSON ({one_line(reason)})") from reason
