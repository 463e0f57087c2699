"""The mean of a bounded score from few items, where Student's t is too narrow.

Scores near an end of their range are skewed: with 24 items t intervals cover the
truth 92 times in 100 rather than 95 (``docs/calibration.md``). A score in [0, 1]
with mean p and standard error s tells as much as p (1 - p) / s^2 independent
coin tosses; Clopper and Pearson's interval for that many never leaves the range
and is as skewed as it should be. Survey statistics uses it for the same reason
(Korn & Graubard 1998, Survey Methodology 24:193-201).

The standard error is an estimate too, so the size is reduced by (z / t)^2, with as many
degrees of freedom as the spread really has (:func:`freedom_of_spread`): with 21 of 24
items all right, the error comes from three. The size never falls below the n units
themselves taken as tosses.

>>> from selfreward_eval.harness.stats.means import mean_interval
>>> bounded_ends(mean_interval([1.0] * 10)).low
0.6915028921812392
"""

from __future__ import annotations

from dataclasses import replace

from selfreward_eval.harness.stats.means import Interval, Values, t_quantile

__all__ = ["bounded_ends", "freedom_of_spread"]


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
    """A mean with a Clopper-Pearson interval of effective size, from its standard error.

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
    from scipy.special import betaincinv, ndtri

    _check(score_range)
    bottom, top = score_range
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    if interval.se is None or interval.df is None:
        return interval
    scale, upper = top - bottom, 0.5 + level / 2
    share = (interval.value - bottom) / scale
    if not -1e-9 <= share <= 1 + 1e-9:
        raise ValueError(f"a mean of {interval.value} lies outside the range {score_range}")
    share = min(max(share, 0.0), 1.0)
    size = float(interval.n)
    if interval.se > 0:
        size = share * (1 - share) * (scale / interval.se) ** 2
        size = size if most is None else min(size, most)
        df = interval.df if freedom is None else min(interval.df, max(freedom, 1.0))
        z = float(ndtri(upper))
        floor = min(size * (z / t_quantile(interval.df, upper)) ** 2, float(interval.n))
        size = max(size * (z / t_quantile(df, upper)) ** 2, floor)
    right = share * size
    low = float(betaincinv(right, size - right + 1, 1 - upper)) if right > 0 else 0.0
    high = float(betaincinv(right + 1, size - right, upper)) if right < size else 1.0
    return replace(interval, low=bottom + scale * low, high=bottom + scale * high)


def _check(score_range: tuple[float, float]) -> None:
    if not score_range[0] < score_range[1]:
        raise ValueError(f"a range needs two ends, the smaller first, got {score_range}")
