"""Measures batches in a thread of its own while the model goes on, where that means to wait for a server.

Batches are measured one after another, and their records come back in order, so that the files of a run do
not depend on it. Instruments of this machine are not used aside: they would compete with the model for the
chip, and what captures CUDA graphs must be alone on it.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Self

from selfreward_eval.harness.plugins import calling
from selfreward_eval.harness.records import SampleRecord
from selfreward_eval.harness.runs.contract import named
from selfreward_eval.harness.runs.plan import Planned
from selfreward_eval.harness.task import Task

__all__ = ["AHEAD", "Aside", "Made", "asks_a_server"]

AHEAD = 4
"""So many batches, with their pictures in memory, may wait to be measured before the model waits, too."""

Made = tuple[SampleRecord, bool]
"""A record, and whether the model made its sample just now."""

_Work = tuple[Callable[[], list[Made]], "Future[list[Made]]"]


def asks_a_server(task: Task) -> bool:
    """Whether an instrument of ``task`` is asked over a network: its identity names an ``endpoint``."""
    with calling(named(task), "instruments()"):
        return _names_endpoint(dict(task.instruments()))


def _names_endpoint(value: Any) -> bool:
    if isinstance(value, Mapping):
        return bool(value.get("endpoint")) or any(map(_names_endpoint, value.values()))
    return isinstance(value, list | tuple) and any(map(_names_endpoint, value))


class Aside:
    """A queue of batches to measure, and the thread that measures them, which starts with the first one.

    The thread ends with the process, however long a server lets it wait.

    Args:
        ahead: so many batches may wait before :meth:`ready` does.
    """

    def __init__(self, ahead: int) -> None:
        self._ahead = ahead
        self._waiting: deque[tuple[Sequence[Planned], Future[list[Made]]]] = deque()
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def held(self) -> list[int]:
        """The ``doc_id`` of every sample whose record has not been taken."""
        return [planned.doc_id for batch, _ in self._waiting for planned in batch]

    def add(self, batch: Sequence[Planned], measure: Callable[[], list[Made]]) -> None:
        """Puts a batch into the queue."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="measuring", daemon=True)
            self._thread.start()
        future: Future[list[Made]] = Future()
        self._waiting.append((batch, future))
        self._queue.put((measure, future))

    def ready(self) -> Iterator[list[Made]]:
        """The records of batches that are measured, in order; waits while too many are not.

        Raises:
            BaseException: whatever measuring one of them raised.
        """
        while self._waiting and (len(self._waiting) > self._ahead or self._waiting[0][1].done()):
            records = self._waiting[0][1].result()
            self._waiting.popleft()
            yield records

    def rest(self) -> Iterator[list[Made]]:
        """The records of all other batches, in order; waits for them.

        Raises:
            BaseException: whatever measuring one of them raised.
        """
        while self._waiting:
            records = self._waiting[0][1].result()
            self._waiting.popleft()
            yield records

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for _, future in self._waiting:
            future.cancel()
        self._queue.put(None)

    def _work(self) -> None:
        while (work := self._queue.get()) is not None:
            measure, future = work
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(measure())
            except BaseException as error:
                future.set_exception(error)
