"""A judge corrected by people: prediction-powered inference (PPI++).

A judge scores every prompt, people score some. The judge's mean over all prompts is
precise but biased; the people's is unbiased but rough. The estimate

    lambda * mean of judge over N unlabelled + mean of (human - lambda * judge) over n labelled

is unbiased for every lambda; the best one weighs the judge by how well it follows
people, and lambda = 0 ignores it (Angelopoulos, Duchi & Zrnic 2023, arXiv:2311.01453).

How far the judge is off shows only in the labels that differ from its scores. With few of those their
variance is badly known, at worst 0, and the interval is far too narrow: with 20 labels it covered 69 to 76 %.
Below :data:`FEW_DISCORDANT` of them the labels speak alone, with the interval of a score by itself.

For before against after, labels are needed on both arms: a model trained on a
judge's reward can move the judge's bias, and a bias measured on one arm says nothing
about the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import fsum, sqrt

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.stats.choosing import choose_interval, deciding_test
from selfreward_eval.harness.stats.means import (
    Interval,
    Values,
    macro_interval,
    mean_interval,
    t_quantile,
)

__all__ = [
    "FEW_DISCORDANT",
    "FEW_LABELS",
    "Corrected",
    "Labelled",
    "ppi_difference",
    "ppi_mean",
    "ppi_strata",
]

FEW_DISCORDANT = 8
"""With fewer labels that differ from the judge in another way than most do, the judge is not used. Right or
wrong judges of 70 to 95 % right models, 10 to 400 labels: with 5 the interval covers 93.6 % at worst, with 8
what it promises."""

FEW_LABELS = 5
"""Labels that every category needs for a mean over categories: fewer tell nothing of how items vary."""


@dataclass(frozen=True)
class Corrected:
    """A mean or difference as people would have scored it.

    Attributes:
        value: the corrected estimate.
        se: its standard error.
        low: lower end of the interval, Student's t on n - 2 degrees of freedom (n - 1 where the judge
            is ignored or taken at its word); None where the labels alone have no interval.
        high: upper end, likewise.
        judge_weight: lambda, in [0, 1]; 0 where the judge does not help.
        labelled: prompts with a human label, n.
        unlabelled: prompts with the judge alone, N.
        human_only: what the labels say by themselves.
        judge_only: mean of the judge over all n + N prompts, biased.
        bias: judge minus human on the labelled prompts, with its interval.
        discordant: labels that differ from the judge in another way than most do.
        why: why the labels speak alone, else empty.
    """

    value: float
    se: float
    low: float | None
    high: float | None
    judge_weight: float
    labelled: int
    unlabelled: int
    human_only: Interval
    judge_only: float
    bias: Interval
    discordant: int = 0
    why: str = ""


@dataclass(frozen=True)
class Labelled:
    """The numbers of one stratum, or of all prompts.

    Attributes:
        human: labels, shape (n,).
        judge: the judge on the same prompts, shape (n,).
        rest: the judge on all other prompts, shape (N,).
    """

    human: Values
    judge: Values
    rest: Values


def ppi_mean(
    human: Values,
    judge_labelled: Values,
    judge_unlabelled: Values,
    level: float = 0.95,
    score_range: tuple[float, float] | None = None,
) -> Corrected:
    """The human mean over prompts, with a judge's help.

    The labelled prompts must be a random sample of all.

    Args:
        human: labels, one per labelled prompt, shape (n,), n >= 3.
        judge_labelled: the judge on the same prompts, shape (n,).
        judge_unlabelled: the judge on all other prompts, shape (N,), N >= 2.
        level: coverage, in (0, 1).
        score_range: smallest and largest possible score, or None where it has no bounds; the interval keeps
            to it.

    Raises:
        UsageError: fewer than three prompts with or two without labels.
        ValueError: labels and judge of different length, numbers that are not finite, or a level
            outside (0, 1).
    """
    import numpy as np

    y, f = np.asarray(human, dtype=float), np.asarray(judge_labelled, dtype=float)
    rest = np.asarray(judge_unlabelled, dtype=float)
    n, more = len(y), len(rest)
    if len(f) != n:
        raise ValueError(f"{n} labels but {len(f)} judge scores for them")
    if n < 3 or more < 2:
        raise UsageError(
            f"correcting a judge needs three labelled and two unlabelled prompts or more, got {n} and {more}"
        )
    human_only = mean_interval(y, level)
    bias = mean_interval(f - y, level)
    everything = np.concatenate([f, rest])
    spread = float(everything.var(ddof=1))
    if not np.isfinite(spread):
        raise ValueError("judge scores must be finite; leave out what was not scored")
    covariance = float(((y - y.mean()) * (f - f.mean())).sum() / (n - 1))
    weight = min(max(covariance / ((1 + n / more) * spread), 0.0), 1.0) if spread > 0 else 0.0
    value = weight * float(rest.mean()) + float((y - weight * f).mean())
    # A weight estimated from the labels uses up one degree of freedom more, as a slope does.
    used = 1 if weight in (0.0, 1.0) else 2
    left = float(((y - weight * f) - (y - weight * f).mean()) @ (y - weight * f)) / (n - used)
    se = sqrt(weight**2 * float(rest.var(ddof=1)) / more + max(left, 0.0) / n)
    half = t_quantile(float(n - used), 0.5 + level / 2) * se if se > 0 else 0.0
    low, high = _within(value - half, value + half, score_range)
    differing = discordant(y, f)
    corrected = Corrected(
        value, se, low, high, weight, n, more, human_only, float(everything.mean()), bias, differing
    )
    return corrected if differing >= FEW_DISCORDANT else _people_alone(corrected, {"": y}, level, score_range)


def discordant(human: Values, judge: Values) -> int:
    """Labels whose distance from the judge is not the commonest one.

    A judge that is off by one on nearly all prompts is known by the prompts on which it is not.
    """
    gaps = Counter(round(float(y) - float(f), 9) for y, f in zip(human, judge, strict=True))
    return len(human) - max(gaps.values(), default=0)


def _within(low: float, high: float, score_range: tuple[float, float] | None) -> tuple[float, float]:
    if score_range is None:
        return low, high
    return max(low, score_range[0]), min(high, score_range[1])


def _people_alone(
    corrected: Corrected, human: Mapping[str, Values], level: float, score_range: tuple[float, float] | None
) -> Corrected:
    """The labels by themselves, with the interval of one score (of a difference where there is no range)."""
    if score_range is None:
        test = deciding_test(human, m=1, binary=False, level=level)
        value, se, low, high = test.effect, test.se, test.low, test.high
    else:
        binary = all(label in score_range for values in human.values() for label in values)
        chosen = choose_interval(human, m=1, binary=binary, score_range=score_range, level=level).interval
        value, se, low, high = chosen.value, chosen.se, chosen.low, chosen.high
    why = (
        f"only {corrected.discordant} labels differ from the judge in a way of their own, and "
        f"{FEW_DISCORDANT} are needed to know how far it is off; the labels speak alone"
    )
    return replace(corrected, value=value, se=se or 0.0, low=low, high=high, judge_weight=0.0, why=why)


def ppi_strata(
    strata: Mapping[str, Labelled], level: float = 0.95, score_range: tuple[float, float] | None = None
) -> Corrected:
    """The unweighted mean over strata as people would have scored it, with one weight of the judge for all.

    Args:
        strata: name -> its numbers; n >= :data:`FEW_LABELS` each. A single stratum is :func:`ppi_mean`. In a
            stratum with fewer than two unlabelled prompts the labels stand alone.
        level: coverage, in (0, 1).
        score_range: as for :func:`ppi_mean`.

    Raises:
        UsageError: a stratum with too few labels.
        ValueError: as for :func:`ppi_mean`.
    """
    import numpy as np

    if len(strata) == 1:
        (only,) = strata.values()
        return ppi_mean(only.human, only.judge, only.rest, level, score_range)
    few = {name: len(one.human) for name, one in strata.items() if len(one.human) < FEW_LABELS}
    if few:
        listed = ", ".join(f"{name} has {n}" for name, n in few.items())
        raise UsageError(
            f"a mean over categories is corrected with {FEW_LABELS} labels or more in each: {listed}"
        )
    arrays = {
        name: tuple(np.asarray(part, dtype=float) for part in (one.human, one.judge, one.rest))
        for name, one in strata.items()
    }
    covariance = spread = 0.0
    for y, f, rest in arrays.values():
        if len(rest) < 2:
            continue
        everything = np.concatenate([f, rest])
        if not np.isfinite(everything).all():
            raise ValueError("judge scores must be finite; leave out what was not scored")
        covariance += float(np.cov(y, f)[0, 1]) / len(y)
        spread += float(everything.var(ddof=1)) * (1 / len(y) + 1 / len(rest))
    weight = min(max(covariance / spread, 0.0), 1.0) if spread > 0 else 0.0
    count, value, parts, unlabelled = len(arrays), 0.0, [], []
    for y, f, rest in arrays.values():
        used = weight if len(rest) >= 2 else 0.0
        value += (used * float(rest.mean()) if used else 0.0) + float((y - used * f).mean())
        parts.append((float((y - used * f).var(ddof=1)) / len(y), len(y) - 1))
        unlabelled.append(used**2 * float(rest.var(ddof=1)) / len(rest) if used else 0.0)
    value /= count
    labelled = fsum(part for part, _ in parts)
    se = sqrt(labelled + fsum(unlabelled)) / count
    df = labelled**2 / fsum(part**2 / free for part, free in parts) if labelled > 0 else float(len(parts))
    half = t_quantile(max(1.0, df - (0 < weight < 1)), 0.5 + level / 2) * se if se > 0 else 0.0
    low, high = _within(value - half, value + half, score_range)
    human = {name: y for name, (y, _, _) in arrays.items()}
    corrected = Corrected(
        value,
        se,
        low,
        high,
        weight,
        sum(len(y) for y, _, _ in arrays.values()),
        sum(len(rest) for _, _, rest in arrays.values()),
        macro_interval(human, level),
        fsum(float(np.concatenate([f, rest]).mean()) for _, f, rest in arrays.values()) / count,
        macro_interval({name: f - y for name, (y, f, _) in arrays.items()}, level),
        sum(discordant(y, f) for y, f, _ in arrays.values()),
    )
    if corrected.discordant >= FEW_DISCORDANT:
        return corrected
    return _people_alone(corrected, human, level, score_range)


def ppi_difference(
    human: tuple[Values | None, Values | None],
    judge_labelled: tuple[Values, Values],
    judge_unlabelled: tuple[Values, Values],
    level: float = 0.95,
) -> Corrected:
    """The human difference, second arm minus first, with a judge's help; each pair is (first, second).

    Args:
        human: labels of both arms for the same labelled prompts, shapes (n,).
        judge_labelled: the judge on those prompts in both arms, shapes (n,).
        judge_unlabelled: the judge on all other prompts in both arms, shapes (N,).
        level: coverage, in (0, 1).

    Raises:
        UsageError: an arm without labels, or too few prompts.
        ValueError: arms of different length.
    """
    import numpy as np

    first, second = human
    for which, labels in (("first", first), ("second", second)):
        if labels is None or len(labels) == 0:
            raise UsageError(
                f"the {which} arm has no human labels; label the same prompts in both arms, since training "
                "on a judge's reward can change how far the judge is off"
            )
    gaps: list[Values] = []
    for what, (a, b) in (
        ("labels", (first, second)),
        ("judge scores of labelled prompts", judge_labelled),
        ("judge scores of unlabelled prompts", judge_unlabelled),
    ):
        assert a is not None
        assert b is not None
        if len(a) != len(b):
            raise ValueError(f"the arms have {len(a)} and {len(b)} {what}")
        gaps.append(np.asarray(b, dtype=float) - np.asarray(a, dtype=float))
    labels_gap, judged_gap, rest_gap = gaps
    return ppi_mean(labels_gap, judged_gap, rest_gap, level)
