"""Shows what a folder of existing pictures holds before a run measures it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from selfreward_eval.harness.runs.inventory import Inventory
    from selfreward_eval.harness.task import Task

NAMED = 5
"""Missing and extra pictures that are named; the rest is counted."""


def survey(model: Any, tasks: Sequence[Task], limit: int | None) -> Inventory | None:
    """Surveys and shows, on standard error; None for a model that draws for itself.

    Raises:
        InputError: a task has no picture at all.
    """
    from selfreward_eval.harness.models.base import Supplies

    drawn = [task for task in tasks if task.info.capability == "generate"]
    if not isinstance(model, Supplies) or not drawn:
        return None
    from rich.console import Console

    inventory = model.survey(drawn, limit)
    show(inventory, Console(stderr=True))
    return inventory


def show(inventory: Inventory, console: Console) -> None:
    """A table of found and missing per task, then the first missing and extra pictures by name."""
    from rich.markup import escape
    from rich.table import Table

    from selfreward_eval.harness.runs.inventory import INVENTORY

    title = f"{inventory.pictures} pictures in {inventory.source}, layout {inventory.layout}"
    table = Table(title=escape(title), title_justify="left")
    for header in ("task", "expected", "found", "missing", "beyond the limit"):
        table.add_column(header, justify="left" if header == "task" else "right")
    for name, share in inventory.tasks.items():
        counts = (share.expected, len(share.found), len(share.missing), share.beyond_limit)
        table.add_row(escape(name), *map(str, counts))
    console.print(table)
    for name, share in inventory.tasks.items():
        entries = [
            f"{picture.item_id}, index {picture.index} ({picture.prompt!r}): {picture.sought}"
            for picture in share.missing
        ]
        _list(console, f"{len(entries)} pictures are missing for {name}", entries)
    extra = [f"{picture.file}: {picture.reason}" for picture in inventory.extra]
    _list(console, f"{len(extra)} pictures are asked for by no item", extra)
    for note in inventory.notes:
        _line(console, f"note: {note}")
    if extra or any(share.missing for share in inventory.tasks.values()):
        _line(console, f"all of them are in {INVENTORY} in the run folder")


def _list(console: Console, heading: str, entries: Sequence[str]) -> None:
    if not entries:
        return
    _line(console, f"{heading}:")
    for entry in entries[:NAMED]:
        _line(console, f"  {entry}")
    if len(entries) > NAMED:
        _line(console, f"  and {len(entries) - NAMED} more")


def _line(console: Console, text: str) -> None:
    from selfreward_eval.harness.models.layouts.base import printable

    console.print(printable(text), soft_wrap=True, highlight=False, markup=False)
