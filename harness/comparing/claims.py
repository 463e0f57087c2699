"""What a comparison of several training runs says, as records, and how it is written down."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from selfreward_eval.harness.comparing.families import Family
from selfreward_eval.harness.comparing.records import ALPHA, SCHEMA, Arm, Contrast, Unmatched
from selfreward_eval.harness.files import atomic_write_json
from selfreward_eval.harness.stats.run_pool import RunPool

__all__ = [
    "Claims",
    "Design",
    "PooledComparison",
    "PooledTask",
    "RunDifference",
    "pooled_file",
    "write_pooled",
]


class Design(StrEnum):
    """How the runs of the two arms belong together."""

    INDEPENDENT = "independent"
    """Every run had its own training seed."""
    PAIRED = "paired"
    """Run k of both arms shared the training seed and the order of the data."""
    UNTRAINED_A = "untrained-a"
    """A is one given checkpoint, the base model, and no product of the method; every B was trained."""


@dataclass(frozen=True)
class RunDifference:
    """What one training run contributes: B minus A with this run in place of its arm's mean.

    It is a checkpoint's difference and describes the variance between runs; no claim and no correction
    uses it.

    Attributes:
        a: number of the run of A, from 1, or None for the mean of all runs of A.
        b: number of the run of B, or None for the mean of all.
        effect: the difference over the items that every run of the comparison scored.
        low: lower end of its 95 % interval over prompts, or None where there is none.
        high: upper end, likewise.
    """

    a: int | None
    b: int | None
    effect: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Claims:
    """What several runs say about one score.

    Attributes:
        checkpoint: these checkpoints on prompts like these, clustered by prompt.
        method: training in this way, over prompts and training runs; None where ``refused`` says why.
        refused: why there is no method claim, else empty.
        se_prompts: standard error over prompts alone, None without a method claim.
        se_runs: standard error over training runs alone, None likewise.
        scores_a: the score of every run of A over the paired samples; empty where nothing is paired.
        scores_b: of every run of B.
        runs: the difference run by run, for a headline of more than two runs; else empty.
        df_prompts: degrees of freedom of ``se_prompts``, None without a method claim.
        pooled: ``method`` with the variance between runs pooled over several methods, where that is better
            known; it then decides. Only a comparison of several methods has it.
        pool: the methods that were pooled for it and those left out, None where nothing was pooled.
        not_pooled: why ``pooled`` is None in a comparison of several methods, else empty.
    """

    checkpoint: Contrast
    method: Contrast | None
    refused: str = ""
    se_prompts: float | None = None
    se_runs: float | None = None
    scores_a: tuple[float, ...] = ()
    scores_b: tuple[float, ...] = ()
    runs: tuple[RunDifference, ...] = ()
    df_prompts: float | None = None
    pooled: Contrast | None = None
    pool: RunPool | None = None
    not_pooled: str = ""

    @property
    def deciding(self) -> Contrast | None:
        """The claim about the method by which its verdict goes."""
        return self.method if self.pooled is None else self.pooled


@dataclass(frozen=True)
class PooledTask:
    """One task in all runs.

    Attributes:
        task: registry name.
        version: protocol version, the same in all.
        metric: name of the number.
        macro: whether ``overall`` is the unweighted mean of the categories.
        higher_is_better: direction of the metric.
        planned_items: how many items every run planned.
        overall: what the runs say about the headline score.
        categories: category -> what they say about it.
        unmatched: items without a sample that every run scored.
    """

    task: str
    version: str
    metric: str
    macro: bool
    higher_is_better: bool
    planned_items: int
    overall: Claims
    categories: dict[str, Claims]
    unmatched: tuple[Unmatched, ...]


@dataclass(frozen=True)
class PooledComparison:
    """What changed from the runs of A to those of B.

    Attributes:
        a: the runs before.
        b: the runs after.
        design: how they belong together.
        tasks: task -> its comparison, for tasks that every run did.
        not_compared: task that some run lacks -> folders of the runs that have it.
        families: what was corrected together, each claim by itself.
    """

    a: tuple[Arm, ...]
    b: tuple[Arm, ...]
    design: Design
    tasks: dict[str, PooledTask]
    not_compared: dict[str, tuple[str, ...]]
    families: tuple[Family, ...]

    def to_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, "kind": "several training runs", "alpha": ALPHA, **asdict(self)}


def pooled_file(path: Path) -> Path:
    """``path`` if it ends in ``.json`` or ``.html`` (then with ``.json``), else ``compare_runs.json`` in the
    folder ``path``."""
    return path.with_suffix(".json") if path.suffix in (".json", ".html") else path / "compare_runs.json"


def write_pooled(pooled: PooledComparison, path: Path) -> Path:
    """Writes the comparison, whole or not at all, to :func:`pooled_file`, and returns that."""
    file = pooled_file(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic_write_json(file, pooled.to_json())
    return file
