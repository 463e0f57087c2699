"""Which worker gets which samples, and what follows when one dies. It knows nothing of Ray.

Two queues: samples for the model, and samples that it made, for the instruments. Whoever is idle takes the
next batch of its queue, so that no worker waits for another one. When nothing is left for the model, its
workers end, and others measure in their place.

A worker that dies is started again. What it had in hand is tried again after all others, each sample alone;
the second death of a sample is its status (:mod:`selfreward_eval.harness.runs.journal`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from selfreward_eval.harness.engines.ray.contract import Cluster, Role, WorkerDied
from selfreward_eval.harness.engines.ray.crew import CLOSING, Crew
from selfreward_eval.harness.engines.ray.messages import only
from selfreward_eval.harness.engines.ray.queues import Queue, Slot, Work, message
from selfreward_eval.harness.engines.ray.recording import Recorder
from selfreward_eval.harness.files import atomic_write_bytes
from selfreward_eval.harness.runs import parts
from selfreward_eval.harness.runs.engine import Assignment
from selfreward_eval.harness.runs.journal import DEATHS, deaths, excuse
from selfreward_eval.harness.runs.plan import Planned

__all__ = ["Schedule"]

WORTH = 8
"""Batches to measure per worker from which on the places of ended models get workers that measure."""


class Schedule:
    """The work of an engine on one assignment.

    Args:
        assignment: what to do.
        cluster: where.
        sizes: role -> number of workers.
        token: part of the workers' labels; no earlier sitting had it.
        restarts: so often in a row a worker is started again without having finished a batch in between.
        tell: gets a line that the user should see.
        in_turn: whether there is room for those that measure only after the others have ended.
    """

    def __init__(
        self,
        assignment: Assignment,
        cluster: Cluster,
        sizes: dict[Role, int],
        token: str,
        restarts: int,
        tell: Callable[[str], None],
        *,
        in_turn: bool = False,
    ) -> None:
        self._of, self._cluster = assignment, cluster
        self._tasks = {task.info.name: task for task in assignment.tasks}
        self._queues: dict[Role, Queue] = {"model": Queue(), "measure": Queue()}
        self._crew = Crew(cluster, sizes, token, restarts, tell)
        self._in_turn = in_turn and "model" in sizes
        self._deaths: Counter[tuple[str, int]] = Counter()
        self._recorder = Recorder(assignment)
        self._drawn = 0

    @property
    def restarted(self) -> int:
        """How often a worker died and was started again."""
        return self._crew.killed

    def run(self) -> int:
        """Does it; the number of samples that the model made.

        Raises:
            BrokenPlugin: a plug-in failed on all of the first samples, or no worker stays alive.
            Exception: what stopped a worker.
        """
        self._fill()
        try:
            for slot in self._crew.slots if self._left() else ():
                if slot.role == "model" or not self._in_turn:
                    self._crew.start(slot)
            while self._left():
                self._give_out()
                for slot in self._crew.replied():
                    self._take(slot)
                self._crew.notice()
            self._recorder.conclude()
        finally:
            self._end()
        return self._drawn

    def _fill(self) -> None:
        """All samples in the plan's order; those that died too often before are recorded at once."""
        journal, size = self._of.folder.journal, self._of.batch_size
        assert journal is not None
        role: Role = "measure" if self._of.phase == "measure" else "model"
        first = self._queues[role]
        for name, to_do in self._of.to_do.items():
            fine: list[Planned] = []
            for planned in to_do:
                before = max(0, journal.deaths.get((name, planned.doc_id), 0))
                self._deaths[name, planned.doc_id] = before
                if before >= DEATHS:
                    self._recorder.give_up(name, planned)
                elif before:
                    first.late.append(Work(name, [planned], alone=True))
                else:
                    fine.append(planned)
            first.batches.extend(
                Work(name, fine[start : start + size]) for start in range(0, len(fine), size)
            )

    def _left(self) -> bool:
        return any(self._queues.values()) or any(slot.work is not None for slot in self._crew.slots)

    def _for_the_model(self) -> bool:
        """Whether the model has anything to do, or may get it."""
        busy = any(slot.role == "model" and slot.work is not None for slot in self._crew.slots)
        return busy or bool(self._queues["model"])

    def _give_out(self) -> None:
        """The next batch for everybody who is idle."""
        if not self._for_the_model():
            self._end_models()
        for slot in self._crew.slots:
            if slot.idle and (work := self._next(slot.role)) is not None:
                slot.work = work
                proven = self._recorder.proven[work.task]
                slot.reply = self._cluster.work(slot.worker, message(self._of, slot, work, proven))

    def _next(self, role: Role) -> Work | None:
        queue = self._queues[role]
        if queue.batches:
            return queue.batches.popleft()
        # After all others: what is measured may still be to come.
        if queue.late and (role == "model" or not self._for_the_model()):
            return queue.late.popleft()
        return None

    def _take(self, slot: Slot) -> None:
        """What a worker replied."""
        reference, slot.reply = slot.reply, None
        try:
            reply = self._cluster.result(reference)
        except WorkerDied as death:
            self._bury(slot, str(death))
            return
        if reply.error is not None:
            raise reply.error
        if reply.opened is not None:
            slot.ready, slot.shared = True, reply.opened.shared
            if not slot.shared:  # Its own journal is not seen by who finishes the run.
                self._recorder.note(reply.opened.sitting)
            return
        work, slot.work, slot.deaths = slot.work, None, 0
        assert work is not None
        for name, content in reply.pictures.items():
            path = self._of.folder.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write_bytes(path, content, durable=False)
        if reply.made is not None:
            made = replace(work, made=reply.made)
            queue = self._queues["measure"]
            (queue.late if work.alone else queue.batches).append(made)
            return
        self._drawn += reply.drawn
        if reply.records:
            self._recorder.take(work.task, reply.records)
        self._of.progress.advance(work.task, len(work.batch))

    def _bury(self, slot: Slot, reason: str) -> None:
        """A worker died: what it did not record is tried again, and another one takes its place."""
        work, slot.work = slot.work, None
        self._crew.bury(slot)
        if work is not None:
            self._try_again(slot, work)
        self._crew.replace(slot, reason, self._left)

    def _try_again(self, slot: Slot, work: Work) -> None:
        """What a worker that died had been given: its part and its journal, no older than itself, say how
        far it came."""
        recorded, held = set(), {(work.task, planned.doc_id) for planned in work.batch}
        if slot.shared:
            folder = self._of.folder
            path = parts.part_path(folder.samples_path(work.task), slot.label)
            recorded = {one.doc_id for one in parts.read_records(path)[0]} if path.exists() else set()
            journals = parts.journal_paths(folder.path, folder.manifest.created)
            held = set(deaths({slot.label: journals[slot.label]}, ())) if slot.label in journals else set()
        queue = self._queues[slot.role]
        for position, planned in enumerate(work.batch):
            made = None if work.made is None else only(work.made, position)
            again = Work(work.task, [planned], made, alone=True)
            key = (work.task, planned.doc_id)
            if planned.doc_id in recorded:
                self._of.progress.advance(work.task, 1)
                self._drawn += 1
            elif key not in held:  # It died of something else before it began.
                (queue.late if work.alone else queue.batches).appendleft(again)
            elif self._deaths[key] + 1 >= DEATHS:
                self._recorder.give_up(work.task, planned)
                slot.deaths = 0  # It was the sample's fault.
            else:
                self._deaths[key] += 1
                queue.late.append(again)

    def _end_models(self) -> None:
        """Nothing is left for the model: its workers end, and others measure in their place."""
        ended = [slot for slot in self._crew.slots if slot.role == "model"]
        if not ended:
            return
        self._crew.slots = [slot for slot in self._crew.slots if slot.role != "model"]
        self._crew.close(ended)
        more = min(len(ended), len(self._queues["measure"]) // WORTH - len(self._crew.slots))
        self._crew.slots += [self._crew.slot("measure") for _ in range(0 if self._in_turn else more)]
        for slot in self._crew.slots:
            if slot.worker is None:
                self._crew.start(slot)

    def _end(self) -> None:
        """Ends all workers. What one has in hand is no death: it is ended on purpose."""
        slots = [slot for slot in self._crew.slots if slot.worker is not None]
        self._crew.slots = []
        self._crew.close(slots)
        folder = self._of.folder
        end = time.monotonic() + CLOSING
        for label in self._crew.used:
            while parts.is_written(folder.path, label) and time.monotonic() < end:
                time.sleep(0.02)
        journals = parts.journal_paths(folder.path, folder.manifest.created)
        for slot in slots:
            if slot.work is not None and slot.label in journals:
                excuse(journals[slot.label])
