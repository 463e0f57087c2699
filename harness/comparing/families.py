"""Families of scores whose p-values are corrected for multiple testing.

A family is declared before looking. By default it is the headline scores of all
compared tasks: "training helped somewhere" could rest on any of them. Categories
are exploratory unless they are declared too.

>>> families = declare("headlines", "holm", {"a": ["one", "two"], "b": ["one"]})
>>> adjust(families, {"a": 0.03, "b": 0.04})
{'a': 0.06, 'b': 0.06}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from selfreward_eval.harness.errors import UsageError, did_you_mean
from selfreward_eval.harness.stats.multiplicity import benjamini_hochberg, benjamini_yekutieli, holm

__all__ = ["CORRECTIONS", "Family", "adjust", "declare", "key_of"]

CORRECTIONS: Mapping[str, tuple[str, Callable[[Sequence[float | None]], list[float | None]]]] = {
    "holm": ("Holm", holm),
    "bh": ("Benjamini-Hochberg", benjamini_hochberg),
    "by": ("Benjamini-Yekutieli", benjamini_yekutieli),
}
"""Name on the command line -> name in print, function."""

HEADLINES, CATEGORIES, NONE = "headlines", "categories", "none"


@dataclass(frozen=True)
class Family:
    """Scores that are corrected together.

    Attributes:
        name: in words.
        correction: key of :data:`CORRECTIONS`.
        members: ``task`` for a headline score, ``task/category`` for a category's.
    """

    name: str
    correction: str
    members: tuple[str, ...]

    @property
    def how(self) -> str:
        """The correction for a human, such as ``Holm over the headline scores (2)``."""
        return f"{CORRECTIONS[self.correction][0]} over {self.name} ({len(self.members)})"


def key_of(task: str, category: str | None = None) -> str:
    """The name of a score in a family."""
    return task if category is None else f"{task}/{category}"


def declare(family: str, correction: str, tasks: Mapping[str, Sequence[str]]) -> tuple[Family, ...]:
    """The families of a comparison; no score is in two of them.

    Args:
        family: ``headlines``; ``categories`` (those of each task together, and the headlines together as
            before); ``none``; or scores as ``task`` and ``task/category``, comma separated.
        correction: ``holm``, ``bh`` or ``by``.
        tasks: compared task -> its categories.

    Raises:
        UsageError: no such correction, or a score that is not compared.
    """
    if correction not in CORRECTIONS:
        raise UsageError(f"--correction {correction!r} is not known; choose {', '.join(CORRECTIONS)}")
    headlines = Family("the headline scores", correction, tuple(tasks))
    if family == HEADLINES:
        return (headlines,)
    if family == NONE:
        return ()
    if family == CATEGORIES:
        cells = (
            Family(f"the categories of {task}", correction, tuple(key_of(task, name) for name in categories))
            for task, categories in tasks.items()
        )
        return (headlines, *cells)
    compared = [
        key for task, names in tasks.items() for key in (task, *(key_of(task, name) for name in names))
    ]
    chosen = tuple(dict.fromkeys(part.strip() for part in family.split(",") if part.strip()))
    if not chosen:
        raise UsageError(f"--family names nothing; write {HEADLINES}, {CATEGORIES}, {NONE} or scores")
    for name in chosen:
        if name not in compared:
            choices = [*compared, HEADLINES, CATEGORIES, NONE]
            hint = did_you_mean(name, choices, f"compared are {', '.join(compared)}")
            raise UsageError(f"--family: {name!r} is not a score of this comparison; {hint}")
    return (Family("the declared scores", correction, chosen),)


def adjust(families: Sequence[Family], p_values: Mapping[str, float | None]) -> dict[str, float | None]:
    """Adjusted p-values of every score that is in a family.

    Args:
        families: of :func:`declare`.
        p_values: score -> its p-value, None where no test was possible; it still counts as tested.

    Returns:
        Score -> adjusted p-value in (0, 1], or None where there is no p-value.
    """
    adjusted: dict[str, float | None] = {}
    for family in families:
        correct = CORRECTIONS[family.correction][1]
        values = correct([p_values[member] for member in family.members])
        adjusted |= dict(zip(family.members, values, strict=True))
    return adjusted
