"""What the scheduling process records itself: what workers cannot, or may not yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from selfreward_eval.harness.runs.aside import Made
from selfreward_eval.harness.runs.engine import Assignment
from selfreward_eval.harness.runs.giving_up import GIVE_UP, broken, has_number, tried_in_vain
from selfreward_eval.harness.runs.plan import Planned
from selfreward_eval.harness.runs.stages import died, plain

__all__ = ["Recorder"]


class Recorder:
    """Writes the part of the scheduling process.

    Args:
        assignment: what is done.

    Attributes:
        proven: task -> whether a sample of it has a number. From then on workers record by themselves.
    """

    def __init__(self, assignment: Assignment) -> None:
        self._of = assignment
        self._tasks = {task.info.name: task for task in assignment.tasks}
        self._pending: dict[str, list[Made]] = {name: [] for name in self._tasks}
        self.proven = {name: has_number(records) for name, records in assignment.records.items()}

    def take(self, name: str, made: Sequence[Made]) -> None:
        """Records what was measured; failures only after the first number, as in one process.

        Raises:
            BrokenPlugin: the model or the task failed on all of the first samples.
        """
        pending = self._pending[name]
        pending += made
        records = [record for record, _ in pending]
        if not self.proven[name]:
            failed = tried_in_vain(records)
            if failed >= GIVE_UP:
                raise broken(self._tasks[name], records)
            if failed:
                return
            self.proven[name] = any(record.measurement.ok for record in records)
        self._write(name)

    def conclude(self) -> None:
        """Records what is left; a plug-in that failed on every sample there was is broken.

        Raises:
            BrokenPlugin: it is.
        """
        for name, pending in self._pending.items():
            records = [record for record, _ in pending]
            if records and not self.proven[name] and tried_in_vain(records):
                raise broken(self._tasks[name], records)
            self._write(name)

    def note(self, sitting: Mapping[str, Any]) -> None:
        """Notes how a worker was started that keeps its journal elsewhere."""
        assert self._of.folder.journal is not None
        self._of.folder.journal.note(sitting=dict(sitting))

    def give_up(self, name: str, planned: Planned) -> None:
        """Records a sample that was in hand too often when a worker died."""
        folder = self._of.folder
        assert folder.journal is not None
        folder.append(name, died(folder, self._tasks[name], planned))
        folder.journal.gave_up(name, planned.doc_id)
        self._of.progress.advance(name, 1)

    def _write(self, name: str) -> None:
        for record, _ in self._pending[name]:
            self._of.folder.append(name, plain(record))
        self._pending[name].clear()
