"""Progress of a run: a bar per task in a terminal, and elsewhere a line every half minute."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from rich.console import Console

EVERY = 30.0
"""Seconds between two lines where standard error is no terminal."""


class BarProgress:
    """Implements :class:`selfreward_eval.harness.runs.run.Progress` on standard error.

    Args:
        console: to write to; standard error by default. One that is no terminal gets lines in place of bars.
        label: before every task's name.
        clock: seconds, for the lines.
    """

    def __init__(
        self,
        console: Console | None = None,
        *,
        label: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        from rich.console import Console

        self._console = console or Console(stderr=True)
        self._label = label
        self._lines = None if self._console.is_terminal else _Lines(self._console, clock)
        self._bars: Any = None if self._lines else _bars(self._console)
        self._ids: dict[str, Any] = {}

    def start(self, task: str, total: int, done: int) -> None:
        """A task begins with ``done`` of its ``total`` samples already there."""
        description = f"{self._label} {task}".strip()
        if self._lines:
            self._lines.start(task, description, total, done)
        else:
            self._ids[task] = self._bars.add_task(description, total=total, completed=done, rate="")

    def advance(self, task: str, count: int) -> None:
        """``count`` more samples are recorded."""
        if self._lines:
            self._lines.advance(task, count)
            return
        identifier = self._ids[task]
        self._bars.advance(identifier, count)
        speed = self._bars.tasks[identifier].speed
        if speed:
            self._bars.update(identifier, rate=f"{speed:.1f}/s")

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()


def _bars(console: Console) -> Any:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
    )


class _Lines:
    """A line when a task begins, every :data:`EVERY` seconds, and when it is done."""

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self._console, self._clock = console, clock
        self._tasks: dict[str, dict[str, Any]] = {}

    def start(self, task: str, description: str, total: int, done: int) -> None:
        now = self._clock()
        about = {"name": description, "total": total, "done": done, "first": done, "began": now, "told": now}
        self._tasks[task] = about
        # What is counted differs: samples, steps, rounds, runs. The description says it.
        self._print(f"{description}: {done:,} of {total:,}{' there already' if done else ''}")

    def advance(self, task: str, count: int) -> None:
        about, now = self._tasks[task], self._clock()
        about["done"] += count
        finished = about["done"] >= about["total"]
        if not finished and now - about["told"] < EVERY:
            return
        about["told"] = now
        spent = now - about["began"]
        rate = (about["done"] - about["first"]) / spent if spent > 0 else 0.0
        text = f"{about['name']}: {about['done']:,} of {about['total']:,}"
        if rate:
            left = (about["total"] - about["done"]) / rate
            text += f", {rate:,.0f}/s, " if rate >= 100 else f", {rate:.3g}/s, "
            text += f"done in {_time(spent)}" if finished else f"about {_time(left)} left"
        self._print(text)

    def _print(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, highlight=False, markup=False)


def _time(seconds: float) -> str:
    """``h:mm:ss``."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
