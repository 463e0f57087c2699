"""``run --dry-run``: what a run would do, what it still lacks and what it takes, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selfreward_eval.api.foresee import Foreseen, ForeseenTask

__all__ = ["show"]


def show(foreseen: Foreseen) -> None:
    """Prints a table of the tasks, everything missing with its option, judge calls, time and memory."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    where = f" into {foreseen.folder}" if foreseen.folder else ""
    table = Table(title=escape(f"{foreseen.model}{where}: what would be done"), title_justify="left")
    for header, right in (("task", False), ("asks", False), ("items", True), ("samples", True)):
        table.add_column(header, justify="right" if right else "left")
    table.add_column("done", justify="right")
    table.add_column("measured by")
    for task in foreseen.tasks:
        counts = ("?" if count is None else f"{count:,}" for count in (task.items, task.samples))
        measured = ", ".join(f"{role} {name}" for role, name in task.measured_by.items()) or "?"
        table.add_row(escape(task.name), task.asks, *counts, f"{task.recorded:,}", escape(measured))
    console.print(table)
    console.print(f"missing: {len(foreseen.missing) or 'nothing'}")
    together: dict[tuple[str, str, str], list[str]] = {}
    for one in foreseen.missing:
        together.setdefault((one.kind, one.needed_by, one.option), []).append(one.what)
    for (kind, needed_by, option), reasons in together.items():
        console.print(escape(f"  {kind}: {needed_by}: {'; '.join(reasons)}"), soft_wrap=True)
        console.print(escape(f"    {option}"), soft_wrap=True)
    for task in foreseen.tasks:
        for line in _lines(task):
            console.print(escape(line), soft_wrap=True)
    if foreseen.peak_bytes is not None:
        unit = "resident in this process" if foreseen.device == "cpu" else f"allocated on {foreseen.device}"
        console.print(f"memory   at most {foreseen.peak_bytes / 2**30:.2f} GiB {unit} in a small batch")
    total = _total(foreseen.tasks)
    if total is not None:
        console.print(f"time     about {duration(total)} in all, from a few samples of each task")
    console.print("nothing was drawn or asked for this run; its folder is untouched")


def _lines(task: ForeseenTask) -> list[str]:
    lines = [f"{task.name}: {note}" for note in task.notes]
    use = task.judge
    if use is not None:
        where = "behind a server" if use.remote else "on this machine"
        text = (
            f"{task.name}: {int(use.calls):,} judge calls to {use.judge} {where}, about {int(use.tokens):,} "
        )
        text += f"tokens of text and {int(use.pictures):,} pictures in"
        if use.longest_reply:
            text += f", at most {int(use.calls * use.longest_reply):,} tokens out"
        lines.append(text)
    parts = [
        f"{word} about {duration(seconds)}"
        for word, seconds in (("drawing", task.draw_seconds), ("measuring", task.measure_seconds))
        if seconds is not None
    ]
    if parts:
        waiting = ", without waiting for the server" if use is not None and use.remote else ""
        lines.append(f"{task.name}: {', '.join(parts)}{waiting}")
    return lines


def _total(tasks: list[ForeseenTask]) -> float | None:
    """Seconds of all tasks; None where one of them is not known."""
    parts = [seconds for task in tasks for seconds in (task.draw_seconds, task.measure_seconds)]
    known = [seconds for seconds in parts if seconds is not None]
    return sum(known) if len(known) == len(parts) else None


def duration(seconds: float) -> str:
    """A time for a reader.

    >>> duration(0.2), duration(75), duration(7300)
    ('1 s', '1 min 15 s', '2 h 2 min')
    """
    whole = max(1, round(seconds))
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
