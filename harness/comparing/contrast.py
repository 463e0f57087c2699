"""One difference with its effect, interval, test and verdict.

The unit is the item: its difference is the mean, over the samples scored in every
run, of second arm minus first. :mod:`selfreward_eval.harness.stats.choosing` picks the test by the
data's shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import fsum
from typing import Any

from selfreward_eval.harness.comparing.failures import failures
from selfreward_eval.harness.comparing.families import Family, adjust
from selfreward_eval.harness.comparing.pairing import PairedItem, PairedTask
from selfreward_eval.harness.comparing.records import ALPHA, Contrast, Robustness
from selfreward_eval.harness.stats.choosing import ChosenTest, choose_test
from selfreward_eval.harness.stats.means import (
    Interval,
    Values,
    cluster_values,
    icc,
    macro_interval,
    mean_interval,
)
from selfreward_eval.harness.stats.one_sided import one_sided_test
from selfreward_eval.harness.stats.paired import correlation, se_ratio

__all__ = [
    "Arms",
    "Strata",
    "contrast",
    "corrected",
    "difference_test",
    "matched",
    "strata_of",
    "with_verdict",
]

Strata = Mapping[str, Sequence[PairedItem]]
"""Name -> items; one of any name for a plain mean, several for an unweighted mean over them."""


@dataclass(frozen=True)
class Arms:
    """Which of the paired runs belong to which arm.

    Attributes:
        a: how many, the first ones.
        b: how many, the others.
    """

    a: int = 1
    b: int = 1

    def difference(self, row: Sequence[float]) -> float:
        """Mean of the second arm minus mean of the first, for one number per run."""
        return fsum(row[self.a :]) / self.b - fsum(row[: self.a]) / self.a


def strata_of(task: PairedTask, category: str | None = None) -> Strata:
    """The items behind a category, or behind the headline score."""
    if category is not None:
        return {category: task.categories[category]}
    return task.categories if task.scores.macro else {"": task.items}


def matched(strata: Strata) -> dict[str, list[PairedItem]]:
    """The items with a sample that every run scored."""
    return {name: [paired for paired in items if paired.scored] for name, items in strata.items()}


def contrast(task: PairedTask, category: str | None = None, arms: Arms = Arms()) -> Contrast:
    """The difference in one category, or in the headline score.

    Args:
        task: the paired runs.
        category: None for the headline.
        arms: how many runs each arm has; an item's score in an arm is its mean over them.
    """
    strata = strata_of(task, category)
    kept = matched(strata)
    items = [item for group in kept.values() for item in group]
    # An item's difference is the mean of its samples' differences, not the difference of two
    # means: for marks of 0 and 1 it is then exact, and equal differences are equal numbers.
    gaps = [[arms.difference(row) for row in item.scored] for item in items]
    differences = [fsum(gap) / len(gap) for gap in gaps]
    planned = task.planned_items if category is None else len(task.categories[category])
    n_scored, n_planned = sum(map(len, gaps)), planned * task.images
    bounds = _bounds(strata, arms, task.scores.range) if n_scored < n_planned else (None, None)
    failed = failures(
        [_unscored(paired, arms) for group in strata.values() for paired in group],
        (arms.a, arms.b),
        planned,
        task.images,
    )
    better = 1 if task.scores.higher_is_better else -1
    coverage_fields: dict[str, Any] = {
        "n_items": len(items),
        "m": task.images,
        "coverage": n_scored / n_planned,
        "bound_low": bounds[0],
        "bound_high": bounds[1],
        "icc": icc(gaps),
        "improved": sum(better * value > 0 for value in differences),
        "unchanged": sum(value == 0 for value in differences),
        "worsened": sum(better * value < 0 for value in differences),
        "unscored_a": failed.a,
        "unscored_b": failed.b,
        "unscored_p": failed.p,
        "imbalance": failed.warning,
    }
    empty = [name for name, group in kept.items() if not group]
    if empty:
        everywhere = "both arms" if arms == Arms() else "every run"
        why = f"no sample is scored in {everywhere}" + (f" in {', '.join(empty)}" if any(empty) else "")
        return Contrast(method="none", why=why, verdict=f"cannot be compared: {why}", **coverage_fields)
    clusters = {name: [item.item.cluster for item in group] for name, group in kept.items()}
    binary = task.binary and arms == Arms() and task.scores.range == (0.0, 1.0)
    width = task.scores.range[1] - task.scores.range[0]
    by_stratum = _per_stratum(differences, kept)
    chosen = difference_test(
        by_stratum,
        m=task.images,
        binary=binary,
        width=width,
        clusters=clusters,
    )
    # A guard is a headline, and bounds below 50 units cost as much as a test.
    guarded = (
        _one_sided_bounds(by_stratum, width=width, clusters=clusters, marks=binary and task.images == 1)
        if category is None
        else (None, None)
    )
    means = [
        [fsum(item.mean(run) for run in runs) / len(runs) for item in items]
        for runs in (range(arms.a), range(arms.a, arms.a + arms.b))
    ]
    scores = [_interval(_per_stratum(arm, kept), clusters) for arm in means]
    result, bca = asdict(chosen.result), chosen.robustness
    difference = Contrast(
        a=scores[0].value,
        b=scores[1].value,
        correlation=correlation(*means),
        se_ratio=se_ratio(chosen.result.se, scores[0].se, scores[1].se),
        verdict="",
        n_units=result.pop("n"),
        bca=Robustness(bca.low, bca.high, chosen.agrees, bca.why, bca.method),
        one_sided_low=guarded[0],
        one_sided_high=guarded[1],
        **coverage_fields,
        **result,
    )
    return with_verdict(difference, task.scores.higher_is_better)


def _one_sided_bounds(
    strata: Mapping[str, list[float]], *, width: float, clusters: Mapping[str, Sequence[str]], marks: bool
) -> tuple[float | None, float | None]:
    """The bounds that guards go by, the same for A against B as for B against A."""
    if _mean(strata) >= 0:
        test = one_sided_test(strata, 0.0, width=width, alpha=ALPHA, clusters=clusters, marks=marks)
        return test.low, test.high
    mirrored = {name: [-value for value in values] for name, values in strata.items()}
    test = one_sided_test(mirrored, 0.0, width=width, alpha=ALPHA, clusters=clusters, marks=marks)
    return _negated(test.high), _negated(test.low)


def _mean(strata: Mapping[str, list[float]]) -> float:
    return fsum(fsum(values) / len(values) for values in strata.values())


def _unscored(paired: PairedItem, arms: Arms) -> tuple[int, int]:
    """An item's samples without a score, summed over the runs of each arm."""
    by_run = [sum(value is None for value in values) for values in paired.values]
    return sum(by_run[: arms.a]), sum(by_run[arms.a :])


