"""The studentised sign-flip test, its stratified and clustered forms, and the interval that belongs to it.

If the two arms do not differ, a difference is as likely to have been its own
negative. Flipping signs therefore gives the distribution of t without assuming
a normal one, which is what a small set of items needs. All items of a cluster
flip together (the wild cluster bootstrap of Cameron, Gelbach & Miller 2008 with
Rademacher weights and the null imposed).

Studentising makes the test right in large samples even for a mean of zero with
a skewed distribution; in small ones it is exact for differences that are
symmetric about zero, as they are when the arms are exchangeable.

>>> sign_flip({"": [0.5, 0.25, 0.5, 0.75, 1.0, 0.25]}).p
0.03125
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING, NamedTuple

from selfreward_eval.harness.stats.means import Values, cluster_values, macro_interval, mean_interval
from selfreward_eval.harness.stats.paired import PairedResult, paired, paired_macro
from selfreward_eval.harness.stats.signs import SignSums, sign_sums

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["RESAMPLES", "sign_flip"]

RESAMPLES = 9999
"""Random sign patterns, unless all of them are fewer."""

TIE = 1e-9
"""Relative difference below which two statistics count as equal. Marks of a few pictures make many
ties, and each must count as "at least as extreme"."""


def sign_flip(
    strata: Mapping[str, Values],
    clusters: Mapping[str, Sequence[Hashable]] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> PairedResult:
    """The sign-flip test of a mean difference of zero, with the interval of all means it does not reject.

    Several strata stand for an unweighted mean over them; clusters lie within strata. The statistic is
    the macro mean over its stratified standard error; the interval shifts all strata by the same amount.

    Args:
        strata: name -> differences, second arm minus first, shape (G_j,), G_j >= 1; one of any name for a
            plain mean.
        clusters: name -> the cluster of every item of that stratum, or None where each item is its own.
        resamples: random sign patterns; all 2^n are taken where half of them are no more.
        seed: of the random patterns.
        level: coverage of the interval, in (0, 1).

    Returns:
        ``low`` and ``high`` are None where no mean at all can be rejected at this level, as with
        five units at 95 %: the smallest possible p is then 2 / 2^5.

    Raises:
        ValueError: no strata, an empty one, cluster lists that do not fit, or a level outside (0, 1).
    """
    units = {
        name: values if clusters is None else cluster_values(values, clusters[name])
        for name, values in strata.items()
    }
    first, *others = units.values() if units else [()]
    interval = macro_interval(units, level) if others else mean_interval(first, level)
    if interval.se is None or interval.se == 0:
        # Without a standard error there is nothing to studentise by; the paired test handles that.
        return paired_macro(units, level) if others else paired(first, level)
    assert interval.df is not None
    design = _Design([_totals(strata[name], clusters[name] if clusters else None) for name in strata])
    flips = design.flip(resamples, seed)
    p = flips.p_value_at(0.0)
    low, high = flips.interval(interval.value, interval.se, 1 - level)
    if p > 1 - level:
        # Test and interval agree up to rounding and Monte-Carlo ties; rounding must not make them disagree.
        low, high = (None if low is None else min(low, 0.0)), (None if high is None else max(high, 0.0))
    count = 2 * len(flips.sums.sums) if flips.sums.exact else len(flips.sums.sums)
    what = f"all {count:,}" if flips.sums.exact else f"{count:,} random"
    return PairedResult(
        effect=interval.value,
        se=interval.se,
        df=interval.df,
        low=low,
        high=high,
        t=interval.value / interval.se,
        p=p,
        n=interval.n,
        method=f"studentised sign flips ({what})" + (", stratified" if len(units) > 1 else ""),
        why="few units: flipping signs needs no normal distribution"
        + ("" if low is not None and high is not None else "; too few for any mean to be rejected"),
    )


class _Totals(NamedTuple):
    """One stratum with C clusters.

    Attributes:
        sums: sum of the differences of each cluster, shape (C,).
        sizes: items in each cluster, shape (C,).
    """

    sums: NDArray[np.float64]
    sizes: NDArray[np.float64]


def _totals(values: Values, clusters: Sequence[Hashable] | None) -> _Totals:
    import numpy as np

    numbers = np.asarray(values, dtype=float)
    if clusters is None:
        return _Totals(numbers, np.ones(len(numbers)))
    index: dict[Hashable, int] = {}
    codes = [index.setdefault(cluster, len(index)) for cluster in clusters]
    sizes = np.bincount(codes, minlength=len(index)).astype(np.float64)
    return _Totals(np.bincount(codes, numbers, len(index)).astype(np.float64), sizes)


@dataclass(frozen=True)
class _Design:
    """What is flipped.

    Attributes:
        strata: sums and sizes of every stratum.
    """

    strata: list[_Totals]

    @property
    def width(self) -> int:
        """Signed sums per stratum: of S, n, S n and n^2, or where every n is 1, of S and 1."""
        return 2 if all((totals.sizes == 1).all() for totals in self.strata) else 4

    @property
    def plain(self) -> bool:
        """One stratum, one item per unit: everything then follows from means of subsets."""
        return len(self.strata) == 1 and self.width == 2

    def columns(self) -> list[NDArray[np.float64]]:
        """The summands of every stratum, shape (C_j, width)."""
        import numpy as np

        return [
            np.stack([sums, sizes, sums * sizes, sizes**2], axis=1)[:, : self.width]
            for sums, sizes in self.strata
        ]

    def flip(self, resamples: int, seed: int) -> _Flips:
        """Draws the signs and adds up, each stratum in its own columns."""
        from scipy.linalg import block_diag

        return _Flips(self, sign_sums(block_diag(*self.columns()), resamples, seed))


@dataclass(frozen=True)
class _Flips:
    """The null distribution.

    Attributes:
        design: what is flipped.
        sums: signed column sums, one row per sign pattern.
    """

    design: _Design
    sums: SignSums

    def p_value_at(self, null: float) -> float:
        """The two-sided p-value of a mean of ``null``."""
        import numpy as np

        flipped = self._moments(self.sums.sums, null)
        data = self._moments(
            np.hstack([columns.sum(axis=0) for columns in self.design.columns()])[None, :], null
        )
        # |T*| >= |T| without dividing: a resample of equal values has no variance and an infinite T.
        extreme = flipped[0] ** 2 * data[1] >= data[0] ** 2 * flipped[1] * (1 - TIE)
        return self.sums.p_value(int(np.count_nonzero(extreme)))

    def _moments(
        self, rows: NDArray[np.float64], null: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Macro mean and its variance for every row, after ``null`` was taken off each difference.

        With u_c = S_c - null n_c the shifted total of cluster c and e_c its sign: mean = sum e_c u_c / N,
        variance = C / (C - 1) sum_c (e_c u_c - n_c mean)^2 / N^2, expanded into the signed sums.
        """
        import numpy as np

        count, width = len(self.design.strata), self.design.width
        mean, variance, scale = np.zeros(len(rows)), np.zeros(len(rows)), 0.0
        for j, (sums, sizes) in enumerate(self.design.strata):
            part = rows[:, width * j : width * (j + 1)]
            first, second, third, fourth = (part[:, k] for k in (0, 1, width - 2, width - 1))
            items, clusters = sizes.sum(), len(sizes)
            shifted = sums - null * sizes
            square = shifted @ shifted
            centre = (first - null * second) / items
            spread = square - 2 * centre * (third - null * fourth) + centre**2 * (sizes @ sizes)
            # A spread of nothing but rounding errors is 0.
            spread = np.where(spread > 1e-12 * square, spread, 0.0)
            mean += centre / count
            scale += np.abs(shifted).sum() / items / count
            variance += clusters / (clusters - 1) * spread / items**2 / count**2
        # Likewise the mean: it must tie with the other zeros.
        return np.where(np.abs(mean) > 1e-12 * scale, mean, 0.0), variance

    def interval(self, effect: float, se: float, alpha: float) -> tuple[float | None, float | None]:
        """The means with p > ``alpha``, or None for an end that does not exist."""
        if self.design.plain:
            return self._subset_interval(alpha)
        return self._search(effect, -se, alpha), self._search(effect, se, alpha)

    def _subset_interval(self, alpha: float) -> tuple[float | None, float | None]:
        """In closed form for a plain mean.

        |sum of e (d - null)| >= |sum of (d - null)| holds exactly when ``null`` lies between the mean of
        the differences that keep their sign and the mean of those that flip (Hartigan's typical values).
        So p(null) counts intervals, and its ends are order statistics.
        """
        import numpy as np

        (sums, _), n = self.design.strata[0], len(self.design.strata[0].sums)
        total = sums.sum()
        kept = (n + self.sums.sums[:, 1]) / 2
        both = (kept > 0.5) & (kept < n - 0.5)
        kept, signed = kept[both], self.sums.sums[both, 0]
        ends = np.stack([(total + signed) / (2 * kept), (total - signed) / (2 * (n - kept))])
        rows = len(self.sums.sums) + (not self.sums.exact)
        # Patterns without a subset on one side never reject, nor does the data's own: they come first.
        rank = floor(alpha * rows * (1 + TIE)) - (rows - len(kept))
        if rank < 0:
            return None, None
        return (
            float(np.partition(ends.min(axis=0), rank)[rank]),
            float(-np.partition(-ends.max(axis=0), rank)[rank]),
        )

    def _search(self, effect: float, step: float, alpha: float) -> float | None:
        """Where p falls to ``alpha`` on the side of ``step``: out in steps that double, then by halving."""
        inside, outside = effect, effect + step
        for _ in range(20):
            if self.p_value_at(outside) <= alpha:
                break
            inside, outside = outside, outside + 2 * (outside - effect)
        else:
            return None
        while abs(outside - inside) > 1e-4 * abs(step):
            middle = (inside + outside) / 2
            if self.p_value_at(middle) <= alpha:
                outside = middle
            else:
                inside = middle
        return inside
