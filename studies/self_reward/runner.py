"""Runs the plan: one process a training run, as many at once as asked for, until all are over.

Every run resumes by itself, so that this can be killed and called again at any time. A run that is finished,
or that stopped itself, is not started again. If this is killed without a chance to end its processes, they
notice and end themselves.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from selfreward_eval.harness.errors import FolderBusy, TrainingStopped
from selfreward_eval.harness.folders import FolderUse, lock_folder
from studies.self_reward.plan import PlannedRun, folder_of
from studies.self_reward.states import STOPPED, state_of

__all__ = ["BUSY", "Outcome", "run_all"]

BUSY = 3
"""Exit code of a run that another process is at."""

ATTEMPTS = 2
"""How often a run that fails is started in one call."""

RUNNER = "SELFREWARD_STUDY_RUNNER"
"""Environment variable: process id of the call that a run is to end with."""

WATCH = 2.0
"""Seconds between two looks at whether that call is still there."""

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

Command = Callable[[PlannedRun], Sequence[str]]
Say = Callable[[str], None]


@dataclass
class Outcome:
    """What a call did.

    Attributes:
        done: runs that ended in this call.
        failed: run -> its last words, of runs that did not end.
        interrupted: whether the call was stopped from outside.
    """

    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False


@dataclass
class _Child:
    run: PlannedRun
    process: subprocess.Popen[bytes]
    log: Path
    attempt: int
    began: float


def run_all(
    runs: Sequence[PlannedRun],
    output: Path,
    command: Command,
    *,
    jobs: int = 1,
    say: Say = print,
    every: float = 60.0,
    pause: float = 0.5,
) -> Outcome:
    """Brings all of ``runs`` to their end, in their order.

    Args:
        runs: in the order in which they are to start.
        output: the study's folder.
        command: run -> the command that does it and exits with 0, with 5 if training stopped itself, or with
            :data:`BUSY`.
        jobs: processes at once.
        say: told of what begins and ends, and of how far the others are.
        every: seconds between two reports of progress.
        pause: seconds between two looks at the processes.

    Raises:
        FolderBusy: another call is at work in ``output``.
    """
    with lock_folder(output, FolderUse("another study", "choose another --output-path")):
        return _Sitting(output, command, jobs, say, every, pause).work(runs)


class _Sitting:
    def __init__(
        self, output: Path, command: Command, jobs: int, say: Say, every: float, pause: float
    ) -> None:
        self.output, self.command, self.jobs, self.say = output, command, jobs, say
        self.every, self.pause = every, pause
        self.children: list[_Child] = []
        self.outcome = Outcome()

    def work(self, runs: Sequence[PlannedRun]) -> Outcome:
        over = [run for run in runs if state_of(run, self.output).over]
        waiting = [(run, 1) for run in runs if run not in over]
        self.say(f"{len(runs)} runs: {len(over)} over, {len(waiting)} to do, {self.jobs} at once")
        before = {one: signal.signal(one, self._stop) for one in (signal.SIGTERM, signal.SIGINT)}
        told = time.monotonic()
        try:
            while (waiting or self.children) and not self.outcome.interrupted:
                while waiting and len(self.children) < self.jobs:
                    self._start(*waiting.pop(0))
                time.sleep(self.pause)
                waiting += self._collect()
                if time.monotonic() - told >= self.every:
                    told = time.monotonic()
                    self._report(len(waiting))
        finally:
            self._end_children()
            for one, handler in before.items():
                signal.signal(one, handler)
        return self.outcome

    def _start(self, run: PlannedRun, attempt: int) -> None:
        log = self.output / "logs" / f"{run.arm.name}-seed-{run.seed}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, **dict.fromkeys(THREADS, "1"), RUNNER: str(os.getpid())}
        with log.open("ab") as out:
            process = self._spawn(run, out, environment)
        self.children.append(_Child(run, process, log, attempt, time.monotonic()))
        self.say(f"started {run.name}, log {log}")

    def _spawn(self, run: PlannedRun, out: IO[bytes], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            list(self.command(run)),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment,
        )

    def _collect(self) -> list[tuple[PlannedRun, int]]:
        """Takes away processes that ended; returns runs that are to be tried again."""
        again = []
        for child in list(self.children):
            code = child.process.poll()
            if code is None:
                continue
            self.children.remove(child)
            name, minutes = child.run.name, (time.monotonic() - child.began) / 60
            if code == TrainingStopped.exit_code:
                words = _last_line(child.log)
                (folder_of(child.run, self.output) / STOPPED).write_text(f"{words}\n", encoding="utf-8")
                self.say(f"{name} stopped itself after {minutes:.1f} min: {words}")
                self.outcome.done.append(name)
            elif code == 0:
                self.say(f"finished {name} after {minutes:.1f} min")
                self.outcome.done.append(name)
            elif code != BUSY and child.attempt < ATTEMPTS:
                self.say(f"{name} failed (exit code {code}): {_last_line(child.log)}; tried again later")
                again.append((child.run, child.attempt + 1))
            else:
                self.outcome.failed[name] = _last_line(child.log)
                self.say(f"{name} failed (exit code {code}): {_last_line(child.log)}; see {child.log}")
        return again

    def _report(self, waiting: int) -> None:
        parts = []
        for child in self.children:
            state = state_of(child.run, self.output)
            parts.append(f"{child.run.name} step {state.steps} of {state.of}")
        self.say(f"{'; '.join(parts)}; {waiting} waiting, {len(self.outcome.done)} done")

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.outcome.interrupted = True

    def _end_children(self) -> None:
        for child in self.children:
            child.process.terminate()
        for child in self.children:
            child.process.wait()
            self.say(f"interrupted {child.run.name}; the same command goes on with it")
        self.children.clear()


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "it said nothing"


def run_one(job_folder: Path, work: Callable[[], None]) -> int:
    """Does ``work`` unless another process is at the same run; the exit code."""
    from selfreward_eval.harness.folders import lock_file

    _end_with_runner()
    job_folder.mkdir(parents=True, exist_ok=True)
    lock = lock_file(job_folder / ".study.lock")
    from filelock import Timeout

    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"another process is at {job_folder}")
        return BUSY
    try:
        work()
    except FolderBusy as error:
        print(f"error: {error}")
        return BUSY
    finally:
        lock.release()
    return 0


def _end_with_runner() -> None:
    """Ends this process when the call that started it is gone; does nothing in one that a user started."""
    runner = os.environ.get(RUNNER, "")
    if not runner.isdecimal():
        return

    def watch() -> None:
        while os.getppid() == int(runner):
            time.sleep(WATCH)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def python_command(plan: Path, output: Path) -> Command:
    """The command of one run, in this interpreter."""
    return lambda run: [
        sys.executable,
        "-m",
        "studies.self_reward",
        "one",
        run.arm.name,
        str(run.seed),
        "--plan",
        str(plan),
        "--output-path",
        str(output),
    ]
