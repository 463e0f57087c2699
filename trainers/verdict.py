"""The verdict on a task after a training run. Pure: a comparison and an audit in, words out.

Two rules, each by the harness's own tests:

* A task that was to improve is *helped* or *hurt* if its difference is significant after correction.
  If neither, but the mean reward of the same pictures rose, the claim depends on what is excluded. If a
  gain of the margin is, training has exploited the rewarder: *reward rose while quality did not*. If it is
  not, quality may have risen by more than that unseen: *quality not shown to rise*.
* A guard is a task that training must not make worse. It is tested for non-inferiority, because a
  difference that is not significant does not show that nothing was lost. The bounds are those that a
  gate uses (:mod:`selfreward_eval.harness.stats.one_sided`). It is *kept* if a loss of the
  margin is excluded, *lost* if such a loss is shown, and otherwise the verdict is *cannot tell*.

>>> Audit(before=0.41, after=0.48, effect=0.07, low=0.05, high=0.09, n=64, of=64).rose
True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from math import isfinite
from typing import Any

from selfreward_eval.harness.comparing.records import ALPHA, Comparison, Contrast, TaskComparison
from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.stats.noninferiority import NonInferiority, Verdict, within_margin
from selfreward_eval.harness.stats.one_sided import without_spread

__all__ = [
    "GUARDING",
    "SHARE",
    "Audit",
    "Outcome",
    "gain_excluded",
    "guard",
    "guard_claim",
    "guarding",
    "improvement",
    "is_number",
    "verdict",
    "verdicts",
]

SHARE = 0.01
"""The margin as a share of a metric's range: one point of a hundred. A guard may lose less than that, and
quality *did not* rise only if a gain of that size is excluded."""


class Outcome(StrEnum):
    """Every verdict that a task can get; the last three are for guards.

    A record's words are read back, so a word is never changed; ``quality not shown to rise`` is newer than
    the others, and older records say ``reward rose while quality did not`` in its place.
    """

    HELPED = "helped"
    NO_EVIDENCE = "no evidence"
    HURT = "hurt"
    GAMED = "reward rose while quality did not"
    NOT_SHOWN = "quality not shown to rise"
    KEPT = "kept"
    LOST = "lost"
    CANNOT_TELL = "cannot tell"


GUARDING = frozenset({Outcome.KEPT, Outcome.LOST, Outcome.CANNOT_TELL})
"""What a guard can be said to be; by its verdict a reader knows it for one."""

_GUARDED = {
    Verdict.PASS: Outcome.KEPT,
    Verdict.FAIL: Outcome.LOST,
    Verdict.INCONCLUSIVE: Outcome.CANNOT_TELL,
}


@dataclass(frozen=True)
class Audit:
    """What the frozen rewarder gives to a task's evaluation pictures, see
    :mod:`selfreward_eval.trainers.reward_audit`.

    Attributes:
        before: mean reward of the pictures that the starting model drew.
        after: of those that the trained one drew, for the same items and seeds.
        effect: mean paired difference, after minus before; over the items that have both rewards.
        low: lower end of its 95 % interval; None where too few items were scored.
        high: upper end, likewise.
        n: items with both rewards.
        of: items whose pictures were to be scored.
    """

    before: float
    after: float
    effect: float
    low: float | None
    high: float | None
    n: int
    of: int

    @property
    def rose(self) -> bool:
        """Whether the reward rose beyond chance: its interval lies above 0."""
        return self.low is not None and self.low > 0

    @classmethod
    def from_json(cls, task: str, data: Mapping[str, Any]) -> Audit | None:
        """One task's entry of ``record.audit``; None where too little could be scored for a difference.

        Raises:
            InputError: a value is no number, or one is missing.
        """
        if not isinstance(data, Mapping):
            raise InputError(f"the audit of {task} is {data!r}, no object; train again")
        if "effect" not in data:
            return None
        values: dict[str, Any] = {}
        for one in fields(cls):
            value = data.get(one.name)
            absent = one.name in ("low", "high") and one.name in data and value is None
            if not absent and not is_number(value):
                raise InputError(
                    f"the audit of {task} has {one.name} = {value!r} where a number is due; train again"
                )
            values[one.name] = value
        return cls(**values)


def is_number(value: Any) -> bool:
    """Whether a value from a file is a finite number; JSON's true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def improvement(contrast: Contrast, *, higher_is_better: bool) -> int:
    """1 where the second arm is better beyond chance, -1 where it is worse, else 0.

    The p-value is the one adjusted within its family where the score belongs to one, as for the
    comparison's own verdict.
    """
    p = contrast.p if contrast.p_adjusted is None else contrast.p_adjusted
    if p is None or p > ALPHA or not contrast.effect:
        return 0
    return 1 if (contrast.effect > 0) == higher_is_better else -1


