"""What waits for workers, and what each of them has in hand."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from selfreward_eval.harness.engines.ray.contract import Role
from selfreward_eval.harness.engines.ray.messages import Batch
from selfreward_eval.harness.runs.engine import Assignment
from selfreward_eval.harness.runs.plan import Planned
from selfreward_eval.harness.task import Responds

__all__ = ["Queue", "Slot", "Work", "message", "roles_of"]


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
    work: Any = None
    ready: bool = False
    shared: bool = False
    holds: int = 0  # Number of what all workers were given last.
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


def message(assignment: Assignment, slot: Slot, work: Work, recorded: bool) -> Batch:
    """A batch as its worker gets it, with the pictures that it cannot see.

    Args:
        assignment: what is done.
        slot: of the worker.
        work: for it.
        recorded: whether it may record what it measures.
    """
    folder = assignment.folder
    task = next(task for task in assignment.tasks if task.info.name == work.task)
    pictures: dict[str, bytes] = {}
    # The picture of an answer is a copy of the item's, which whoever answers makes.
    if not slot.shared and (work.made is not None or task.info.capability == "generate"):
        for planned in work.batch:
            path = folder.picture_path(work.task, planned.item.id, planned.index, planned.seed)
            with suppress(FileNotFoundError):
                pictures[path] = (folder.path / path).read_bytes()
    apart = assignment.phase == "all" and not isinstance(task, Responds)
    measured = slot.role == "measure" or not apart
    return Batch(
        work.task, [planned.doc_id for planned in work.batch], work.made, measured, recorded, pictures
    )
