"""A cluster inside one process: workers do what they are asked at once, and die when a sample says so."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.engines.ray import engine as engine_module
from selfreward_eval.harness.engines.ray.contract import Role, WorkerDied
from selfreward_eval.harness.engines.ray.engine import RayEngine
from selfreward_eval.harness.engines.ray.messages import Reply
from selfreward_eval.harness.engines.ray.pools import Pool
from selfreward_eval.harness.engines.ray.worker import Worker
from selfreward_eval.harness.runs.run import Finished, run
from selfreward_eval.harness.testing.dummy_model import DummyModel
from selfreward_eval.tasks.shapes.geneval import ShapesGenEval


class Killed(BaseException):
    """Raised by a model or a task, it ends its worker as SIGKILL does: nothing is noted any more."""


@dataclass(eq=False)
class Answer:
    """A reply, or the death in place of it."""

    reply: Reply | None


@dataclass
class FakeCluster:
    """Implements ``Cluster``.

    Attributes:
        cpus: that it offers.
        gpus: likewise.
        dies: whether a worker with that label dies when it starts.
        apart: whether workers see no run folder.
        started: (role, label) of every worker that was started.
        sent: every batch.
        replies: every reply.
        shared: what all workers were given, each time.
        interrupted: raised by the call of ``wait`` with that number, if it is not 0.
    """

    cpus: float = 2
    gpus: float = 0
    dies: Callable[[str], bool] = lambda label: False
    apart: bool = False
    started: list[tuple[Role, str]] = field(default_factory=list)
    sent: list[Any] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    shared: list[bytes] = field(default_factory=list)
    interrupted: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        self.choose = random.Random(self.seed)
        self.setup: Any = None
        self.kind: type = Worker

    def made(self, setup: Any, pools: Mapping[Role, Pool], kind: type = Worker) -> FakeCluster:
        """In place of the constructor of ``RayCluster``."""
        self.setup, self.kind = setup, kind
        return self

    def start(self, role: Role, label: str) -> Any:
        assert self.setup is not None
        self.started.append((role, label))
        worker: Any = self.kind(self.setup, label, role == "model")
        if self.apart:
            worker._sees = lambda setup: False
        return worker

    def share(self, content: bytes) -> Any:
        self.shared.append(content)
        return (content,)

    def take(self, worker: Any, shared: Any) -> Answer:
        return Answer(worker.take(*shared))

    def open(self, worker: Any) -> Answer:
        if self.dies(self.started[-1][1]):
            return Answer(None)
        answer = Answer(worker.open())
        if getattr(worker, "_folder", None) is not None:
            _forget_nothing(worker._folder.journal)
        elif self.apart and answer.reply is not None and answer.reply.opened is not None:
            answer.reply = replace(answer.reply, opened=replace(answer.reply.opened, shared=False))
        return answer

    def work(self, worker: Any, batch: Any) -> Answer:
        self.sent.append(batch)
        try:
            reply = worker.work(batch)
        except Killed:
            self.kill(worker)
            return Answer(None)
        self.replies.append(reply)
        return Answer(reply)

    def close(self, worker: Any) -> Answer:
        return Answer(worker.close())

    def wait(self, replies: Sequence[Answer], seconds: float) -> list[Answer]:
        self.interrupted -= 1
        if self.interrupted == 0:
            raise KeyboardInterrupt
        return [self.choose.choice(replies)]

    def result(self, reply: Answer) -> Reply:
        if reply.reply is None:
            raise WorkerDied("it was killed.")
        return reply.reply

    def kill(self, worker: Any) -> None:
        if getattr(worker, "_folder", None) is not None:
            worker._folder.close()


def _forget_nothing(journal: Any) -> None:
    """A killed process does not note that nothing is in hand."""
    real = journal.done

    def done() -> None:
        if not isinstance(sys.exc_info()[1], Killed):
            real()

    journal.done = done


def use(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has ``RayEngine`` work on ``cluster``."""
    monkeypatch.setattr(engine_module, "require_ray", lambda: None)
    monkeypatch.setattr(engine_module, "joined", lambda address: nullcontext((cluster.cpus, cluster.gpus)))
    monkeypatch.setattr(engine_module, "RayCluster", cluster.made)


def two_workers(**arguments: Any) -> RayEngine:
    """The engine of most tests."""
    return RayEngine(**{"actors": 2, **arguments})


def share(
    out: Path,
    model: Any = None,
    task: Any = None,
    limit: int = 6,
    engine: RayEngine | None = None,
    **options: Any,
) -> Finished:
    """A run of ``limit`` items on the cluster in use."""
    made = engine or two_workers()
    return run(
        model or DummyModel(),
        [task or ShapesGenEval()],
        out,
        limit=limit,
        batch_size=4,
        engine=made,
        **options,
    )
