"""The workers of one sitting: they are started, waited for, replaced when they die, and ended.

What they work on is none of its business: see ``scheduling`` for the samples of a run and ``spread`` for
other work.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count

from selfreward_eval.harness.engines.ray.contract import Cluster, Role
from selfreward_eval.harness.engines.ray.queues import Slot
from selfreward_eval.harness.errors import BrokenPlugin

__all__ = ["CLOSING", "Crew"]

CLOSING = 30.0
"""Seconds that a worker may take to give up its part."""

NOTICE = 60.0
"""Seconds without a place for a worker after which that is said."""

_WHICH: Mapping[Role, str] = {"model": "with the model", "measure": "that measures"}


class Crew:
    """Places for workers, and whoever has them.

    Args:
        cluster: where they live.
        sizes: role -> number of workers.
        token: part of their labels; no earlier sitting had it.
        restarts: so often in a row a worker is started again without having finished a batch in between.
        tell: gets a line that the user should see.
        which: role -> what such a worker is told apart by, for messages.

    Attributes:
        slots: the places.
        used: labels of all workers so far.
        killed: how often a worker died.
    """

    def __init__(
        self,
        cluster: Cluster,
        sizes: Mapping[Role, int],
        token: str,
        restarts: int,
        tell: Callable[[str], None],
        which: Mapping[Role, str] = _WHICH,
    ) -> None:
        self._cluster, self._token, self._restarts = cluster, token, restarts
        self._tell, self._which = tell, which
        self._names = count()
        self._told = False
        self.slots = [self.slot(role) for role, size in sizes.items() for _ in range(size)]
        self.used: list[str] = []
        self.killed = 0

    def slot(self, role: Role) -> Slot:
        """A further place, which :attr:`slots` does not have yet."""
        return Slot(role, f"{role}{next(self._names)}")

    def start(self, slot: Slot) -> None:
        """Starts a worker there."""
        slot.starts += 1
        again = f".{slot.starts - 1}" if slot.starts > 1 else ""
        slot.label = f"{self._token}-{slot.name}{again}"
        self.used.append(slot.label)
        slot.worker = self._cluster.start(slot.role, slot.label)
        slot.ready, slot.since = False, time.monotonic()
        slot.reply = self._cluster.open(slot.worker)

    def replied(self, seconds: float = 1.0) -> list[Slot]:
        """Places whose worker replied, or died; waits for the first one."""
        waiting = {slot.reply: slot for slot in self.slots if slot.reply is not None}
        return [waiting[reply] for reply in self._cluster.wait(list(waiting), seconds)]

    def bury(self, slot: Slot) -> None:
        """The worker there died."""
        slot.deaths += 1
        self.killed += 1
        self._cluster.kill(slot.worker)

    def replace(self, slot: Slot, reason: str, left: Callable[[], bool]) -> None:
        """Starts another worker in place of one that died, unless that happens again and again.

        Args:
            slot: the place.
            reason: why the last one died.
            left: whether there is anything left to do.

        Raises:
            BrokenPlugin: no worker of its role is left, and something to do is.
        """
        if slot.deaths <= self._restarts:
            self.start(slot)
            return
        self.slots.remove(slot)
        if not any(other.role == slot.role for other in self.slots) and left():
            raise BrokenPlugin(
                f"every worker {self._which[slot.role]} died {slot.deaths} times in a row without finishing "
                f"a batch; the last one: {reason} Look for the cause (memory, for example) in Ray's logs "
                "there, and run this command again"
            )

    def notice(self) -> None:
        """Says once that the cluster has no place for a worker."""
        late = [s for s in self.slots if s.worker and not s.ready and time.monotonic() - s.since > NOTICE]
        if late and not self._told:
            self._told = True
            self._tell(
                f"{len(late)} of {len(self.slots)} workers have not started for {NOTICE:.0f} s; "
                "`ray status` shows what the cluster is busy with"
            )

    def close(self, slots: Sequence[Slot]) -> None:
        """Ends workers: those that are idle give up their parts themselves."""
        asked = [self._cluster.close(slot.worker) for slot in slots if slot.idle]
        end = time.monotonic() + CLOSING
        while asked and (left := end - time.monotonic()) > 0:
            there = self._cluster.wait(asked, left)
            asked = [reply for reply in asked if reply not in there]
        for slot in slots:
            self._cluster.kill(slot.worker)
