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
    |   +-- CheckpointError      4   a model that does not load
    +-- MissingExtra             2   an optional dependency that is not installed
    +-- TrainingStopped          5   training that cannot go on: nothing to learn from, or no longer finite

A message names the thing at fault and the way out, on one line. The command
line prints it without a traceback and exits with ``exit_code``.
"""

from __future__ import annotations

__all__ = [
    "CheckpointError",
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
]


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


class CheckpointError(InputError):
    """A checkpoint is missing, damaged or of another architecture."""


class TrainingStopped(SelfRewardError):
    """Training stopped itself: its numbers left the finite, or a round gave nothing to learn from."""

    exit_code = 5
