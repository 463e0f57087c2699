"""Two claims that several training runs allow, and the two errors they need.

"This checkpoint is better on prompts like these" generalises over prompts alone.
"This way of training helps" also generalises over training seeds: another run would
have given another checkpoint. Prompts and runs are crossed, every run answers every
prompt, so the variance of the mean difference is

    sigma_P^2 / G + sigma_R^2 / R + sigma_PR^2 / (G R)

over G prompts and R runs. It is estimated as V_P + V_R - V_PR: clustered by prompt,
plus clustered by run, minus what both count (Cameron, Gelbach & Miller 2011; for a
balanced table the analysis-of-variance estimate).

From eight runs on, the method claim is a t test with Satterthwaite's degrees of
freedom and never a smaller variance than by prompt or by run alone. With fewer it
would reject a true null hypothesis up to twice too often, because a few runs estimate
a variance badly; there the interval is effect +- sqrt(t_P^2 V_P + t_R^2 V_R),
each variance with its own t quantile, which covers at least its level (Banerjee 1960,
Journal of the American Statistical Association 55). That bound belongs to no single t value or number of
degrees of freedom, so its result has none. See ``docs/calibration.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.stats.means import macro_interval, mean_interval, t_quantile
from selfreward_eval.harness.stats.paired import SMALLEST_P, PairedResult

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "ENOUGH_RUNS",
    "MethodClaim",
    "Part",
    "Table",
    "banerjee",
    "method_claim",
    "method_claim_of_arms",
]

Table: TypeAlias = "Sequence[Sequence[float]] | NDArray[np.floating]"
"""Prompts by runs, shape (G, R), without gaps."""

ENOUGH_RUNS = 8
"""From this many runs per trained arm Satterthwaite's approximation holds its level."""


@dataclass(frozen=True)
class MethodClaim:
    """A difference that is to hold for other prompts and other training runs.

    Attributes:
        result: effect, interval and test. ``df`` is Satterthwaite's and low where runs dominate; ``t`` and
            ``df`` are None for Banerjee's bound.
        se_prompts: the standard error over prompts alone, that of the checkpoint claim.
        df_prompts: its degrees of freedom.
        se_runs: the standard error over runs alone, 0 where they agree.
        runs: training runs of each trained arm.
    """

    result: PairedResult
    se_prompts: float
    df_prompts: float
    se_runs: float
    runs: tuple[int, ...]


def method_claim(differences: Mapping[str, Table], level: float = 0.95) -> MethodClaim:
    """Training in this way, where run r of both arms belongs together (same training seed and data order).

    Args:
        differences: stratum -> second arm minus first, shape (G_j, R), R >= 2; one stratum for a plain mean.
        level: coverage of the interval, in (0, 1).

    Raises:
        UsageError: a single training run.
        ValueError: no strata, a table with gaps, another number of runs, or a single prompt.
    """
    tables = _tables(differences)
    means = {name: table.mean(axis=1) for name, table in tables.items()}
    return _claim(means, [_over_runs(tables)], level)


def method_claim_of_arms(
    before: Mapping[str, Table],
    after: Mapping[str, Table],
    *,
    untrained_before: bool = False,
    level: float = 0.95,
) -> MethodClaim:
    """Training in this way, with independent runs in the two arms.

    Args:
        before: stratum -> the first arm's item scores, shape (G_j, R_A).
        after: the second arm's over the same prompts, shape (G_j, R_B).
        untrained_before: the first arm is a given checkpoint (the base model), not a run of a method:
            it has one column and its seed is no source of chance.
        level: coverage of the interval, in (0, 1).

    Raises:
        UsageError: a trained arm with a single run.
        ValueError: arms that do not fit, tables with gaps, or a single prompt.
    """
    first, second = _tables(before), _tables(after)
    if {k: len(v) for k, v in first.items()} != {k: len(v) for k, v in second.items()}:
        raise ValueError("the arms have different strata or prompts")
    # From each prompt's first score on: arms that are equal everywhere then differ by 0, not by rounding.
    starts = {name: table[:, :1] for name, table in first.items()}
    first = {name: table - starts[name] for name, table in first.items()}
    second = {name: table - starts[name] for name, table in second.items()}
    means = {name: second[name].mean(axis=1) - first[name].mean(axis=1) for name in first}
    sources = [] if untrained_before else [_over_runs(first, "before: ")]
    if untrained_before and any(table.shape[1] != 1 for table in first.values()):
        raise ValueError("an untrained first arm has one column, not several runs")
    return _claim(means, [*sources, _over_runs(second, "after: " if sources else "")], level)


class Part(NamedTuple):
    """A variance component of the effect.

    Attributes:
        variance: of the effect.
        df: its degrees of freedom.
    """

    variance: float
    df: float


class _Runs(NamedTuple):
    """The variance components of one trained arm.

    Attributes:
        by_run: clustered by run.
        by_cell: by prompt within run, which is also part of the variance clustered by prompt.
        runs: training runs.
    """

    by_run: Part
    by_cell: Part
    runs: int


def _tables(tables: Mapping[str, Table]) -> dict[str, NDArray[np.float64]]:
    import numpy as np

    if not tables:
        raise ValueError("a crossed design needs at least one stratum")
    arrays = {name: np.asarray(table, dtype=float) for name, table in tables.items()}
    for name, array in arrays.items():
        where = f"stratum {name!r}" if name else "the table"
        if array.ndim != 2 or 0 in array.shape:
            raise ValueError(
                f"{where} must have prompts as rows and runs as columns, got shape {array.shape}"
            )
        if not np.isfinite(array).all():
            raise ValueError(f"{where} has gaps; keep the prompts that every run answered")
    if len({array.shape[1] for array in arrays.values()}) > 1:
        raise ValueError("the strata have different numbers of runs")
    return arrays


