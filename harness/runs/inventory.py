"""What a folder of existing pictures holds for some tasks, before anything is measured.

A model that :class:`~selfreward_eval.harness.models.base.Supplies` pictures returns an
:class:`Inventory`; the runner writes it into the run folder, the command line
prints it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["INVENTORY", "Extra", "Found", "Inventory", "Missing", "TaskInventory"]

INVENTORY = "inventory.json"
"""The inventory's file in the run folder."""


@dataclass(frozen=True)
class Found:
    """One planned sample and the file that answers it."""

    item_id: str
    index: int
    file: str


@dataclass(frozen=True)
class Missing:
    """One planned sample without a picture.

    Attributes:
        item_id: the item's id.
        index: k, from 0.
        prompt: the item's text.
        sought: where its picture should have been.
    """

    item_id: str
    index: int
    prompt: str
    sought: str

    @property
    def reason(self) -> str:
        """One line for the sample's record."""
        return f"no picture of {self.item_id} ({self.prompt!r}), index {self.index}; looked for {self.sought}"


@dataclass(frozen=True)
class Extra:
    """One picture that belongs to no item of any task, and why it does not."""

    file: str
    reason: str


@dataclass(frozen=True)
class TaskInventory:
    """One task's share.

    Attributes:
        found: planned samples that have a file; whether it can be read shows when it is read.
        missing: planned samples that have none, in the benchmark's order.
        beyond_limit: pictures of items that the limit leaves out.
    """

    found: tuple[Found, ...]
    missing: tuple[Missing, ...]
    beyond_limit: int

    @property
    def expected(self) -> int:
        """Planned samples."""
        return len(self.found) + len(self.missing)


@dataclass(frozen=True)
class Inventory:
    """Which planned samples have a picture, and which pictures belong to none.

    Attributes:
        source: the pictures' folder or list, as it was named.
        layout: how pictures are assigned to items.
        pictures: pictures that the layout recognises, whether an item asks for them or not.
        tasks: task -> its share.
        extra: pictures that belong to no item of any task.
        notes: what a reader should know about how pictures were assigned.
    """

    source: str
    layout: str
    pictures: int
    tasks: Mapping[str, TaskInventory]
    extra: tuple[Extra, ...]
    notes: tuple[str, ...] = ()

    def to_json(self, *, files: bool = True) -> dict[str, Any]:
        """The counts and every missing and extra picture; ``files`` adds every found one."""
        tasks = {}
        for name, share in self.tasks.items():
            tasks[name] = {
                "n_expected": share.expected,
                "n_found": len(share.found),
                "n_missing": len(share.missing),
                "n_beyond_limit": share.beyond_limit,
                "missing": [asdict(sample) for sample in share.missing],
            }
            if files:
                tasks[name]["found"] = [asdict(sample) for sample in share.found]
        return {
            "source": self.source,
            "layout": self.layout,
            "n_pictures": self.pictures,
            "n_extra": len(self.extra),
            "notes": list(self.notes),
            "tasks": tasks,
            "extra": [asdict(picture) for picture in self.extra],
        }
