"""Ranks that say no more than the data: from adjusted pairwise tests to rank intervals and tie groups.

A model's rank is one more than the number of models that are better than it
beyond chance, so models that nothing separates share a rank; its rank interval
ends at the number of models less those it is itself better than. Tie groups cut
the table only where every model above is better than every model below.

"Better" asks for a two-sided p of at most 0.05 after Holm's adjustment over the
declared family, and that the samples without a number could not undo it: the
effect keeps its sign were they all scored against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from selfreward_eval.harness.comparing.records import ALPHA

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Place", "adjusted", "better_matrix", "places"]


@dataclass(frozen=True)
class Place:
    """Where a model stands.

    Attributes:
        rank: 1 + the number of models better than it beyond chance; the lower end of the interval.
        worst: n less the number of models that it is better than; the upper end.
        group: tie group, from 1; any two models of different groups are told apart.
    """

    rank: int
    worst: int
    group: int


def adjusted(families: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Holm-adjusted p-values of several tables that form one family, in the same shapes.

    NaN (no test was possible) stays NaN and counts as asked.
    """
    import numpy as np

    everything = np.concatenate([np.asarray(family, dtype=float) for family in families])
    flat = _holm(everything)
    ends = np.cumsum([len(family) for family in families])
    return [flat[end - len(family) : end] for end, family in zip(ends, families, strict=True)]


def _holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """:func:`selfreward_eval.harness.stats.multiplicity.holm` for hundreds of thousands."""
    import numpy as np

    out = np.full(len(p_values), np.nan)
    asked = np.flatnonzero(~np.isnan(p_values))
    places = asked[np.argsort(p_values[asked], kind="stable")]
    p = p_values[places]
    if len(p) and not (p[0] > 0 and p[-1] <= 1):
        raise ValueError(f"p-values must lie in (0, 1], got {p[0]} to {p[-1]}")
    steps = len(p_values) - np.arange(len(p))
    out[places] = np.maximum.accumulate(np.minimum(1.0, steps * p)) if len(p) else p
    return out


def better_matrix(
    effect: NDArray[np.float64],
    p: NDArray[np.float64],
    low: Sequence[float],
    high: Sequence[float],
    *,
    higher_is_better: bool,
    alpha: float = ALPHA,
) -> NDArray[np.bool_]:
    """Whether model i is better than model j beyond chance, shape (R, R).

    Args:
        effect: of every pair i < j, j minus i, in the order of ``numpy.triu_indices``.
        p: adjusted, NaN where no test was possible; same shape.
        low: each model's value had its unscored samples the lowest mark, shape (R,).
        high: had they the highest.
        higher_is_better: direction of the metric.
        alpha: level.
    """
    import numpy as np

    count = len(low)
    first, second = np.triu_indices(count, 1)
    lowest, highest = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    with np.errstate(invalid="ignore"):
        sure = p <= alpha
        up = sure & (effect > 0) & (lowest[second] > highest[first])
        down = sure & (effect < 0) & (highest[second] < lowest[first])
    if not higher_is_better:
        up, down = down, up
    better = np.zeros((count, count), dtype=bool)
    better[second[up], first[up]] = True
    better[first[down], second[down]] = True
    return better


def places(better: NDArray[np.bool_]) -> list[Place]:
    """The place of every model.

    Args:
        better: shape (R, R), models sorted best value first.
    """
    import numpy as np

    count = len(better)
    above, below = better.sum(axis=0), better.sum(axis=1)
    group, reach, groups = 1, 0, []
    for position in range(count):
        # A cut above this model needs every model before it to be better than every one from here on.
        if position and reach <= position:
            group += 1
        groups.append(group)
        not_beaten = np.flatnonzero(~better[position, position + 1 :])
        reach = max(reach, position + 2 + int(not_beaten[-1]) if len(not_beaten) else position + 1)
    return [Place(1 + int(above[k]), count - int(below[k]), groups[k]) for k in range(count)]
