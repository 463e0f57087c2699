"""A shipped checkpoint measured by a second process, while this one measures another model.

The tiny model's operations are too small for threads: two processes with half the threads each are done
sooner than one after the other with all of them. Pictures are the same but for one grey level of a pixel here
and there, as on another number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from selfreward_eval.harness.runs.run import Progress

__all__ = ["measured_beside"]


@contextmanager
def measured_beside(
    checkpoint: str, tasks: Sequence[str], output: Path, settings: Mapping[str, Any], progress: Progress
) -> Iterator[None]:
    """Measures in a second process for as long as the block and the measurement take.

    If the second process cannot finish, nothing is said here. Run the same in this process afterwards: it
    finds every sample that was recorded, makes the rest, and says what is wrong.

    Args:
        checkpoint: of the tiny model.
        tasks: registry names.
        output: where the run goes.
        settings: of :func:`selfreward_eval.harness.runs.run.run`, those that the first process gives it.
        progress: told of the second process's samples too, under the checkpoint's name.
    """
    import multiprocessing
    from threading import Thread

    import torch

    threads = torch.get_num_threads()
    own = max(1, threads // 2)
    context = multiprocessing.get_context("spawn")
    told, tell = context.Pipe(duplex=False)
    work = (checkpoint, tuple(tasks), output, dict(settings), max(1, threads - own), tell)
    process = context.Process(target=_measure, args=work, daemon=True)
    process.start()
    tell.close()
    relay = Thread(target=_relay, args=(told, f"checkpoint={checkpoint},", progress), daemon=True)
    relay.start()
    torch.set_num_threads(own)
    try:
        yield
        process.join()
    finally:
        torch.set_num_threads(threads)
        process.terminate()
        process.join()
        relay.join()


class _Told:
    """Progress that is sent through a pipe; where nobody reads any more, the run ends with an error."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def start(self, task: str, total: int, done: int) -> None:
        self._pipe.send(("start", task, total, done))

    def advance(self, task: str, count: int) -> None:
        self._pipe.send(("advance", task, count))


def _measure(
    checkpoint: str,
    tasks: Sequence[str],
    output: Path,
    settings: Mapping[str, Any],
    threads: int,
    pipe: Connection,
) -> None:
    """The second process."""
    import torch

    from selfreward_eval.api.objects import build_tasks
    from selfreward_eval.harness.errors import SelfRewardError
    from selfreward_eval.harness.models.tiny import TinyModel
    from selfreward_eval.harness.runs.run import run

    torch.set_num_threads(threads)
    # What is wrong is said by the first process, which runs the same next.
    with suppress(SelfRewardError, OSError):
        run(TinyModel(checkpoint), build_tasks(tasks, None), output, progress=_Told(pipe), **settings)


def _relay(pipe: Connection, label: str, progress: Progress) -> None:
    """Tells of the second process's samples until it ends."""
    while True:
        try:
            kind, task, *numbers = pipe.recv()
        except EOFError:
            return
        (progress.start if kind == "start" else progress.advance)(f"{label} {task}", *numbers)
