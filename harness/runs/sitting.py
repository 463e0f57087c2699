"""What one process does on a task: takes samples in batches, makes them, and records what came of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from selfreward_eval.harness.models.base import Model
from selfreward_eval.harness.plugins import not_exiting
from selfreward_eval.harness.records import Measurement, Sample, SampleRecord, Status
from selfreward_eval.harness.runs.answering import answer_batch
from selfreward_eval.harness.runs.contract import named
from selfreward_eval.harness.runs.drawing import Phase, Unmeasured, draw_batch
from selfreward_eval.harness.runs.giving_up import GIVE_UP, broken, has_number, tried_in_vain
from selfreward_eval.harness.runs.journal import DEATHS
from selfreward_eval.harness.runs.measuring import Raised
from selfreward_eval.harness.runs.plan import Planned
from selfreward_eval.harness.runs.responding import respond_batch
from selfreward_eval.harness.runs.store import RunFolder, sample_from_picture
from selfreward_eval.harness.task import Responds, Task

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
        make_batch = _batch_maker(task, self.phase)
        proven = has_number(records)
        pending: list[tuple[SampleRecord, bool]] = []
        drawn = 0
        for batch in self._batches(task, to_do, records):
            with journal.holding(name, batch) if journal else nullcontext():
                with not_exiting(f"the model or {named(task)}"):
                    pending += make_batch(self.model, task, self.folder, batch)
                self.progress.advance(name, len(batch))
                # Failures are recorded after the first number, so that a broken plug-in leaves none behind.
                failed = 0 if proven else tried_in_vain([record for record, _ in pending])
                # That all of a shard's few samples failed says little about the others'.
                if failed >= GIVE_UP or (failed and journal is None and batch[-1] is to_do[-1]):
                    raise broken(task, [record for record, _ in pending])
                if failed:
                    continue
                drawn += self._record(name, pending, records)
                proven = proven or any(record.measurement.ok for record, _ in pending)
                pending = []
        return drawn + self._record(name, pending, records)

    def _record(
        self, task: str, made: Sequence[tuple[SampleRecord, bool]], records: dict[int, SampleRecord]
    ) -> int:
        """Records what was made; the number of pictures and texts that are new."""
        for record, _ in made:
            if not isinstance(record.measurement, Unmeasured):
                plain = _plain(record)
                self.folder.append(task, plain)
                records[record.doc_id] = plain
        new = [record.sample for record, fresh in made if fresh]
        return sum((sample.image or sample.text) is not None for sample in new)

    def _batches(
        self, task: Task, to_do: Sequence[Planned], records: dict[int, SampleRecord]
    ) -> Iterator[Sequence[Planned]]:
        """Batches in the plan's order; samples that died once follow, each alone.

        Those that died too often are recorded at once.
        """
        name, journal = task.info.name, self.folder.journal
        died = {p.doc_id: journal.deaths.get((name, p.doc_id), 0) for p in to_do} if journal else {}
        fine = [planned for planned in to_do if died.get(planned.doc_id, 0) <= 0]
        for start in range(0, len(fine), self.batch_size):
            yield fine[start : start + self.batch_size]
        for planned in to_do:
            if 0 < died.get(planned.doc_id, 0) < DEATHS:
                yield [planned]
        for planned in to_do:
            if journal and died[planned.doc_id] >= DEATHS:
                record = self._fatal(task, planned)
                self.folder.append(name, record)
                records[planned.doc_id] = record
                journal.gave_up(name, planned.doc_id)
                self.progress.advance(name, 1)

    def _fatal(self, task: Task, planned: Planned) -> SampleRecord:
        """The record of a sample that is not tried again."""
        path = self.folder.picture_path(task.info.name, planned.item.id, planned.index, planned.seed)
        picture = self.folder.read_picture(path)
        sample = Sample(planned.item.id, planned.index, planned.seed)
        status, doing = Status.GENERATION_ERROR, "made"
        if picture is not None and task.info.capability == "generate":
            sample = sample_from_picture(planned.item.id, planned.index, planned.seed, path, picture[1])
            status, doing = Status.MEASUREMENT_ERROR, "measured"
        reason = (
            "process died twice: it ended without an error, such as by the kernel for lack of memory, while "
            f"this sample was being {doing}, the second time alone; --retry-failed tries it again"
        )
        failed = Measurement(status, reason=reason)
        return SampleRecord(planned.doc_id, planned.item, sample, failed, {"gen_s": 0.0, "score_s": 0.0})


def _batch_maker(task: Task, phase: Phase) -> Callable[..., list[tuple[SampleRecord, bool]]]:
    """What makes a batch of samples: the task itself where it asks in its own way, else by its capability."""
    if isinstance(task, Responds):
        return respond_batch
    return answer_batch if task.info.capability == "answer" else partial(draw_batch, phase=phase)


def _plain(record: SampleRecord) -> SampleRecord:
    """The record as a file gives it back: without the traceback of what was raised over it."""
    measurement = record.measurement
    return replace(record, measurement=measurement.plain()) if isinstance(measurement, Raised) else record