def _over_runs(tables: Mapping[str, NDArray[np.float64]], which: str = "") -> _Runs:
    """V_R and V_PR of one trained arm's (macro) mean."""
    import numpy as np

    runs = next(iter(tables.values())).shape[1]
    if runs < 2:
        raise UsageError(
            f"{which}a claim about a method needs two training runs or more, got one; "
            "with one run, claim that this checkpoint is better"
        )
    scores = np.mean([table.mean(axis=0) for table in tables.values()], axis=0)
    by_run = mean_interval(scores)
    cells = []
    for name, table in tables.items():
        prompts = len(table)
        if prompts < 2:
            raise ValueError(
                f"a single prompt{f' in {name!r}' if name else ''} says nothing about how prompts vary"
            )
        residual = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
        freedom = (prompts - 1) * (runs - 1)
        square = float((residual**2).sum()) / freedom
        cells.append(Part(square / (prompts * runs * len(tables) ** 2), freedom))
    assert by_run.se is not None
    return _Runs(Part(by_run.se**2, runs - 1), _pool(cells), runs)


def _pool(parts: Sequence[Part]) -> Part:
    """The sum of independent variances with Satterthwaite's degrees of freedom."""
    total = fsum(part.variance for part in parts)
    if total == 0:
        return Part(0.0, fsum(part.df for part in parts))
    return Part(total, 1 / fsum((part.variance / total) ** 2 / part.df for part in parts))


def _claim(means: Mapping[str, NDArray[np.float64]], arms: Sequence[_Runs], level: float) -> MethodClaim:
    from scipy.special import stdtr

    interval = macro_interval(means, level)
    if interval.se is None or interval.df is None:
        raise ValueError("a single prompt says nothing about how prompts vary")
    by_prompt = Part(interval.se**2, interval.df)
    by_run = [arm.by_run for arm in arms]
    counts = tuple(arm.runs for arm in arms)
    all_parts = [by_prompt, *by_run]
    # What exceeds the noise of single cells; an estimate below nothing is nothing.
    extra = [max(0.0, arm.by_run.variance - arm.by_cell.variance) for arm in arms]
    variance = max(by_prompt.variance + fsum(extra), *(part.variance for part in by_run))
    squares = [(part.variance, part.df) for part in [*all_parts, *(arm.by_cell for arm in arms)]]
    spread = fsum(variance**2 / df for variance, df in squares)
    df = variance**2 / spread if spread > 0 else by_prompt.df
    if variance == 0:
        result = _result(interval.value, 0.0, df, 0.0, None, interval.n, "none", "no difference varies")
        if interval.value == 0:
            result = _result(interval.value, 0.0, df, 0.0, 1.0, interval.n, "none needed", "nothing differs")
    elif min(counts) >= ENOUGH_RUNS:
        half = t_quantile(df, 0.5 + level / 2) * sqrt(variance)
        p = max(min(1.0, 2 * float(stdtr(df, -abs(interval.value) / sqrt(variance)))), SMALLEST_P)
        why = "prompts and training runs are both samples; degrees of freedom after Satterthwaite"
        result = _result(
            interval.value, sqrt(variance), df, half, p, interval.n, "crossed prompts x runs, t", why
        )
    else:
        why = (
            f"{min(counts)} runs estimate how runs vary too badly for a t test; each variance has its own "
            "t quantile (Banerjee), which errs on the safe side"
        )
        result = banerjee(interval.value, all_parts, interval.n, level=level, why=why)
    runs_alone = sqrt(fsum(part.variance for part in by_run))
    return MethodClaim(result, interval.se, interval.df, runs_alone, counts)


def banerjee(effect: float, parts: Sequence[Part], n: int, *, level: float, why: str) -> PairedResult:
    """A difference whose variance is a sum of parts, each with its own t quantile.

    Args:
        effect: the difference.
        parts: variances of it with their degrees of freedom, at least one of them above 0.
        n: prompts.
        level: coverage of the interval, in (0, 1).
        why: for the result.
    """
    from scipy.special import stdtrit

    def bound(tail: float) -> float:
        return sqrt(fsum(part.variance * float(stdtrit(part.df, tail)) ** 2 for part in parts))

    half, p = bound(0.5 - level / 2), _p_value(bound, abs(effect))
    se = sqrt(fsum(part.variance for part in parts))
    method = "crossed prompts x runs, Banerjee bound"
    return PairedResult(effect, se, None, effect - half, effect + half, None, p, n, method, why)


def _p_value(bound: Callable[[float], float], distance: float) -> float:
    """Twice the tail at which ``bound``, which falls as the tail grows, equals ``distance``."""
    low, high = 0.0, 0.5
    for _ in range(200):
        middle = (low + high) / 2 if low > 0 else high / 4
        if middle < 1e-300:
            return SMALLEST_P
        if bound(middle) > distance:
            low = middle
        else:
            high = middle
        if low > 0 and high - low <= 1e-12 * high:
            break
    return max(min(1.0, 2 * high), SMALLEST_P)


def _result(
    effect: float, se: float, df: float, half: float, p: float | None, n: int, method: str, why: str
) -> PairedResult:
    t = effect / se if se > 0 else None
    return PairedResult(effect, se, df, effect - half, effect + half, t, p, n, method, why)
