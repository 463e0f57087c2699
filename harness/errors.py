"""Every error a user can cause, as one small tree.

::

    SelfRewardError              exit code
    +-- UsageError               2   the command line asks for something impossible
    |   +-- UnknownName          2   a task, model, instrument ... that is not registered
    |   +-- MissingCapability    2   a model that cannot do what the task needs
    |   +-- NotComparable        2   two runs that must not be compared
    +-- InputError               4   a file or folder that is missing, damaged or not what it claims
    |   +-- MissingData          4   official data that is not on this machine
    |   +-- RunFolderError       4   a run folder of another identity, or one that cannot be written
    |   |   +-- FolderBusy       4   another process is writing the folder
    |   +-- CheckpointError      4   a model that does not load
    +-- MissingExtra             2   an optional dependency that is not installed
    +-- TrainingStopped          5   training that cannot go on: nothing to learn from, or NaN or infinity
    +-- BrokenPlugin             6   a plug-in that fails by itself: on import, when made or when called

A message names the thing at fault and the way out, on one line. The command
line prints it without a traceback and exits with ``exit_code``. For a wrong
name :func:`did_you_mean` is the way out.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BrokenPlugin",
    "CheckpointError",
    "FolderBusy",
    "InputError",
    "MissingCapability",
    "MissingData",
    "MissingExtra",
    "NotComparable",
    "RunFolderError",
    "SelfRewardError",
    "TrainingStopped",
    "UnknownName",
    "UsageError",
    "did_you_mean",
]


_NEAR = 0.5
"""Similarity from which on a name is offered for another one: :mod:`difflib`'s ratio, in [0, 1]."""


class SelfRewardError(Exception):
    """Base of every error raised on purpose for a user to read."""

    exit_code = 2


class UsageError(SelfRewardError):
    """The request cannot be met as it was put."""

    exit_code = 2


class UnknownName(UsageError):
    """A name that no registry knows."""


class MissingCapability(UsageError):
    """A model adapter lacks a capability that the task or command needs."""


class NotComparable(UsageError):
    """Two runs differ in more than the model."""


class MissingExtra(UsageError):
    """An optional package is needed and not installed."""


class InputError(SelfRewardError):
    """A file, folder or record is missing, damaged or of another kind."""

    exit_code = 4


class MissingData(InputError):
    """Official benchmark data is neither cached nor under ``SELFREWARD_DATA``."""


class RunFolderError(InputError):
    """A run folder belongs to another run or cannot be written."""


class FolderBusy(RunFolderError):
    """Another process is writing the folder."""


class CheckpointError(InputError):
    """A checkpoint is missing, damaged or of another architecture."""


class TrainingStopped(SelfRewardError):
    """Training stopped itself: a number became infinite or NaN, or a round gave nothing to learn from."""

    exit_code = 5


class BrokenPlugin(SelfRewardError):
    """A task, model, rewarder, trainer or instrument failed by itself: the user asked for nothing wrong.

    Its module is missing or raised on import, its constructor or a method raised an error that it does not
    document, or what it returned breaks its contract. An exception that nobody expected ends a command with
    the same exit code, so that a crash is never taken for a verdict.

    Attributes:
        trace: the traceback of the first error, as text; None where the cause of this one holds it.
    """

    exit_code = 6

    def __init__(self, message: str, trace: str | None = None) -> None:
        super().__init__(message)
        self.trace = trace


def did_you_mean(name: str, known: Iterable[str], otherwise: str | None = None, *, most: int = 1) -> str:
    """The end of a message about a wrong name: the nearest known ones, or all of them.

    Args:
        name: what was asked for.
        known: what there is.
        otherwise: said where nothing is near, in place of the list.
        most: at most so many are offered.

    >>> did_you_mean("genevl", ["geneval", "wise"])
    'did you mean geneval?'
    >>> did_you_mean("x", ["geneval", "wise"])
    'known: geneval, wise'
    """
    names = list(known)
    close = difflib.get_close_matches(name, names, n=most, cutoff=_NEAR)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"known: {', '.join(names) or 'none'}" if otherwise is None else otherwise
