"""Which test decides, by the shape of the data, and why.

=====================================================  ==========================================
the data                                               what decides
=====================================================  ==========================================
one right-or-wrong sample per item, no clusters        exact McNemar
fewer than 50 units (items, or clusters of them)       studentised sign flips
otherwise                                              t on item means, Satterthwaite over strata
=====================================================  ==========================================

A mean over strata has no McNemar test, so single marks in strata go by the other two
rows. Beside each stands the BCa bootstrap as a robustness line, which decides nothing.
For the score of one run, a bounded mean of fewer than 400 units gets the interval that
keeps to its range, one mark per item Wilson's, anything else Student's t. The limits are
where ``docs/calibration.md`` shows the simpler method to hold.

>>> choose_test({"": [0, 1, 0, 0, -1, 1, 1, 1]}, m=1, binary=True).result.method
'exact McNemar'
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

from selfreward_eval.harness.stats.bootstrap import BootstrapInterval, bca
from selfreward_eval.harness.stats.bounded import bounded_ends, freedom_of_spread
from selfreward_eval.harness.stats.mcnemar import mcnemar
from selfreward_eval.harness.stats.means import (
    Interval,
    Values,
    cluster_values,
    macro_interval,
    mean_interval,
)
from selfreward_eval.harness.stats.paired import PairedResult, paired, paired_macro
from selfreward_eval.harness.stats.permutation import RESAMPLES, sign_flip
from selfreward_eval.harness.stats.wilson import wilson

__all__ = [
    "FEW_UNITS",
    "FEW_UNITS_OF_ONE_RUN",
    "ChosenInterval",
    "ChosenTest",
    "choose_interval",
    "choose_test",
    "deciding_test",
]

FEW_UNITS = 50
"""Below this many units a difference is tested by sign flips rather than by t."""

FEW_UNITS_OF_ONE_RUN = 400
"""Below this many units the mean of a bounded score is too skewed for a t interval. It is larger
than :data:`FEW_UNITS` because a difference is nearly symmetric and a score is not."""


@dataclass(frozen=True)
class ChosenTest:
    """The deciding result and its robustness line.

    Attributes:
        result: what decides; ``method`` and ``why`` say which test and why this one.
        robustness: the BCa interval of the same effect.
        agrees: whether both say the same about a difference of 0, or None where one of them cannot tell.
    """

    result: PairedResult
    robustness: BootstrapInterval
    agrees: bool | None


def choose_test(
    strata: Mapping[str, Values],
    *,
    m: int,
    binary: bool,
    clusters: Mapping[str, Sequence[Hashable]] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> ChosenTest:
    """Tests paired differences by what suits them.

    Args:
        strata: name -> item differences, second arm minus first, shape (G_j,), G_j >= 1; one stratum for a
            plain mean, several for an unweighted mean over them.
        m: samples per item and arm, >= 1.
        binary: whether a sample scores 0 or 1.
        clusters: name -> the cluster of every item, or None where each item is its own.
        resamples: of sign flips and bootstrap.
        seed: of both.
        level: coverage of the intervals, in (0, 1); a test decides at 1 - level.

    Raises:
        ValueError: no strata, an empty one, cluster lists that do not fit, or binary differences of
            single samples that are not -1, 0 or 1.
    """
    result = deciding_test(
        strata, m=m, binary=binary, clusters=clusters, resamples=resamples, seed=seed, level=level
    )
    robustness = bca(_units(strata, clusters), resamples=resamples, seed=seed, level=level)
    return ChosenTest(result, robustness, _agree(result, robustness, 1 - level))


def deciding_test(
    strata: Mapping[str, Values],
    *,
    m: int,
    binary: bool,
    clusters: Mapping[str, Sequence[Hashable]] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> PairedResult:
    """The deciding result of :func:`choose_test` alone; arguments and errors are the same."""
    if m < 1:
        raise ValueError(f"an item has at least one sample, got {m}")
    units = _units(strata, clusters)
    (first, *others) = units.values()
    count = sum(len(values) for values in units.values())
    clustered = count < sum(len(values) for values in strata.values())
    if binary and m == 1 and not clustered and not others:
        return mcnemar(first, level)
    what = "clusters of items" if clustered else "items"
    if count < FEW_UNITS:
        result = sign_flip(strata, clusters, resamples=resamples, seed=seed, level=level)
        return replace(result, why=result.why.replace("few units", f"{count} {what} are few"))
    result = paired_macro(units, level) if others else paired(first, level)
    if result.t is None:
        return result
    why = f"{count} {what} are enough for t; what is alike within one of them is averaged first"
    if others:
        why += "; the score is the unweighted mean of the categories, which vary differently"
    return replace(result, why=why)


def _agree(result: PairedResult, robustness: BootstrapInterval, alpha: float) -> bool | None:
    if result.p is None or robustness.low is None or robustness.high is None:
        return None
    outside = not robustness.low <= 0 <= robustness.high
    return outside == (result.p <= alpha)


@dataclass(frozen=True)
class ChosenInterval:
    """The score of one run.

    Attributes:
        interval: mean, standard error and interval.
        method: how the interval was made.
        why: why so.
    """

    interval: Interval
    method: str
    why: str


def choose_interval(
    strata: Mapping[str, Values],
    *,
    m: int,
    binary: bool,
    score_range: tuple[float, float] | None = (0.0, 1.0),
    clusters: Mapping[str, Sequence[Hashable]] | None = None,
    level: float = 0.95,
) -> ChosenInterval:
    """The mean of one run's items with the interval that suits them.

    Args:
        strata: name -> item means, shape (G_j,), G_j >= 1; several for an unweighted mean over them.
        m: samples per item, >= 1.
        binary: whether a sample scores 0 or 1.
        score_range: smallest and largest possible score, or None where it has no bounds.
        clusters: name -> the cluster of every item, or None where each item is its own.
        level: coverage, in (0, 1).

    Raises:
        ValueError: no strata, an empty one, cluster lists that do not fit, or a score outside its range.
    """
    if m < 1:
        raise ValueError(f"an item has at least one sample, got {m}")
    units = _units(strata, clusters)
    (first, *others) = units.values()
    plain = macro_interval(units, level) if others else mean_interval(first, level)
    items = sum(len(values) for values in strata.values())
    if plain.se is None:
        return ChosenInterval(plain, "none", "a single item says nothing about how items vary")
    if score_range is not None and (plain.n < FEW_UNITS_OF_ONE_RUN or plain.se == 0):
        # Right-or-wrong pictures tell no more than so many tosses; weights of strata can only lower that.
        most = items * m if binary else None
        freedom = sum(freedom_of_spread(values, score_range) for values in units.values())
        return ChosenInterval(
            bounded_ends(plain, score_range, level, most, freedom),
            "Clopper-Pearson of effective size",
            f"{plain.n} units of a bounded score are too skewed for t"
            if plain.se > 0
            else "nothing varies, which leaves no standard error",
        )
    if binary and m == 1 and not others and plain.n == items and score_range == (0.0, 1.0):
        share = wilson(round(sum(first)), plain.n, level)
        return ChosenInterval(
            replace(plain, low=share.low, high=share.high), share.method, "one right-or-wrong sample per item"
        )
    name = "t over strata, Satterthwaite df" if others else "t on item means"
    return ChosenInterval(plain, name, "items are independent, the samples of an item are not")


def _units(
    strata: Mapping[str, Values], clusters: Mapping[str, Sequence[Hashable]] | None
) -> dict[str, Values]:
    if not strata:
        raise ValueError("a comparison needs at least one stratum")
    if clusters is not None and clusters.keys() != strata.keys():
        raise ValueError("the clusters are not those of the strata")
    return {
        name: values if clusters is None else cluster_values(values, clusters[name])
        for name, values in strata.items()
    }
