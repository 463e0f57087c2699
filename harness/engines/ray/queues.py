"""What waits for workers, and what each of them has in hand."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from selfreward_eval.harness.engines.ray.contract import Role
from selfreward_eval.harness.runs.engine import Assignment
from selfreward_eval.harness.runs.plan import Planned
from selfreward_eval.harness.task import Responds

__all__ = ["Queue", "Slot", "Work", "roles_of"]


@dataclass(frozen=True)
class Work:
    """Samples of one task that go together."""

    task: str
    batch: Sequence[Planned]
    made: Any = None
    alone: bool = False


@dataclass
class Slot:
    """A place for a worker, and the one that has it now."""

    role: Role
    name: str
    label: str = ""
    worker: Any = None
    reply: Any = None
    work: Work | None = None
    ready: bool = False
    shared: bool = False
    starts: int = 0
    deaths: int = 0  # In a row.
    since: float = 0.0

    @property
    def idle(self) -> bool:
        return self.ready and self.work is None


@dataclass
class Queue:
    """Batches, and after them samples that were in hand when a worker died."""

    batches: deque[Work] = field(default_factory=deque)
    late: deque[Work] = field(default_factory=deque)

    def __len__(self) -> int:
        return len(self.batches) + len(self.late)


def roles_of(assignment: Assignment) -> set[Role]:
    """Which workers the run needs."""
    if assignment.phase == "measure":
        return {"measure"}
    apart = assignment.phase == "all" and any(not isinstance(task, Responds) for task in assignment.tasks)
    return {"model", "measure"} if apart else {"model"}
