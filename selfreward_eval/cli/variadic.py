"""Options that take several values: ``--runs-a X Y`` as the shell expands ``--runs-a results/seed-*``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from selfreward_eval.cli.habits import Command

__all__ = ["SeveralValues", "spread"]


class SeveralValues(Command):
    """A command whose repeatable options also accept several values after one option name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        names = {name for option in self.params if getattr(option, "multiple", False) for name in option.opts}
        return super().parse_args(ctx, spread(args, names))


def spread(args: Sequence[str], names: Collection[str]) -> list[str]:
    """``args`` with an option of ``names`` repeated before each of its values, up to the next option.

    >>> spread(["--runs-a", "x", "y", "--json"], ["--runs-a"])
    ['--runs-a', 'x', '--runs-a', 'y', '--json']
    """
    out: list[str] = []
    current, waiting = "", False
    for place, word in enumerate(args):
        if word == "--":
            return [*out, *args[place:]]
        if word.startswith("-") and len(word) > 1:
            name, equals, _ = word.partition("=")
            current, waiting = (name, not equals) if name in names else ("", False)
        elif current and not waiting:
            out.append(current)
        else:
            waiting = False
        out.append(word)
    return out
