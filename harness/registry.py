"""Names to objects, through entry points: one mechanism for ours and for others'.

A package adds to a group by declaring, in its own ``pyproject.toml``::

    [project.entry-points."selfreward_eval.tasks"]
    my_task = "my_package.task:MyTask"

Nothing is imported until a name is looked up. One entry can stand for a family:
``family:member`` loads the entry ``family`` and gives it ``member`` first, as
``lm_eval:NAME`` does.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from functools import cache, partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from selfreward_eval.harness.errors import MissingExtra, UnknownName, UsageError

GROUPS = ("tasks", "models", "instruments", "rewarders", "trainers")
"""What can be plugged in; the entry-point group is ``selfreward_eval.<group>``."""


class Registry:
    """The entries of one group.

    >>> "shapes_geneval" in Registry("tasks").names()
    True
    """

    def __init__(self, group: str) -> None:
        if group not in GROUPS:
            raise UnknownName(f"unknown registry {group!r}; known: {', '.join(GROUPS)}")
        self.group = group
        self._entries: dict[str, EntryPoint] = {}
        for entry in entry_points(group=f"selfreward_eval.{group}"):
            known = self._entries.get(entry.name)
            if known is not None and known.value != entry.value:
                raise UsageError(
                    f"two packages declare the {group[:-1]} {entry.name!r}: {known.value} and {entry.value}; "
                    "uninstall one"
                )
            self._entries[entry.name] = entry

    def names(self) -> list[str]:
        """Every registered name, sorted."""
        return sorted(self._entries)

    def origin(self, name: str) -> str:
        """``module:attribute`` behind a name, without importing it."""
        return self._find(name).value

    def load(self, name: str) -> Any:
        """The object behind ``name``.

        Raises:
            UnknownName: no such name; the message offers the nearest ones.
            MissingExtra: its module needs a package that is not installed.
        """
        family, colon, member = name.partition(":")
        if colon and family in self._entries:
            return partial(self.load(family), member)
        entry = self._find(name)
        try:
            return entry.load()
        except ModuleNotFoundError as error:
            raise MissingExtra(
                f"the {self.group[:-1]} {name!r} needs the package {error.name!r}, which is not installed; "
                f"install it, or selfreward-eval with the extra that README.md names for it"
            ) from error

    def _find(self, name: str) -> EntryPoint:
        try:
            return self._entries[name]
        except KeyError:
            close = difflib.get_close_matches(name, self._entries, n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(self.names())}"
            raise UnknownName(f"unknown {self.group[:-1]} {name!r}; {hint}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())


@cache
def registry(group: str) -> Registry:
    """The registry of ``group``, read once per process."""
    return Registry(group)
