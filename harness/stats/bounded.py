"""The mean of a bounded score, where Student's t leaves the range or is too narrow.

Scores near an end of their range are skewed: at 95 % right, t intervals of 24 prompts cover the
truth 75 times in 100 (``docs/calibration.md``), and where all are alike they have no width.
A score in [0, 1] with mean p and standard error s tells as much as N = p (1 - p) / s^2
independent coin tosses, of which R = p N came up; survey statistics uses the same number
(Korn & Graubard 1998, Survey Methodology 24:193-201). The ends are quantiles of Beta
distributions, of Beta(R + 1 - c, N - R + c) below and Beta(R + c, N - R + 1 - c) above: c = 1 is
Clopper and Pearson's interval, c = 1/2 the one with half of the observed count's probability
("mid-P"). Clopper and Pearson's covers more than it says, so c is 2/3 where tosses of either
outcome are many, and 1 where fewer than :data:`FEW_TOSSES` are of one, or where fewer than
:data:`FEW_SPREAD` units tell the spread (``docs/decisions/``).

The standard error is an estimate too, so N is reduced by (z / t)^2, with as many degrees of
freedom as the spread really has (:func:`freedom_of_spread`): with 21 of 24 items all right, the
error comes from three. N never falls below the n units themselves taken as tosses.

>>> from selfreward_eval.harness.stats.means import mean_interval
>>> bounded_ends(mean_interval([1.0] * 10)).low
0.6915028921812392
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from selfreward_eval.harness.stats.means import Interval, Values

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["FEW_SPREAD", "FEW_TOSSES", "bounded_ends", "ends_of_tosses", "freedom_of_spread"]

FEW_TOSSES = 8.0
"""With fewer tosses of one outcome than this, the ends are Clopper and Pearson's."""

FEW_SPREAD = 50
"""With fewer units than this likewise: their spread is too uncertain for the narrower ends."""


def freedom_of_spread(item_means: Values, score_range: tuple[float, float] = (0.0, 1.0)) -> float:
    """How many degrees of freedom the units' variance has, at most n.

    The smaller of two numbers: the units away from that end of the range where most of the
    extreme ones sit, and 2 n / (kurtosis - 1), since the variance of a variance grows with the
    fourth moment (a normal distribution's kurtosis of 3 gives n).

    Args:
        item_means: one number per unit, shape (n,), n >= 1.
        score_range: smallest and largest possible score.
    """
    import numpy as np

    values = np.asarray(item_means, dtype=float)
    away = min(int((values > score_range[0]).sum()), int((values < score_range[1]).sum()))
    squares = (values - values.mean()) ** 2
    spread = float(squares.mean())
    if spread == 0:
        return float(away)
    excess = float((squares**2).mean()) / spread**2 - 1
    # Two values in equal shares have a kurtosis of 1: their spread is certain.
    return float(min(away, 2 * len(values) / excess if excess > 0 else len(values), len(values)))


def bounded_ends(
    interval: Interval,
    score_range: tuple[float, float] = (0.0, 1.0),
    level: float = 0.95,
    most: int | None = None,
    freedom: float | None = None,
) -> Interval:
    """A mean with an interval of effective tosses, from its standard error.

    The mean may be plain, over clusters or over strata; the interval lies in ``score_range``.

    Where nothing varies the units are the tosses: ten items all right leave the truth anywhere
    above 0.69.

    Args:
        interval: the mean, which must lie in ``score_range``, with its error.
        score_range: smallest and largest possible score.
        level: coverage, in (0, 1).
        most: an upper limit on the effective size, such as the number of right-or-wrong
            pictures, which cannot tell more than that many tosses.
        freedom: degrees of freedom of the spread (:func:`freedom_of_spread`), if fewer than the
            interval's; None for no limit.

    Returns:
        ``interval`` with other ends; as it is where it has no standard error.

    Raises:
        ValueError: a mean outside the range, an empty range, or a level outside (0, 1).
    """
    bottom, top = score_range
    if not bottom < top:
        raise ValueError(f"a range needs two ends, the smaller first, got {score_range}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    if interval.se is None or interval.df is None:
        return interval
    scale = top - bottom
    share = (interval.value - bottom) / scale
    if not -1e-9 <= share <= 1 + 1e-9:
        raise ValueError(f"a mean of {interval.value} lies outside the range {score_range}")
    low, high = ends_of_tosses(
        share,
        interval.se / scale,
        interval.n,
        interval.df,
        interval.df if freedom is None else freedom,
        level=level,
        most=float("inf") if most is None else most,
    )
    return replace(interval, low=bottom + scale * float(low), high=bottom + scale * float(high))


def ends_of_tosses(
    share: NDArray[np.float64] | float,
    se: NDArray[np.float64] | float,
    units: NDArray[np.int64] | int,
    df: NDArray[np.float64] | float,
    freedom: NDArray[np.float64] | float,
    *,
    level: float = 0.95,
    most: NDArray[np.float64] | float = float("inf"),
    few: float | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both ends of many means in [0, 1] at once; arrays of one shape, or numbers.

    Args:
        share: the means, in [0, 1] but for rounding.
        se: their standard errors, >= 0.
        units: independent units, >= 1.
        df: degrees of freedom of the standard errors, > 0.
        freedom: of the spread; ``df`` where it is larger, 1 where it is smaller.
        level: coverage, in (0, 1).
        most: an upper limit on the effective size.
        few: instead of :data:`FEW_TOSSES`; infinite for Clopper and Pearson's ends throughout.
    """
    import numpy as np
    from scipy.special import betaincinv, ndtri, stdtrit

    upper = 0.5 + level / 2
    p, error = np.clip(np.asarray(share, dtype=float), 0.0, 1.0), np.asarray(se, dtype=float)
    z = float(ndtri(upper))
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.minimum(p * (1 - p) / error**2, most)
        floor = np.minimum(size * (z / stdtrit(df, upper)) ** 2, units)
        size = np.maximum(size * (z / stdtrit(np.minimum(df, np.maximum(freedom, 1.0)), upper)) ** 2, floor)
    # A mean at an end of the range has no spread but rounding.
    size = np.where((error > 0) & (size > 0), size, units)
    right = p * size
    wrong = np.maximum(size - right, 0.0)
    scarce = np.minimum(right, wrong) < (FEW_TOSSES if few is None else few)
    c = np.where(scarce | (np.asarray(units) < FEW_SPREAD), 1.0, 2 / 3)
    tiny = np.finfo(float).tiny
    low = betaincinv(np.maximum(right + 1 - c, tiny), wrong + c, 1 - upper)
    high = betaincinv(right + c, np.maximum(wrong + 1 - c, tiny), upper)
    return np.where(right > 0, low, 0.0), np.where(wrong > 0, high, 1.0)