def verdict(
    task: TaskComparison, audit: Audit | None = None, value_range: tuple[float, float] = (0.0, 1.0)
) -> Outcome:
    """What training did to a task that it was to improve.

    Args:
        task: before against after.
        audit: of the same pictures; None where the rewarder cannot score them.
        value_range: smallest and largest value of the metric; the margin is a share of it.
    """
    change = improvement(task.overall, higher_is_better=task.higher_is_better)
    if change:
        return Outcome.HELPED if change > 0 else Outcome.HURT
    if audit is None or not audit.rose:
        return Outcome.NO_EVIDENCE
    excluded = gain_excluded(task.overall, value_range, higher_is_better=task.higher_is_better)
    return Outcome.GAMED if excluded else Outcome.NOT_SHOWN


def gain_excluded(contrast: Contrast, value_range: tuple[float, float], *, higher_is_better: bool) -> bool:
    """Whether a gain of the margin is excluded at 5 %, also had all samples without a score gone well.

    Arguments as for :func:`guarding`.
    """
    result = guarding(contrast, value_range, higher_is_better=higher_is_better)
    if result is None or result.high is None or result.high >= result.margin:
        return False
    best = contrast.bound_high if higher_is_better else contrast.bound_low
    return best is None or (best if higher_is_better else -best) < result.margin


def guarding(
    contrast: Contrast, value_range: tuple[float, float], *, higher_is_better: bool
) -> NonInferiority | None:
    """Whether :data:`SHARE` of a metric's range was lost, with both one-sided bounds of the change, signed so
    that larger is better; None where nothing is paired.

    Args:
        contrast: before against after.
        value_range: smallest and largest value of the metric; the margin is a share of it.
        higher_is_better: direction of the metric.
    """
    if contrast.effect is None:
        return None
    width = value_range[1] - value_range[0]
    low, high = contrast.one_sided_low, contrast.one_sided_high
    if not higher_is_better:
        low, high = (None if end is None else -end for end in (high, low))
    return within_margin(
        contrast.effect if higher_is_better else -contrast.effect,
        low,
        high,
        SHARE * width,
        n=contrast.n_units or contrast.n_items,
        why=contrast.why,
        se=contrast.se,
        alpha=ALPHA,
    )


def guard(task: TaskComparison, value_range: tuple[float, float]) -> Outcome:
    """What training did to a task that it must not cost anything.

    Samples without a score cannot be the reason why a guard is kept: had they all gone against the
    trained model and were the loss the margin or more then, nobody can tell.

    Args:
        task: before against after.
        value_range: as for :func:`guarding`.
    """
    better = task.higher_is_better
    result = guarding(task.overall, value_range, higher_is_better=better)
    if result is None:
        return Outcome.CANNOT_TELL
    outcome = _GUARDED[result.verdict]
    return (
        Outcome.CANNOT_TELL
        if outcome is Outcome.KEPT and _undone(task.overall, result.margin, better)
        else outcome
    )


def guard_claim(
    claim: Contrast | None, value_range: tuple[float, float], *, higher_is_better: bool
) -> Outcome:
    """What a method does to a task that it must not cost anything, by the interval of its claim.

    A claim over prompts and training runs has an interval that is no plain t interval, so its own ends
    are held against the margin. They are those of a two-sided interval, which errs on the safe side.

    Args:
        claim: the method's difference over its training runs; None where there is none.
        value_range: as for :func:`guarding`.
        higher_is_better: likewise.
    """
    if claim is None or claim.low is None or claim.high is None:
        return Outcome.CANNOT_TELL
    width = value_range[1] - value_range[0]
    claim_low, claim_high = claim.low, claim.high
    if claim.se == 0:
        # An interval without width is no certainty: a share of the items that was not seen may differ.
        units = claim.n_units or claim.n_items
        claim_low, claim_high, *_ = without_spread(claim.effect or 0.0, 0.0, units, ALPHA, width)
    margin = SHARE * width
    low, high = (claim_low, claim_high) if higher_is_better else (-claim_high, -claim_low)
    if high < -margin:
        return Outcome.LOST
    kept = low > -margin and not _undone(claim, margin, higher_is_better)
    return Outcome.KEPT if kept else Outcome.CANNOT_TELL


def _undone(contrast: Contrast, margin: float, higher_is_better: bool) -> bool:
    """Whether the samples without a score could hide a loss of ``margin``."""
    worst = contrast.bound_low if higher_is_better else contrast.bound_high
    return worst is not None and (worst if higher_is_better else -worst) <= -margin


def verdicts(
    comparison: Comparison,
    audits: Mapping[str, Mapping[str, Any]],
    guards: Mapping[str, tuple[float, float]],
    ranges: Mapping[str, tuple[float, float]],
) -> dict[str, str]:
    """The verdict of every compared task, ready for a record.

    Args:
        comparison: before against after.
        audits: task -> its entry of ``record.audit``; a task that the rewarder cannot score is absent.
        guards: the tasks that must not get worse -> the range of their metric.
        ranges: every other task -> the range of its metric.

    Raises:
        InputError: an audit that cannot be read.
    """
    read = {task: Audit.from_json(task, audit) for task, audit in audits.items()}
    return {
        name: str(
            guard(task, guards[name]) if name in guards else verdict(task, read.get(name), ranges[name])
        )
        for name, task in comparison.tasks.items()
    }
