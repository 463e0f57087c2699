"""Work of other kinds than a run's samples, spread over workers: units in, results out, in any order.

A unit whose worker dies is tried again after all others, in its smallest parts, each alone. A part over which
a worker died twice has no result, and the caller is told. Nothing is remembered from sitting to sitting: the
caller keeps results, and asks for what it does not have.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, Self

from selfreward_eval.harness.engines.ray.contract import Cluster, WorkerDied
from selfreward_eval.harness.engines.ray.crew import Crew
from selfreward_eval.harness.engines.ray.queues import Slot
from selfreward_eval.harness.runs.journal import DEATHS

__all__ = ["Outcome", "Spread", "Unit"]


class Unit(Protocol):
    """What a worker is given at a time."""

    @property
    def key(self) -> Hashable:
        """Different for all units, parts of units included."""
        ...

    def message(self, shared: bool) -> Any:
        """What is sent to a worker that sees this process's files, or does not."""
        ...

    def parts(self) -> Sequence[Self]:
        """Its smallest units; itself, where it cannot be cut."""
        ...


@dataclass(frozen=True)
class Outcome:
    """What a unit came to.

    Attributes:
        unit: the unit, or a part of one.
        result: what the worker returned; None where there is none.
        died: whether workers died over it twice, the second time over it alone.
    """

    unit: Any
    result: Any = None
    died: bool = False


class Spread:
    """Workers for units; see :meth:`selfreward_eval.harness.engines.ray.engine.RayEngine.spread`.

    Args:
        cluster: where the workers live.
        size: how many of them.
        token: part of their labels.
        restarts: so often in a row a worker is started again without having finished a unit in between.
        tell: gets a line that the user should see.
        which: what workers are told apart by, for messages: ``with the rewarder``.
    """

    def __init__(
        self,
        cluster: Cluster,
        size: int,
        token: str,
        restarts: int,
        tell: Callable[[str], None],
        which: str,
    ) -> None:
        self._cluster = cluster
        self._crew = Crew(cluster, {"model": size}, token, restarts, tell, {"model": which})
        self._queue: deque[Any] = deque()
        self._late: deque[Any] = deque()
        self._deaths: Counter[Hashable] = Counter()
        self._shared: Any = None
        self._version = 0

    @property
    def restarted(self) -> int:
        """How often a worker died."""
        return self._crew.killed

    def over(self, units: Sequence[Unit], shared: bytes | None = None) -> Iterator[Outcome]:
        """The outcome of every unit, as they come; a unit whose worker died comes in parts.

        Args:
            units: what is done.
            shared: what every worker is given before its first unit; None for nothing.

        Raises:
            BrokenPlugin: no worker stays alive.
            Exception: what stopped a worker.
        """
        self._queue, self._late, self._deaths = deque(units), deque(), Counter()
        self._shared = None if shared is None else self._cluster.share(shared)
        self._version += 1
        with self._nothing_left_behind():
            for slot in self._crew.slots:
                if slot.worker is not None and slot.reply is None:
                    self._prepare(slot)
            while self._left():
                for slot in self._crew.slots[: len(units)]:  # More would have nothing to do.
                    if slot.worker is None:
                        self._crew.start(slot)
                self._give_out()
                for slot in self._crew.replied():
                    yield from self._take(slot)
                self._crew.notice()
        self._shared = None  # Frees it.

    @contextmanager
    def _nothing_left_behind(self) -> Iterator[None]:
        """Workers that are still busy when the block is left early are ended."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _left(self) -> bool:
        waiting = bool(self._queue or self._late)
        return waiting or any(slot.work is not None for slot in self._crew.slots)

    def _prepare(self, slot: Slot) -> None:
        """A worker that is there gets what all get, unless it has it."""
        slot.ready = self._shared is None or slot.holds == self._version
        if not slot.ready:
            slot.holds = self._version
            slot.reply = self._cluster.take(slot.worker, self._shared)

    def _give_out(self) -> None:
        for slot in self._crew.slots:
            if slot.idle and (self._queue or self._late):
                slot.work = (self._queue or self._late).popleft()
                slot.reply = self._cluster.work(slot.worker, slot.work.message(slot.shared))

    def _take(self, slot: Slot) -> Iterator[Outcome]:
        """What a worker replied."""
        reference, slot.reply = slot.reply, None
        try:
            reply = self._cluster.result(reference)
        except WorkerDied as death:
            yield from self._bury(slot, str(death))
            return
        if reply.error is not None:
            raise reply.error
        if slot.work is None:  # It has started, or has been given something.
            if reply.opened is not None:
                slot.shared = reply.opened.shared
            self._prepare(slot)
            return
        unit, slot.work, slot.deaths = slot.work, None, 0
        yield Outcome(unit, reply.result)

    def _bury(self, slot: Slot, reason: str) -> Iterator[Outcome]:
        unit, slot.work, slot.holds = slot.work, None, 0
        self._crew.bury(slot)
        for part in () if unit is None else unit.parts():
            self._deaths[part.key] += 1
            if self._deaths[part.key] < DEATHS:
                self._late.append(part)
            else:
                slot.deaths = 0  # It was the unit's fault.
                yield Outcome(part, died=True)
        self._crew.replace(slot, reason, self._left)

    def close(self) -> None:
        """Ends all workers; :meth:`over` would start others."""
        slots = [slot for slot in self._crew.slots if slot.worker is not None]
        self._crew.close(slots)
        for slot in slots:
            slot.worker = slot.reply = slot.work = None
            slot.ready, slot.holds = False, 0
