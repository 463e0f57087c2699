"""What the shell offers after an option: registered names, also behind a comma."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["names_of"]


def names_of(group: str) -> Callable[[str], list[str]]:
    """What completes the beginning of a name of ``group``, or the last of several with commas between."""

    def complete(incomplete: str) -> list[str]:
        from selfreward_eval.harness.registry import registry

        before, comma, beginning = incomplete.rpartition(",")
        return [f"{before}{comma}{name}" for name in registry(group) if name.startswith(beginning)]

    return complete
