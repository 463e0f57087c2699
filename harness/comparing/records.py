"""What a comparison of two runs says, as records, and how it is written down."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from selfreward_eval.harness.comparing.families import Family
from selfreward_eval.harness.files import atomic_write_json

__all__ = [
    "ALPHA",
    "Arm",
    "Comparison",
    "Contrast",
    "Relative",
    "Robustness",
    "TaskComparison",
    "Unmatched",
    "comparison_file",
    "write_comparison",
]

ALPHA = 0.05
"""A verdict speaks of a difference at p <= ALPHA, two-sided, where p is the adjusted one if the score
belongs to a family; the intervals cover 1 - ALPHA each."""

SCHEMA = 1
"""Files of this number may lack the keys that have a default below; they were written before those."""


@dataclass(frozen=True)
class Robustness:
    """The BCa bootstrap of the same effect, for comparison; it decides nothing.

    Attributes:
        low: lower end of its 95 % interval, or None where ``why`` says what is missing.
        high: upper end, likewise.
        agrees: whether it says the same about a difference of 0 as the test (by its p before any
            adjustment); None where one of them cannot tell.
        why: why there is no interval, else empty.
        method: how the bootstrap distribution was found, else empty.
    """

    low: float | None
    high: float | None
    agrees: bool | None
    why: str = ""
    method: str = ""


@dataclass(frozen=True)
class Contrast:
    """Second arm (B) minus first (A), for a task or one of its categories.

    Attributes:
        n_items: items with at least one pair.
        m: samples planned per item.
        coverage: sample pairs scored in both arms over those planned, in [0, 1].
        method: the test.
        why: why this one, or why none.
        verdict: the outcome in words; it goes by ``p_adjusted`` where there is one, else by ``p``.
        effect: difference of ``b`` and ``a``; None where a category has no pair.
        se: its standard error over items.
        df: degrees of freedom.
        low: lower end of the 95 % interval that belongs to ``method``; wider where differences are rare or
            nearly all point one way (:mod:`selfreward_eval.harness.stats.gains`).
        high: upper end.
        t: effect / se.
        p: two-sided p-value, never 0 and not adjusted.
        a: the first arm's score over the paired samples.
        b: the second arm's.
        bound_low: the effect over all planned samples had every unscored one gone the way that
            lowers it; None at full coverage. It also counts samples scored in one arm only, so the
            bounds need not enclose ``effect``.
        bound_high: the same, had every unscored one raised it.
        icc: how alike an item's sample differences are (at most 1).
        correlation: of the two arms' item means, in [-1, 1].
        se_ratio: the standard error over that of two independent runs; below 1 is what pairing gained.
        n_units: what was counted as independent: items, or clusters of them.
        improved: items whose mean is better in B.
        unchanged: items whose mean is the same in both.
        worsened: items whose mean is worse in B.
        p_adjusted: the p-value adjusted within its family; None for a score that belongs to none.
        family: name of that family, see ``Comparison.families``.
        bca: the robustness line, None where there is no effect.
        one_sided_low: of a headline, the effect is above this with 95 % confidence; by the test of gates
            (:mod:`selfreward_eval.harness.stats.one_sided`), which guards go by. None where there is none.
        one_sided_high: it is below this with 95 % confidence, likewise.
        unscored_a: share of the first arm's planned samples without a score, in [0, 1].
        unscored_b: of the second arm's.
        unscored_p: of both arms failing alike, see :mod:`selfreward_eval.harness.comparing.failures`; None
            where no test was possible.
        imbalance: a warning where one arm has more samples without a score, else empty.
    """

    n_items: int
    m: int
    coverage: float
    method: str
    why: str
    verdict: str
    effect: float | None = None
    se: float | None = None
    df: float | None = None
    low: float | None = None
    high: float | None = None
    t: float | None = None
    p: float | None = None
    a: float | None = None
    b: float | None = None
    bound_low: float | None = None
    bound_high: float | None = None
    icc: float | None = None
    correlation: float | None = None
    se_ratio: float | None = None
    n_units: int | None = None
    improved: int | None = None
    unchanged: int | None = None
    worsened: int | None = None
    p_adjusted: float | None = None
    family: str | None = None
    bca: Robustness | None = None
    one_sided_low: float | None = None
    one_sided_high: float | None = None
    unscored_a: float | None = None
    unscored_b: float | None = None
    unscored_p: float | None = None
    imbalance: str = ""


@dataclass(frozen=True)
class Unmatched:
    """An item without a sample that every run scored.

    Attributes:
        item: its id.
        category: its category.
        reason: why, by run.
    """

    item: str
    category: str
    reason: str


@dataclass(frozen=True)
class Relative:
    """A score as a percentage of a reference's, where papers print that; see
    :mod:`selfreward_eval.harness.comparing.relative`.

    Attributes:
        name: how the share is made, such as ``100 x candidate / reference``.
        overall: over all items; ``a``, ``b``, the effect and its interval are in per cent. It belongs to
            no family: the headline decides, and this is another reading of the same answers.
        categories: one per category.
    """

    name: str
    overall: Contrast
    categories: dict[str, Contrast]


@dataclass(frozen=True)
class TaskComparison:
    """One task in both arms.

    Attributes:
        task: registry name.
        version: protocol version, the same in both.
        metric: name of the number.
        macro: whether ``overall`` is the unweighted mean of the categories.
        higher_is_better: direction of the metric.
        planned_items: how many items both runs planned.
        overall: the headline difference.
        categories: one per category.
        unmatched: items without a pair of scored samples. An item recorded in neither run has no
            name to list; it is missing from ``overall.n_items`` and from ``overall.coverage``.
        relative: the relative score, where the task has one; else None, and not in the file.
    """

    task: str
    version: str
    metric: str
    macro: bool
    higher_is_better: bool
    planned_items: int
    overall: Contrast
    categories: dict[str, Contrast]
    unmatched: tuple[Unmatched, ...]
    relative: Relative | None = None


@dataclass(frozen=True)
class Arm:
    """One of the runs.

    Attributes:
        folder: of the run.
        name: of the folder.
        model: identity of its model: name, weights, revision, generation settings.
        fingerprint: of the run's identity.
    """

    folder: str
    name: str
    model: dict[str, Any]
    fingerprint: str


@dataclass(frozen=True)
class Comparison:
    """What changed from run A to run B.

    Attributes:
        a: the run before.
        b: the run after.
        tasks: task -> its comparison, for tasks done in both.
        only_in_one: task done in one run only -> that run's folder.
        families: what was corrected together, see :mod:`selfreward_eval.harness.comparing.families`.
        pairing: how samples are paired where a model does not repeat itself; else empty, and not in the file.
    """

    a: Arm
    b: Arm
    tasks: dict[str, TaskComparison]
    only_in_one: dict[str, str]
    families: tuple[Family, ...] = ()
    pairing: str = ""

    def to_json(self) -> dict[str, Any]:
        content = {"schema": SCHEMA, "alpha": ALPHA, **asdict(self)}
        if not self.pairing:
            del content["pairing"]
        for task in content["tasks"].values():
            if task["relative"] is None:
                del task["relative"]
        return content


def comparison_file(comparison: Comparison, path: Path) -> Path:
    """Where the comparison goes: ``path`` if it ends in ``.json`` or ``.html`` (then with
    ``.json``), else ``compare_<A>_vs_<B>.json`` in the folder ``path``."""
    # Only these two endings make a file: a folder may well be called janus-1.5.
    if path.suffix in (".json", ".html"):
        return path.with_suffix(".json")
    return path / f"compare_{comparison.a.name}_vs_{comparison.b.name}.json"


def write_comparison(comparison: Comparison, path: Path) -> Path:
    """Writes the comparison, whole or not at all, to :func:`comparison_file`, and returns that."""
    file = comparison_file(comparison, path)
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic_write_json(file, comparison.to_json())
    return file
