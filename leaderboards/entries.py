"""What a leaderboard keeps of a run: its scores, its marks as an array, and a few pictures.

A run of 2,400 items and four samples each is 12 MB of sample lines; its entry is
a tenth of that, and two hundred entries fit in memory with ease.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.records import Manifest
from selfreward_eval.harness.runs.scores import TaskScores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["NOT_DRAWN", "Card", "Entry", "Items", "TaskEntry", "chosen_items", "item_means", "slug_of"]

Card = dict[str, Any]
"""One sample as a page shows it: ``card`` of ``harness.report.cards`` and its ``picture``. JSON values."""

NOT_DRAWN = -1
"""Stands in the seed array for a sample without a record; a seed is never negative."""

_UNSAFE = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True)
class Items:
    """The items of a task that a run recorded, in the benchmark's order; three tuples of equal length.

    Attributes:
        ids: unique.
        categories: the stratum of each.
        clusters: what each is clustered by; its own id where it stands alone.
    """

    ids: tuple[str, ...]
    categories: tuple[str, ...]
    clusters: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class TaskEntry:
    """One task of a run.

    Attributes:
        scores: as the run's results have them; the samples were checked against them.
        items: those with a record.
        values: the metric per item and sample, shape (items, samples); NaN where there is no number.
        seeds: int64, same shape; :data:`NOT_DRAWN` where there is no record.
        cards: the samples that the model's page shows.
    """

    scores: TaskScores
    items: Items
    values: NDArray[np.float64]
    seeds: NDArray[np.int64]
    cards: tuple[Card, ...] = ()


@dataclass(frozen=True, eq=False)
class Entry:
    """One run.

    Attributes:
        name: the model's, for a human.
        slug: unique among runs and safe in an address.
        manifest: ``run.json``.
        tasks: task -> what it says.
        digest: a hash of everything above, which the cache gives an entry; empty until then.
    """

    name: str
    slug: str
    manifest: Manifest
    tasks: dict[str, TaskEntry]
    digest: str = ""

    @property
    def fingerprint(self) -> str:
        """sha256 of the run's identity."""
        return self.manifest.fingerprint


def slug_of(name: str, fingerprint: str) -> str:
    """A name for files and links: what is readable of ``name``, and enough of ``fingerprint`` to be unique.

    >>> slug_of("lab/Tiny Model", "0123456789abcdef")
    'lab-tiny-model-01234567'
    """
    return f"{_UNSAFE.sub('-', name).strip('-').lower()[:60] or 'model'}-{fingerprint[:8]}"


def chosen_items(items: Items, number: int) -> list[int]:
    """Positions of up to ``number`` items, taken from the categories in turn, in the benchmark's order.

    The choice hangs on the ids alone, so two runs over the same items show the same ones.

    >>> chosen_items(Items(("a", "b", "c"), ("x", "x", "y"), ("a", "b", "c")), 2)
    [1, 2]
    """
    queues: dict[str, list[tuple[str, int]]] = {}
    for position, (name, category) in enumerate(zip(items.ids, items.categories, strict=True)):
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        queues.setdefault(category, []).append((digest, position))
    ordered = [sorted(queues[category]) for category in sorted(queues)]
    turns = max((len(queue) for queue in ordered), default=0)
    taken = [queue[turn][1] for turn in range(turns) for queue in ordered if turn < len(queue)]
    return sorted(taken[:number])


def item_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each item's mean over its scored samples, shape (..., samples) -> (...); NaN where none is scored."""
    import numpy as np

    known = ~np.isnan(values)
    count = known.sum(axis=-1)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
