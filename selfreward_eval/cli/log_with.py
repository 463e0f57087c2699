"""``--log-with tensorboard,wandb`` of the commands that evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from selfreward_eval.harness.report.trackers import Entry

__all__ = ["LogWith", "log", "trackers"]

LogWith = Annotated[str, typer.Option("--log-with", help="Also log to: tensorboard, wandb.")]


def trackers(text: str) -> list[str]:
    """The trackers of ``--log-with``, looked at before anything is computed.

    Raises:
        UsageError: an unknown one.
        MissingExtra: its package is not installed.
    """
    names = [part.strip() for part in text.split(",") if part.strip()]
    if names:
        from selfreward_eval.harness.report.trackers import require_trackers

        require_trackers(names)
    return names


def log(entry: Entry, names: list[str], folder: Path) -> None:
    """Logs an entry below ``folder``, and says on standard error where."""
    from selfreward_eval.harness.report.trackers import log_entry

    log_entry(entry, names, folder)
    for name in names:
        typer.echo(f"logged to {folder / name}", err=True)
