"""Which rows of a request are computed together, so that a result does not depend on the request's size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["Batch", "batches", "each_once"]


@dataclass(frozen=True)
class Batch:
    """Rows that are computed together.

    Attributes:
        rows: numbers of the rows; the last one may come again, to fill the batch.
        real: so many of them, the first, are wanted.
    """

    rows: list[int]
    real: int


def batches(kinds: Sequence[Hashable], together: int | None, *, filled: bool) -> Iterator[Batch]:
    """Rows of one kind together.

    Args:
        kinds: of every row, such as its length.
        together: at most so many rows; None for all of a kind.
        filled: whether the last row of a smaller batch is repeated until there are so many, so that the
            same kernels see the same shapes.

    >>> [batch.rows for batch in batches([5, 7, 5, 5], 2, filled=True)]
    [[0, 2], [3, 3], [1, 1]]
    """
    members: dict[Hashable, list[int]] = defaultdict(list)
    for k, kind in enumerate(kinds):
        members[kind].append(k)
    for rows in members.values():
        size = together or len(rows)
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            missing = size - len(part) if filled else 0
            yield Batch(part + [part[-1]] * missing, len(part))


T = TypeVar("T")


def each_once(objects: Sequence[T]) -> tuple[list[T], list[int]]:
    """Objects that come several times, once, and for each of ``objects`` its number among them.

    >>> star, ring = object(), object()
    >>> each_once([star, ring, star]) == ([star, ring], [0, 1, 0])
    True
    """
    # Sequences that make an object on access could reuse an id.
    held = list(objects)
    distinct = {id(one): one for one in held}
    numbers = {key: k for k, key in enumerate(distinct)}
    return list(distinct.values()), [numbers[id(one)] for one in held]
