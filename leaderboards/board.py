"""One leaderboard: a task's comparable runs, ranked overall and in every category."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.runs.scores import Score, TaskScores
from selfreward_eval.leaderboards.entries import Entry, Items
from selfreward_eval.leaderboards.grouping import Group, settings_of
from selfreward_eval.leaderboards.kept_pairs import pairs_of
from selfreward_eval.leaderboards.pair_tests import Pairs
from selfreward_eval.leaderboards.pairwise import Stratum
from selfreward_eval.leaderboards.ranking import Place, adjusted, better_matrix, places

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["METHOD", "Board", "Row", "Table", "make_board"]

METHOD = (
    "Every two models are compared by a paired t test on item means over the items and samples that both "
    "have scored. The p-values are adjusted after Holm: those of the overall table among themselves, those "
    "of all category tables of the benchmark together. A model's rank is 1 plus the number of models that "
    "are better than it at p <= 0.05; its rank interval ends at the number of models minus those it is "
    "better than. A difference that the samples without a score could undo separates nobody. Tie groups cut "
    "the table where every model above is better than every model below. A mean over categories of which one "
    "has fewer than 5 items separates nobody."
)
"""In words, for pages and files."""

_UNSAFE = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, eq=False)
class Row:
    """One model in one table.

    Attributes:
        entry: its run.
        score: with interval and coverage.
        place: rank, interval and tie group; None where nothing was scored.
    """

    entry: Entry
    score: Score
    place: Place | None


@dataclass(frozen=True, eq=False)
class Table:
    """The models of a board in one category, or overall.

    Attributes:
        name: of the category; empty for the overall score.
        slug: for files.
        rows: best first; those without a score last.
        pairs: of the ``ranked`` rows, in their order.
        adjusted: p-values of ``pairs`` after Holm, NaN where no test was possible.
        verdict: 1 where the second of a pair is better beyond chance, -1 where the first is, else 0.
        ranked: how many rows have a score.
    """

    name: str
    slug: str
    rows: tuple[Row, ...]
    pairs: Pairs
    adjusted: NDArray[np.float64]
    verdict: NDArray[np.int64]
    ranked: int


@dataclass(frozen=True, eq=False)
class Board:
    """The tables of a task's comparable runs.

    Attributes:
        task: registry name.
        version: protocol version.
        slug: unique among boards; the same in every build.
        scores: of one run, for the metric's name, range and direction and the task's notes.
        settings: what all runs share.
        overall: the headline table.
        categories: one table each, in the benchmark's order.
        own_settings: whether models differ in their generation settings.
    """

    task: str
    version: str
    slug: str
    scores: TaskScores
    settings: dict[str, Any]
    overall: Table
    categories: tuple[Table, ...]
    own_settings: bool

    @property
    def tables(self) -> tuple[Table, ...]:
        return (self.overall, *self.categories)

    @property
    def entries(self) -> list[Entry]:
        return [row.entry for row in self.overall.rows]


def make_board(group: Group, *, own_settings: bool = False, cache: Path | None = None) -> Board:
    """Ranks a group of comparable runs.

    Args:
        group: at least one run.
        own_settings: whether models may differ in their generation settings.
        cache: folder of pairs tested before; None to test all of them. The board is the same.
    """
    import numpy as np

    task = group.task
    scores = group.entries[0].tasks[task].scores
    items, values = _aligned([entry.tasks[task] for entry in group.entries])
    names = list(dict.fromkeys([*scores.categories, *items.categories]))
    strata = {
        name: _stratum(items, [k for k, category in enumerate(items.categories) if category == name])
        for name in names
    }
    strata = {name: stratum for name, stratum in strata.items() if len(stratum.order)}
    width = scores.range[1] - scores.range[0]
    everything = None if scores.macro else _stratum(items, range(len(items)))
    slug = f"{_UNSAFE.sub('-', f'{task}-{scores.version}').strip('-').lower()}-{group.key}"
    path = None if cache is None else cache / f"pairs-{slug}.npz"
    whole, single = pairs_of(values, strata, everything, width, path)
    keep = [_Sorted.of(group.entries, task, name, scores.higher_is_better) for name in ("", *single)]
    tests = [one.taken(pairs) for one, pairs in zip(keep, (whole, *single.values()), strict=True)]
    overall_p = adjusted([tests[0].p])
    category_p = adjusted([test.p for test in tests[1:]]) if len(tests) > 1 else []
    slugs: list[str] = []
    tables = []
    for name, one, pairs, p in zip(("", *single), keep, tests, (*overall_p, *category_p), strict=True):
        slugs.append(_slug(name, slugs))
        better = better_matrix(
            pairs.effect,
            p,
            [_end(score, score.bound_low) for score in one.scores],
            [_end(score, score.bound_high) for score in one.scores],
            higher_is_better=scores.higher_is_better,
        )
        placed: list[Place | None] = [*places(better), *[None] * len(one.unscored)]
        rows = tuple(
            Row(entry, _score(entry, task, name), place)
            for entry, place in zip((*one.entries, *one.unscored), placed, strict=True)
        )
        first, second = np.triu_indices(len(one.entries), 1)
        verdict = better[second, first].astype(np.int64) - better[first, second].astype(np.int64)
        tables.append(Table(name, slugs[-1], rows, pairs, p, verdict, len(one.entries)))
    return Board(
        task=task,
        version=scores.version,
        slug=slug,
        scores=scores,
        settings=settings_of(group.entries[0], task, own_settings=own_settings),
        overall=tables[0],
        categories=tuple(tables[1:]),
        own_settings=own_settings,
    )


@dataclass(frozen=True, eq=False)
class _Sorted:
    """The entries of one table, best first, and where each stood among all of them."""

    entries: list[Entry]
    scores: list[Score]
    unscored: list[Entry]
    origin: list[int]
    count: int

    @classmethod
    def of(cls, entries: Sequence[Entry], task: str, name: str, higher_is_better: bool) -> _Sorted:
        sign = -1 if higher_is_better else 1
        told = [(place, _score(entry, task, name)) for place, entry in enumerate(entries)]
        scored = [(place, score) for place, score in told if score.value is not None]
        # Entries come sorted by name and fingerprint, and sorting keeps that among equals.
        scored.sort(key=lambda pair: sign * float(pair[1].value or 0.0))
        return cls(
            [entries[place] for place, _ in scored],
            [score for _, score in scored],
            [entries[place] for place, score in told if score.value is None],
            [place for place, _ in scored],
            len(entries),
        )

    def taken(self, pairs: Pairs) -> Pairs:
        """``pairs`` of all entries as those of the sorted ones."""
        import numpy as np

        full = np.zeros((self.count, self.count), dtype=int)
        first, second = np.triu_indices(self.count, 1)
        full[first, second] = full[second, first] = np.arange(len(first))
        order = np.array(self.origin, dtype=int)
        a, b = np.triu_indices(len(order), 1)
        here = full[order[a], order[b]]
        sign = np.where(order[a] < order[b], 1.0, -1.0)
        return pairs.taken(here, sign)


def _score(entry: Entry, task: str, name: str) -> Score:
    scores = entry.tasks[task].scores
    if name and name not in scores.categories:
        raise InputError(
            f"{entry.slug}: the results of {task} lack the category {name!r}, which a run with the same "
            "settings has; run the same command again to rewrite them"
        )
    return scores.categories[name] if name else scores.overall


def _end(score: Score, bound: float | None) -> float:
    """The value had the unscored samples the end of the range; the value itself where all are scored."""
    return float(score.value or 0.0) if bound is None else bound


def _stratum(items: Items, positions: Sequence[int]) -> Stratum:
    return Stratum.of(list(positions), [items.clusters[position] for position in positions])


def _aligned(tasks: Sequence[Any]) -> tuple[Items, NDArray[np.float64]]:
    """The items that any run recorded, and every run's marks over them: (runs, items, samples)."""
    import numpy as np

    first = tasks[0].items
    if all(task.items == first for task in tasks):
        return first, np.stack([task.values for task in tasks])
    place: dict[str, int] = {}
    about: list[tuple[str, str]] = []
    for task in tasks:
        for name, category, cluster in zip(
            task.items.ids, task.items.categories, task.items.clusters, strict=True
        ):
            if name not in place:
                place[name] = len(place)
                about.append((category, cluster))
    samples = max(task.values.shape[1] for task in tasks)
    values = np.full((len(tasks), len(place), samples), np.nan)
    for number, task in enumerate(tasks):
        values[number, [place[name] for name in task.items.ids]] = task.values
    items = Items(tuple(place), tuple(one[0] for one in about), tuple(one[1] for one in about))
    return items, values


def _slug(name: str, taken: Sequence[str]) -> str:
    """A table's part of a file name; two categories that differ in signs only stay apart."""
    plain = _UNSAFE.sub("-", name).strip("-").lower() or ("category" if name else "overall")
    if name and plain == "overall":
        plain = "category-overall"
    slug, number = plain, 2
    while slug in taken:
        slug, number = f"{plain}-{number}", number + 1
    return slug
