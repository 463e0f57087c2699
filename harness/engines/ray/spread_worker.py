"""What runs inside an actor that does other work than a run's: see ``spread``."""

from __future__ import annotations

import os
import pickle
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from selfreward_eval.harness.engines.ray.messages import Opened, Reply, replied
from selfreward_eval.harness.plugins import not_exiting

__all__ = ["Doer", "SpreadSetup", "SpreadWorker"]


class Doer(Protocol):
    """Does units of work, inside a worker."""

    def sees(self) -> bool:
        """Whether the files of the process that asks are here, too."""
        ...

    def take(self, shared: bytes) -> None:
        """What all workers are given before the units that follow."""
        ...

    def do(self, message: Any) -> Any:
        """The result of a unit; both can be sent."""
        ...


@dataclass(frozen=True)
class SpreadSetup:
    """How a worker gets to work.

    Attributes:
        make: makes what does the units.
        directory: where relative paths begin.
        what: is made, for messages.
    """

    make: Callable[[], Doer]
    directory: Path
    what: str


class SpreadWorker:
    """One worker; an actor calls its methods one after another. Errors are part of replies.

    Args:
        setup: how it gets to work; pickled where it came from another process.
        label: nobody else has it.
        draws: not used; workers of runs have it.
    """

    def __init__(self, setup: bytes | SpreadSetup, label: str, draws: bool) -> None:
        self._given, self.label = setup, label
        self._doer: Any = None

    def open(self) -> Reply:
        """Makes what does the units."""
        return replied(self._open)

    def _open(self) -> Reply:
        setup: SpreadSetup = pickle.loads(self._given) if isinstance(self._given, bytes) else self._given
        if setup.directory.is_dir():
            os.chdir(setup.directory)
        self._what = setup.what
        with not_exiting(self._what):
            self._doer = setup.make()
        return Reply(opened=Opened(socket.gethostname(), os.getpid(), self._doer.sees(), {}))

    def take(self, shared: bytes) -> Reply:
        """Gets what all workers are given."""

        def taken() -> Reply:
            self._doer.take(shared)
            return Reply()

        return replied(taken)

    def work(self, message: Any) -> Reply:
        """Does a unit."""

        def done() -> Reply:
            with not_exiting(self._what):
                return Reply(result=self._doer.do(message))

        return replied(done)

    def close(self) -> Reply:
        """Nothing has to be given up."""
        return Reply()
