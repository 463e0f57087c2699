"""What the scheduling asks of a cluster, so that it can be tested without one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from selfreward_eval.harness.engines.ray.messages import Reply

__all__ = ["Cluster", "Role", "WorkerDied"]

Role = Literal["model", "measure"]


class WorkerDied(Exception):
    """A worker's process ended; the message says what is known of it."""


class Cluster(Protocol):
    """Where workers live."""

    def start(self, role: Role, label: str) -> Any:
        """A worker with that label, which may have to wait for its place."""
        ...

    def open(self, worker: Any) -> Any:
        """Asks it to get ready; what :meth:`result` takes, which can be hashed."""
        ...

    def work(self, worker: Any, batch: Any) -> Any:
        """Asks it to work on a batch; what :meth:`result` takes."""
        ...

    def share(self, content: bytes) -> Any:
        """Puts ``content`` where all workers reach it, for as long as what this returns is kept."""
        ...

    def take(self, worker: Any, shared: Any) -> Any:
        """Gives a worker what :meth:`share` returned; what :meth:`result` takes."""
        ...

    def close(self, worker: Any) -> Any:
        """Asks it to give up its part; what :meth:`result` takes."""
        ...

    def wait(self, replies: Sequence[Any], seconds: float) -> list[Any]:
        """Those that are there, as soon as one is, at the latest after ``seconds``."""
        ...

    def result(self, reply: Any) -> Reply:
        """A reply that is there.

        Raises:
            WorkerDied: instead of it.
        """
        ...

    def kill(self, worker: Any) -> None:
        """Ends a worker's process, whatever it does."""
        ...
