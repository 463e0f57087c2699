"""Some categories of a benchmark, as a task's argument names them."""

from __future__ import annotations

from collections.abc import Sequence

from selfreward_eval.harness.errors import UsageError


def chosen_categories(categories: str | Sequence[str], known: Sequence[str], task: str) -> tuple[str, ...]:
    """The chosen ones among ``known``, in its order; all of them if none is named.

    >>> chosen_categories("two + one", ("one", "two", "three"), "counting")
    ('one', 'two')

    Args:
        categories: names joined by ``+``, or a sequence of names.
        known: every category of the benchmark.
        task: its name, for the message.

    Raises:
        UsageError: one that there is not.
    """
    named = categories.split("+") if isinstance(categories, str) else list(categories)
    named = [name.strip() for name in named if name.strip()]
    if unknown := [name for name in named if name not in known]:
        raise UsageError(
            f"{task} has no category {unknown[0]!r}; choose among {', '.join(known)}, joined by +"
        )
    return tuple(name for name in known if not named or name in named)
