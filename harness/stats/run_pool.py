"""The variance between training runs, pooled over methods whose runs vary alike.

Three runs of a method estimate how its runs vary with two degrees of freedom, for which the t quantile is
4.3: a large difference is then needed for a claim. Runs of other methods from the same starting model tell
about the same variance, and five methods have ten degrees of freedom together.

A method is left out if its variance is larger than that of all others together, by an F test at
:data:`ALIKE_ALPHA`. The level is generous, because a method that wrongly stays gets too narrow an interval.
A smaller variance does not put a method out: the pool then errs on the safe side for it.

With three runs the check finds a method of three times the standard deviation six times in ten. One that
it does not find gets a claim that errs in up to one case of eight, which is why the method's own interval is
shown beside the pooled one. ``docs/calibration.md`` has the figures.

>>> pool = run_pool({"a": [0.50, 0.52, 0.54], "b": [0.51, 0.53, 0.55], "c": [0.3, 0.7, 0.5]})
>>> pool.members, pool.left_out, pool.df
(('a', 'b'), ('c',), 4.0)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from selfreward_eval.harness.stats.means import mean_and_variance

__all__ = ["ALIKE_ALPHA", "RunPool", "run_pool"]

ALIKE_ALPHA = 0.1
"""Level of the F test that leaves a method out of the pool."""


@dataclass(frozen=True)
class RunPool:
    """How single training runs vary.

    Attributes:
        variance: of one run's score around its method's mean; None where no two methods are alike.
        df: its degrees of freedom, 0 without a variance.
        members: the methods that are pooled.
        left_out: those whose runs vary more than the others'.
    """

    variance: float | None
    df: float
    members: tuple[str, ...]
    left_out: tuple[str, ...]


def run_pool(scores: Mapping[str, Sequence[float]]) -> RunPool:
    """The pooled variance of the methods that are alike.

    Args:
        scores: method -> its score in every training run, two or more of them.

    Raises:
        ValueError: a method with a single run.
    """
    spreads: dict[str, tuple[float, int]] = {}
    for name, values in scores.items():
        variance = mean_and_variance(values)[1]
        if variance is None:
            raise ValueError(f"{name!r} has a single training run, which says nothing about how runs vary")
        spreads[name] = (variance, len(values) - 1)
    left_out = tuple(name for name in spreads if _varies_more(name, spreads))
    members = tuple(name for name in spreads if name not in left_out)
    if len(members) < 2:
        return RunPool(None, 0.0, (), left_out)
    variance, df = _together([spreads[name] for name in members])
    return RunPool(variance, df, members, left_out)


def _together(spreads: Sequence[tuple[float, int]]) -> tuple[float, float]:
    df = sum(freedom for _, freedom in spreads)
    return fsum(variance * freedom for variance, freedom in spreads) / df, float(df)


def _varies_more(name: str, spreads: Mapping[str, tuple[float, int]]) -> bool:
    """Whether the variance of ``name`` exceeds that of all the others together."""
    from scipy.special import fdtrc

    others = [spread for other, spread in spreads.items() if other != name]
    if not others:
        return False
    (variance, freedom), (rest, rest_df) = spreads[name], _together(others)
    if rest == 0:
        return variance > 0
    return float(fdtrc(freedom, rest_df, variance / rest)) <= ALIKE_ALPHA
