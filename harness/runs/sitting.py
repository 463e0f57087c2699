"""What one process does on a task: takes samples in batches, makes them, and records what came of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from selfreward_eval.harness.models.base import Model
from selfreward_eval.harness.plugins import not_exiting
from selfreward_eval.harness.records import SampleRecord
from selfreward_eval.harness.runs.aside import AHEAD, Aside, Made
from selfreward_eval.harness.runs.contract import named
from selfreward_eval.harness.runs.drawing import Phase, Unmeasured
from selfreward_eval.harness.runs.giving_up import GIVE_UP, broken, has_number, tried_in_vain
from selfreward_eval.harness.runs.journal import DEATHS
from selfreward_eval.harness.runs.plan import Planned
from selfreward_eval.harness.runs.stages import died, plain, stages_of
from selfreward_eval.harness.runs.store import RunFolder
from selfreward_eval.harness.task import Task

__all__ = ["Progress", "Sitting"]


class Progress(Protocol):
    """Receives the runner's progress; a progress bar implements it."""

    def start(self, task: str, total: int, done: int) -> None: ...

    def advance(self, task: str, count: int) -> None: ...


@dataclass(frozen=True)
class Sitting:
    """One process at work on a run.

    Attributes:
        model: draws or answers.
        folder: records; with a journal where it is one part of several.
        batch_size: samples made together.
        phase: what of the work on a sample is done.
        progress: informed of every finished batch.
    """

    model: Model
    folder: RunFolder
    batch_size: int
    phase: Phase
    progress: Progress

    def work(self, task: Task, to_do: Sequence[Planned], records: dict[int, SampleRecord]) -> int:
        """Makes and records samples.

        Args:
            task: theirs.
            to_do: what to make.
            records: by ``doc_id``, of the whole task; what is recorded is added.

        Returns:
            The number of samples that the model drew or answered.

        Raises:
            BrokenPlugin: see :mod:`selfreward_eval.harness.runs.giving_up`.
        """
        name, journal = task.info.name, self.folder.journal
        stages = stages_of(task, self.phase)
        unquitting = partial(not_exiting, f"the model or {named(task)}")
        proven = has_number(records)
        pending: list[Made] = []
        drawn = 0
        with journal.ending() if journal else nullcontext(), Aside(AHEAD) as aside:
            for batch, alone in self._batches(task, to_do, records):
                if alone:
                    with unquitting():
                        measured = list(aside.rest())
                    drawn += self._record_aside(name, measured, records)
                if journal:
                    journal.hold(name, [*aside.held(), *(planned.doc_id for planned in batch)])
                with unquitting():
                    made = stages.make(self.model, task, self.folder, batch)
                if proven and stages.apart and not alone:
                    aside.add(batch, partial(stages.measure, task, made))
                    with unquitting():
                        measured = list(aside.ready())
                    drawn += self._record_aside(name, measured, records)
                    continue
                # What tells whether a plug-in is broken is measured before the model goes on.
                with unquitting():
                    pending += stages.measure(task, made)
                self.progress.advance(name, len(batch))
                # Failures are recorded after the first number, so that a broken plug-in leaves none behind.
                failed = 0 if proven else tried_in_vain([record for record, _ in pending])
                # That all of a shard's few samples failed says little about the others'.
                if failed >= GIVE_UP or (failed and journal is None and batch[-1] is to_do[-1]):
                    raise broken(task, [record for record, _ in pending])
                if not failed:
                    proven = proven or any(record.measurement.ok for record, _ in pending)
                    drawn += self._record(name, pending, records)
                    pending = []
                if journal:
                    journal.done()
            with unquitting():
                measured = list(aside.rest())
            drawn += self._record_aside(name, measured, records)
            drawn += self._record(name, pending, records)
        return drawn

    def _record_aside(
        self, task: str, batches: Sequence[Sequence[Made]], records: dict[int, SampleRecord]
    ) -> int:
        """Records batches that were measured aside, which are finished only now."""
        for made in batches:
            self.progress.advance(task, len(made))
        return sum(self._record(task, made, records) for made in batches)

    def _record(self, task: str, made: Sequence[Made], records: dict[int, SampleRecord]) -> int:
        """Records what was made; the number of pictures and texts that are new."""
        new = 0
        for record, fresh in made:
            new += int(fresh and (record.sample.image or record.sample.text) is not None)
            if not isinstance(record.measurement, Unmeasured):
                kept = plain(record)
                self.folder.append(task, kept)
                records[record.doc_id] = kept
        return new

    def _batches(
        self, task: Task, to_do: Sequence[Planned], records: dict[int, SampleRecord]
    ) -> Iterator[tuple[Sequence[Planned], bool]]:
        """Batches in the plan's order; samples that died once follow, each alone, which the flag says.

        Those that died too often are recorded at once.
        """
        name, journal = task.info.name, self.folder.journal
        deaths = {p.doc_id: journal.deaths.get((name, p.doc_id), 0) for p in to_do} if journal else {}
        fine = [planned for planned in to_do if deaths.get(planned.doc_id, 0) <= 0]
        for start in range(0, len(fine), self.batch_size):
            yield fine[start : start + self.batch_size], False
        for planned in to_do:
            if 0 < deaths.get(planned.doc_id, 0) < DEATHS:
                yield [planned], True
        for planned in to_do:
            if journal and deaths[planned.doc_id] >= DEATHS:
                record = died(self.folder, task, planned)
                self.folder.append(name, record)
                records[planned.doc_id] = record
                journal.gave_up(name, planned.doc_id)
                self.progress.advance(name, 1)
