"""When a picture is called right: the one place where a measurement becomes a yes or a no.

A task whose values are all at an end of its range is right or wrong by itself. A graded value is right
if it reaches half of the full mark: half way from no mark (0, or the end of the range that is nearest to
it) to the best one. That is a convention, not a fact about the benchmark; another value may be named.

>>> rule([0.0, 0.25, 1.0], (-1.0, 1.0)).threshold
0.5
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from selfreward_eval.harness.errors import UsageError

__all__ = ["RightRule", "rule"]


@dataclass(frozen=True)
class RightRule:
    """Which measurements are called right.

    Attributes:
        threshold: the value itself is right.
        higher_is_better: direction.
        graded: whether there are values between the ends of the range.
        given: whether a user named the threshold.
    """

    threshold: float
    higher_is_better: bool
    graded: bool
    given: bool = False

    def right(self, value: float) -> bool:
        """Whether ``value`` is."""
        return value >= self.threshold if self.higher_is_better else value <= self.threshold

    @property
    def description(self) -> str:
        """The rule in words."""
        side = "at least" if self.higher_is_better else "at most"
        why = "as asked for" if self.given else "half of the full mark"
        return f"{side} {self.threshold:g} ({why})" if self.graded or self.given else f"{self.threshold:g}"


def rule(
    values: Sequence[float],
    value_range: tuple[float, float],
    *,
    higher_is_better: bool = True,
    threshold: float | None = None,
) -> RightRule:
    """The rule for these measurements.

    Args:
        values: all that were measured.
        value_range: of the metric.
        higher_is_better: direction.
        threshold: the one to use; None for the rule above.

    Raises:
        UsageError: a threshold outside the range.
    """
    low, high = value_range
    if threshold is not None:
        if not low <= threshold <= high:
            raise UsageError(
                f"no measurement can be right at {threshold:g}: the metric's range is {low:g} to {high:g}"
            )
        return RightRule(threshold, higher_is_better, graded=True, given=True)
    best, worst = (high, low) if higher_is_better else (low, high)
    if set(values) <= {low, high}:
        return RightRule(best, higher_is_better, graded=False)
    none = min(max(0.0, low), high) if higher_is_better else worst
    return RightRule(none + (best - none) / 2, higher_is_better, graded=True)