def _per_stratum(values: Sequence[float], kept: Mapping[str, Sequence[PairedItem]]) -> dict[str, list[float]]:
    """Item values, in the order of the strata, cut into them."""
    left = iter(values)
    return {name: [next(left) for _ in group] for name, group in kept.items()}


def _interval(strata: Mapping[str, Values], clusters: Mapping[str, Sequence[str]]) -> Interval:
    units = {name: cluster_values(values, clusters[name]) for name, values in strata.items()}
    (first, *others) = units.values()
    return macro_interval(units) if others else mean_interval(first)


def difference_test(
    strata: Mapping[str, list[float]],
    *,
    m: int,
    binary: bool,
    width: float | None,
    clusters: Mapping[str, Sequence[str]],
) -> ChosenTest:
    """The test that suits the data, the same for A against B as for B against A.

    Random sign flips of negated differences are other sign flips, so a negative effect is tested with all
    differences negated, and the result is negated back. McNemar's test is exact, and its reason counts
    the items that gained and lost.
    """
    if _mean(strata) >= 0 or (binary and m == 1):
        return choose_test(strata, m=m, binary=binary, width=width, clusters=clusters)
    mirrored = {name: [-value for value in values] for name, values in strata.items()}
    mirrored_test = choose_test(mirrored, m=m, binary=binary, width=width, clusters=clusters)
    result, bca = mirrored_test.result, mirrored_test.robustness
    return replace(
        mirrored_test,
        result=replace(
            result,
            effect=-result.effect,
            low=_negated(result.high),
            high=_negated(result.low),
            t=_negated(result.t),
        ),
        robustness=replace(bca, value=-bca.value, low=_negated(bca.high), high=_negated(bca.low)),
    )


def _negated(value: float | None) -> float | None:
    return None if value is None else 0.0 - value


def _bounds(strata: Strata, arms: Arms, value_range: tuple[float, float]) -> tuple[float, float]:
    """The effect with every unscored sample at the end of the range that lowers it, and that raises it."""
    low, high = value_range

    def effect(fill_a: float, fill_b: float) -> float:
        fills = [fill_a] * arms.a + [fill_b] * arms.b
        means = []
        for items in strata.values():
            gaps = []
            for paired in items:
                rows = zip(*paired.values, strict=True)
                filled = [[f if v is None else v for v, f in zip(row, fills, strict=True)] for row in rows]
                gaps.append(fsum(map(arms.difference, filled)) / len(filled))
            means.append(fsum(gaps) / len(gaps))
        return fsum(means) / len(means)

    return effect(high, low), effect(low, high)


def with_verdict(
    difference: Contrast,
    higher_is_better: bool,
    family: Family | None = None,
    p_adjusted: float | None = None,
) -> Contrast:
    """``difference`` with its verdict, by the p-value adjusted within ``family`` where it belongs to one."""
    if difference.effect is None:
        return difference
    difference = replace(difference, family=family.name if family else None, p_adjusted=p_adjusted)
    return replace(difference, verdict=_verdict_text(difference, higher_is_better, family))


def corrected(
    contrasts: Mapping[str, tuple[Contrast, bool]], families: Sequence[Family]
) -> dict[str, Contrast]:
    """Every contrast with its p-value adjusted within its family, and the verdict that follows.

    Args:
        contrasts: score (:func:`selfreward_eval.harness.comparing.families.key_of`) -> what was found and
            whether higher is better.
        families: of :func:`selfreward_eval.harness.comparing.families.declare`.
    """
    adjusted = adjust(families, {key: difference.p for key, (difference, _) in contrasts.items()})
    family_of = {member: family for family in families for member in family.members}
    return {
        key: with_verdict(difference, better, family_of[key], adjusted[key])
        if key in family_of
        else difference
        for key, (difference, better) in contrasts.items()
    }


def _verdict_text(difference: Contrast, higher_is_better: bool, family: Family | None) -> str:
    if difference.p is None or difference.effect is None:
        return f"cannot be tested: {difference.why}"
    if (difference.p if difference.p_adjusted is None else difference.p_adjusted) > ALPHA:
        lost_by_correction = f" after correction ({family.how})" if family and difference.p <= ALPHA else ""
        return "no evidence of a difference" + lost_by_correction
    better = (difference.effect > 0) == higher_is_better
    text = f"B is {'better' if better else 'worse'} than A"
    low, high = difference.bound_low, difference.bound_high
    if low is not None and high is not None and (low <= 0 if difference.effect > 0 else high >= 0):
        text += ", where both have scores; the samples without one could undo it"
    return text
