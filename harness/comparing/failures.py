"""Whether one arm has more samples without a score than the other.

A sample without a score is left out of both arms. If pictures fail because they are bad, the arm with more
failures looks better than it is: with 30 % of the wrong pictures of B unscored and two models alike, B is
found better nearly always. The bounds of a comparison show the worst case; this says that there is a reason
to look at it.

The unit is the item, because the samples of an item are alike in what makes them fail. With as many runs in
both arms, an item that has more failures in A is as likely as one that has more in B if the arms fail
alike: an exact sign test over the items that differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from selfreward_eval.harness.stats.choosing import deciding_test
from selfreward_eval.harness.stats.mcnemar import mcnemar_p
from selfreward_eval.harness.stats.means import Values

__all__ = ["COVERAGE_GAP", "FAILURE_ALPHA", "Failures", "failures"]

FAILURE_ALPHA = 0.05
"""At this p-value the arms fail unequally. It is not corrected for the number of scores: a warning too many
costs a look at the failures."""

COVERAGE_GAP = 0.05
"""From this difference of the shares without a score on, there is a warning whatever the p-value: so many
samples can make a difference as large as those that are claimed."""


@dataclass(frozen=True)
class Failures:
    """Samples without a score by arm.

    Attributes:
        a: share of the first arm's planned samples, in [0, 1].
        b: of the second arm's.
        p: of the hypothesis that both fail alike, in (0, 1]; None where no test was possible.
    """

    a: float
    b: float
    p: float | None

    @property
    def unequal(self) -> bool:
        return (self.p is not None and self.p <= FAILURE_ALPHA) or abs(self.a - self.b) >= COVERAGE_GAP

    @property
    def warning(self) -> str:
        """In words; empty where the arms fail alike."""
        if not self.unequal:
            return ""
        more, less = ("B", "A") if self.b > self.a else ("A", "B")
        high, low = max(self.a, self.b), min(self.a, self.b)
        p = "" if self.p is None else ", p < 0.0001" if self.p < 1e-4 else f", p = {self.p:.4f}"
        return (
            f"{more} has more samples without a score than {less} ({high:.1%} against {low:.1%}{p}); if bad "
            f"samples fail more often, {more} looks better than it is"
        )


def failures(counts: Sequence[tuple[int, int]], arms: tuple[int, int], planned: int, images: int) -> Failures:
    """The shares and the test.

    Args:
        counts: per item the samples without a score, summed over the runs of A and over those of B.
        arms: runs of A and of B.
        planned: items that every run planned, those that no run recorded included.
        images: samples per item.
    """
    a, b = (sum(count[arm] for count in counts) / (arms[arm] * planned * images) for arm in (0, 1))
    if arms[0] == arms[1]:
        more = sum(second > first for first, second in counts)
        less = sum(second < first for first, second in counts)
        return Failures(a, b, mcnemar_p(more, less))
    gaps = [(second / arms[1] - first / arms[0]) / images for first, second in counts]
    strata: Mapping[str, Values] = {"": gaps}
    return Failures(a, b, deciding_test(strata, m=images, binary=False).p if gaps else None)
