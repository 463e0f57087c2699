"""A judge corrected by people: prediction-powered inference (PPI++).

A judge scores every prompt, people score some. The judge's mean over all prompts is
precise but biased; the people's is unbiased but rough. The estimate

    lambda * mean of judge over N unlabelled + mean of (human - lambda * judge) over n labelled

is unbiased for every lambda; the best one weighs the judge by how well it follows
people, and lambda = 0 ignores it (Angelopoulos, Duchi & Zrnic 2023, arXiv:2311.01453).

For before against after, labels are needed on both arms: a model trained on a
judge's reward can move the judge's bias, and a bias measured on one arm says nothing
about the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.stats.means import Interval, Values, mean_interval, t_quantile

__all__ = ["Corrected", "ppi_difference", "ppi_mean"]


@dataclass(frozen=True)
class Corrected:
    """A mean or difference as people would have scored it.

    Attributes:
        value: the corrected estimate.
        se: its standard error.
        low: lower end of the interval, Student's t on n - 2 degrees of freedom (n - 1 where the judge
            is ignored or taken at its word).
        high: upper end.
        judge_weight: lambda, in [0, 1]; 0 where the judge does not help.
        labelled: prompts with a human label, n.
        unlabelled: prompts with the judge alone, N.
        human_only: what the labels say by themselves.
        judge_only: mean of the judge over all n + N prompts, biased.
        bias: judge minus human on the labelled prompts, with its interval.
    """

    value: float
    se: float
    low: float
    high: float
    judge_weight: float
    labelled: int
    unlabelled: int
    human_only: Interval
    judge_only: float
    bias: Interval


def ppi_mean(
    human: Values, judge_labelled: Values, judge_unlabelled: Values, level: float = 0.95
) -> Corrected:
    """The human mean over prompts, with a judge's help.

    The labelled prompts must be a random sample of all.

    Args:
        human: labels, one per labelled prompt, shape (n,), n >= 3.
        judge_labelled: the judge on the same prompts, shape (n,).
        judge_unlabelled: the judge on all other prompts, shape (N,), N >= 2.
        level: coverage, in (0, 1).

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
    return Corrected(
        value, se, value - half, value + half, weight, n, more, human_only, float(everything.mean()), bias
    )


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
