"""Progress of a run in the terminal: a bar per task with count, rate and time left."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from rich.console import Console


class BarProgress:
    """Implements :class:`selfreward_eval.harness.runs.run.Progress` with rich; draws on standard error."""

    def __init__(self, console: Console | None = None, *, label: str = "") -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console or Console(stderr=True),
        )
        self._label = label
        self._ids: dict[str, Any] = {}

    def start(self, task: str, total: int, done: int) -> None:
        """A task begins with ``done`` of its ``total`` samples already there."""
        description = f"{self._label} {task}".strip()
        self._ids[task] = self._bars.add_task(description, total=total, completed=done, rate="")

    def advance(self, task: str, count: int) -> None:
        """``count`` more samples are recorded."""
        identifier = self._ids[task]
        self._bars.advance(identifier, count)
        speed = self._bars.tasks[identifier].speed
        if speed:
            self._bars.update(identifier, rate=f"{speed:.1f}/s")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
