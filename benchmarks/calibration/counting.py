"""How often something happened, what was promised, and whether the promise was kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt

ERROR_AT_MOST = 0.06
"""Largest tolerated rejection rate of a true null hypothesis at 5 %."""

COVERAGE_AT_LEAST = 0.94
"""Smallest tolerated coverage of a 95 % interval."""

BOUNDS = {
    "error": (0.0, ERROR_AT_MOST),
    "looks": (0.0, 0.05),
    "coverage": (COVERAGE_AT_LEAST, 1.0),
    "power": (0.78, 0.82),
    "none": (0.0, 1.0),
}


@dataclass(frozen=True)
class Rate:
    """A share of simulated runs.

    Attributes:
        hits: runs in which it happened.
        runs: all of them, >= 1.
    """

    hits: int
    runs: int

    @property
    def value(self) -> float:
        return self.hits / self.runs

    @property
    def error(self) -> float:
        """Monte-Carlo standard error."""
        return sqrt(max(self.value * (1 - self.value), 1e-9) / self.runs)


@dataclass(frozen=True)
class Column:
    """One method in a table.

    Attributes:
        name: heading.
        bounds: what is in order: ``error`` (at most 6 %), ``looks`` (at most 5 %), ``coverage`` (at
            least 94 %), ``power`` (80 % give or take 2), or ``none``.
        promised: whether the library relies on it.
    """

    name: str
    bounds: str = "none"
    promised: bool = False

    def __post_init__(self) -> None:
        if self.bounds not in BOUNDS:
            raise ValueError(f"unknown bounds {self.bounds!r}")

    def within(self, rate: Rate, slack: float = 0.0) -> bool:
        """Whether the rate is in order, give or take ``slack`` Monte-Carlo errors."""
        low, high = BOUNDS[self.bounds]
        return low - slack * rate.error <= rate.value <= high + slack * rate.error


@dataclass(frozen=True)
class Table:
    """One table of the page.

    Attributes:
        title: its heading.
        text: what the data are and what to see.
        labels: names of the leading columns that describe a row.
        columns: the methods.
        rows: per row its labels, and column name -> rate (None where the method does not apply).
    """

    title: str
    text: str
    labels: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: list[tuple[tuple[str, ...], Mapping[str, Rate | None]]] = field(default_factory=list)

    def broken(self, slack: float = 0.0) -> list[str]:
        """Promises that were not kept, in words."""
        found = []
        for labels, rates in self.rows:
            for column in self.columns:
                rate = rates.get(column.name)
                if rate is not None and column.promised and not column.within(rate, slack):
                    found.append(f"{self.title}, {', '.join(labels)}: {column.name} {rate.value:.1%}")
        return found


def count(outcomes: Sequence[bool] | object) -> Rate:
    """The rate of true outcomes, of a sequence or an array."""
    import numpy as np

    flags = np.asarray(outcomes, dtype=bool)
    return Rate(int(flags.sum()), int(flags.size))


def each(data: object, runs: int, test: Callable[..., bool]) -> Rate:
    """Applies ``test`` to the first ``runs`` data sets (rows of the leading axis, or tuples of rows)."""
    hits = total = 0
    for one in data:  # type: ignore[attr-defined]
        if total == runs:
            break
        hits += bool(test(*one) if isinstance(one, tuple) else test(one))
        total += 1
    return Rate(hits, total)


def covers(low: float | None, high: float | None, truth: float) -> bool:
    """Whether an interval contains the truth; an end that does not exist excludes nothing."""
    slack = 1e-12
    return (low is None or low <= truth + slack) and (high is None or truth - slack <= high)
