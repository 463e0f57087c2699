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
For the score of one run, a bounded mean gets the interval that keeps to its range,
whatever the number of units, and a mean without bounds Student's t. The limits are where
``docs/calibration.md`` shows the simpler method to hold.

>>> choose_test({"": [0, 1, 0, 0, -1, 1, 1, 1]}, m=1, binary=True).result.method
'exact McNemar'
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import hypot

from selfreward_eval.harness.stats.bootstrap import BootstrapInterval, bca
from selfreward_eval.harness.stats.bounded import bounded_ends, freedom_of_spread
from selfreward_eval.harness.stats.gains import widened
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

__all__ = [
    "FEW_IN_STRATUM",
    "FEW_UNITS",
    "ChosenInterval",
    "ChosenTest",
    "choose_interval",
    "choose_test",
    "deciding_test",
    "few_in",
]

FEW_UNITS = 50
"""Below this many units a difference is tested by sign flips rather than by t."""

FEW_IN_STRATUM = 5
"""Below this many units a stratum's variance is no estimate: two items that agree have none at all. A mean
over such a stratum has an interval and no claim."""


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
    width: float | None = None,
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
        width: of the metric's range, or None where it has no bounds. With it the interval covers what it
            promises where differences are rare or point one way, too.
        clusters: name -> the cluster of every item, or None where each item is its own.
        resamples: of sign flips and bootstrap.
        seed: of both.
        level: coverage of the intervals, in (0, 1); a test decides at 1 - level.

    Raises:
        ValueError: no strata, an empty one, cluster lists that do not fit, or binary differences of
            single samples that are not -1, 0 or 1.
    """
    result = deciding_test(
        strata,
        m=m,
        binary=binary,
        width=width,
        clusters=clusters,
        resamples=resamples,
        seed=seed,
        level=level,
    )
    robustness = bca(_units(strata, clusters), resamples=resamples, seed=seed, level=level)
    return ChosenTest(result, robustness, _agree(result, robustness, 1 - level))


def deciding_test(
    strata: Mapping[str, Values],
    *,
    m: int,
    binary: bool,
    width: float | None = None,
    clusters: Mapping[str, Sequence[Hashable]] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> PairedResult:
    """The deciding result of :func:`choose_test` alone; arguments and errors are the same.

    Without ``width`` differences that do not vary have no interval; with it none is without width.
    """
    if m < 1:
        raise ValueError(f"an item has at least one sample, got {m}")
    units = _units(strata, clusters)
    (first, *others) = units.values()
    count = sum(len(values) for values in units.values())
    clustered = count < sum(len(values) for values in strata.values())
    if binary and m == 1 and not clustered and not others:
        return mcnemar(first, level)
    too_few = few_in(units)
    if too_few and any(value != 0 for values in units.values() for value in values):
        result = replace(paired_macro(units, level), t=None, p=None, method="none", why=too_few)
    elif count < FEW_UNITS:
        what = "clusters of items" if clustered else "items"
        result = sign_flip(strata, clusters, resamples=resamples, seed=seed, level=level)
        result = replace(result, why=result.why.replace("few units", f"{count} {what} are few"))
    else:
        result = paired_macro(units, level) if others else paired(first, level)
        if result.t is not None:
            what = "clusters of items" if clustered else "items"
            why = f"{count} {what} are enough for t; what is alike within one of them is averaged first"
            if others:
                why += "; the score is the unweighted mean of the categories, which vary differently"
            result = replace(result, why=why)
    if width is None:
        return replace(result, low=None, high=None) if result.se == 0 else result
    pictures = m if binary else None
    return widened(result, strata, units, clusters, width, pictures, level)


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
    if score_range is not None:
        most = {name: len(values) * m if binary else None for name, values in strata.items()}
        if others and min(len(values) for values in units.values()) < FEW_IN_STRATUM:
            return ChosenInterval(
                _over_strata(units, plain, score_range, level, most),
                "Beta quantiles of the effective size, stratum by stratum",
                f"a category has fewer than {FEW_IN_STRATUM} items, too few for a variance of its own",
            )
        # Right-or-wrong pictures tell no more than so many tosses; weights of strata can only lower that.
        freedom = sum(freedom_of_spread(values, score_range) for values in units.values())
        return ChosenInterval(
            bounded_ends(plain, score_range, level, items * m if binary else None, freedom),
            "Beta quantiles of the effective size",
            "the score is bounded, and its interval keeps to the range and to the skewness there"
            if plain.se > 0
            else "nothing varies, so the units themselves are counted",
        )
    name = "t over strata, Satterthwaite df" if others else "t on item means"
    return ChosenInterval(plain, name, "items are independent, the samples of an item are not")


def _over_strata(
    units: Mapping[str, Values],
    plain: Interval,
    score_range: tuple[float, float],
    level: float,
    most: Mapping[str, int | None],
) -> Interval:
    """The mean over strata with an interval made of theirs: distances of the ends add in squares.

    That is Newcombe's method of variance recovery (Zou & Donner 2008, Statistics in Medicine
    27:1693-1702). Two items that agree have a variance of 0 and still an interval.
    """
    below, above = [], []
    for name, values in units.items():
        one = bounded_ends(
            mean_interval(values, level),
            score_range,
            level,
            most[name],
            freedom_of_spread(values, score_range),
        )
        assert one.low is not None
        assert one.high is not None
        below.append(one.value - one.low)
        above.append(one.high - one.value)
    return replace(
        plain,
        low=max(score_range[0], plain.value - hypot(*below) / len(units)),
        high=min(score_range[1], plain.value + hypot(*above) / len(units)),
    )


def few_in(units: Mapping[str, Values]) -> str:
    """Why a mean over strata cannot be tested: one has too few units. Empty where it can be."""
    few = [(name, len(values)) for name, values in units.items() if len(values) < FEW_IN_STRATUM]
    if len(units) == 1 or not few:
        return ""
    (name, n), rest = few[0], len(few) - 1
    more = f" and {rest} more have as few" if rest > 1 else " and one more has as few" if rest else ""
    return (
        f"category {name!r} has only {n} item{'s' if n != 1 else ''}{more}; "
        f"at least {FEW_IN_STRATUM} are needed in each for a claim about their mean"
    )


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
