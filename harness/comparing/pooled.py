"""Several training runs per arm, and the two claims that they allow.

*These checkpoints are better* generalises over prompts. *This way of training is
better* generalises over training runs as well: another seed would have given another
checkpoint. The second needs two runs or more of everything that was trained, and
with few of them a large difference; :mod:`selfreward_eval.harness.stats.crossed` has the errors of both.

>>> pooled = compare_pools(base_runs, trained_runs)  # doctest: +SKIP
>>> pooled.tasks["shapes_geneval"].overall.method.verdict  # doctest: +SKIP
'B is better than A'
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.comparing.claims import (
    Claims,
    Design,
    PooledComparison,
    PooledTask,
    RunDifference,
)
from selfreward_eval.harness.comparing.comparable import require_comparable
from selfreward_eval.harness.comparing.compare import arm_of
from selfreward_eval.harness.comparing.contrast import (
    Arms,
    contrast,
    corrected,
    matched,
    strata_of,
    with_verdict,
)
from selfreward_eval.harness.comparing.families import Family, declare, key_of
from selfreward_eval.harness.comparing.pairing import PairedTask, pair_task
from selfreward_eval.harness.errors import NotComparable, UsageError
from selfreward_eval.harness.runs.reader import Run
from selfreward_eval.harness.stats.choosing import deciding_test
from selfreward_eval.harness.stats.crossed import MethodClaim, method_claim, method_claim_of_arms
from selfreward_eval.harness.stats.means import cluster_values

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["compare_pools"]


def compare_pools(
    a: Sequence[Run],
    b: Sequence[Run],
    *,
    design: Design = Design.INDEPENDENT,
    family: str = "headlines",
    correction: str = "holm",
    own: Collection[str] = (),
) -> PooledComparison:
    """Compares all runs of A with all of B.

    Args:
        a: the runs before, at least one.
        b: the runs after, at least one.
        design: how they belong together.
        family: what is corrected together, see :func:`selfreward_eval.harness.comparing.families.declare`.
        correction: ``holm``, ``bh`` or ``by``.
        own: generation settings that each run chose for itself, see
            :func:`selfreward_eval.harness.comparing.comparable.require_comparable`.

    Raises:
        NotComparable: two runs differ in more than the model, or are the same run.
        UsageError: runs that do not fit the design, or a family as for
            :func:`selfreward_eval.harness.comparing.compare.compare_runs`.
        InputError: sample records that contradict their own run.
    """
    _require_design(design, len(a), len(b))
    runs = [*a, *b]
    tasks = [task for task in runs[0].scores if all(task in run.scores for run in runs)]
    _require_distinct(a, b)
    _require_mutually_comparable(runs, tasks, own)
    letters = [f"A{k}" for k in range(1, len(a) + 1)] + [f"B{k}" for k in range(1, len(b) + 1)]
    arms = Arms(len(a), len(b))
    compared = {task: _compare_task(pair_task(task, runs, letters), arms, design) for task in tasks}
    families = declare(family, correction, {name: list(task.categories) for name, task in compared.items()})
    missing_in_some = {task: None for run in runs for task in run.scores if task not in tasks}
    return PooledComparison(
        tuple(map(arm_of, a)),
        tuple(map(arm_of, b)),
        design,
        _corrected(compared, families),
        {task: tuple(str(run.folder) for run in runs if task in run.scores) for task in missing_in_some},
        families,
    )


def _require_design(design: Design, n_a: int, n_b: int) -> None:
    if min(n_a, n_b) < 1:
        raise UsageError(
            "several runs are compared arm with arm: name at least one with --runs-a and --runs-b"
        )
    if design is Design.PAIRED and n_a != n_b:
        raise UsageError(f"paired training runs come in equal numbers, got {n_a} of A and {n_b} of B")
    if design is Design.UNTRAINED_A and n_a != 1:
        raise UsageError(f"an untrained A is a single checkpoint, got {n_a} runs of it")


def _require_distinct(a: Sequence[Run], b: Sequence[Run]) -> None:
    """Refuses copies: two copies of a run would count as two training runs that agree exactly."""
    seen: dict[Path, Run] = {}
    for run in (*a, *b):
        if run.folder.resolve() in seen:
            raise NotComparable(f"{run.folder} is named twice; every training run counts once")
        seen[run.folder.resolve()] = run
    for arm in (a, b):
        by_fingerprint: dict[str, Run] = {}
        for run in arm:
            other = by_fingerprint.setdefault(run.manifest.fingerprint, run)
            if other is not run:
                raise NotComparable(
                    f"{other.folder} and {run.folder} are the same checkpoint with the same seeds; a second "
                    "training run has weights of its own"
                )


def _require_mutually_comparable(runs: Sequence[Run], tasks: Sequence[str], own: Collection[str]) -> None:
    if not tasks:
        has = "; ".join(f"{run.folder}: {', '.join(run.scores) or 'none'}" for run in runs)
        raise NotComparable(f"no task was done by all of the runs ({has}); run them on the same one")
    # A task that is not compared may differ. What equals the first run in every field equals each other.
    first, *others = (replace(run, scores={task: run.scores[task] for task in tasks}) for run in runs)
    for other in others:
        require_comparable(first, other, own)


def _compare_task(paired: PairedTask, arms: Arms, design: Design) -> PooledTask:
    scores = paired.scores
    return PooledTask(
        task=scores.task,
        version=scores.version,
        metric=scores.metric,
        macro=scores.macro,
        higher_is_better=scores.higher_is_better,
        planned_items=paired.planned_items,
        overall=_claims(paired, None, arms, design),
        categories={name: _claims(paired, name, arms, design) for name in paired.categories},
        unmatched=paired.unmatched,
    )


def _claims(paired: PairedTask, category: str | None, arms: Arms, design: Design) -> Claims:
    checkpoint = contrast(paired, category, arms)
    if checkpoint.effect is None:
        return Claims(checkpoint, None, checkpoint.why)
    tables = _tables(paired, category, arms)
    columns = zip(*(table.mean(axis=0).tolist() for table in tables.values()), strict=True)
    runs = tuple(fsum(column) / len(column) for column in columns)
    without_method = Claims(checkpoint, None, scores_a=runs[: arms.a], scores_b=runs[arms.a :])
    single = [name for name, table in tables.items() if len(table) == 1]
    if single:
        where = f": {', '.join(single)}" if any(single) else ""
        return replace(without_method, refused=f"a single item says nothing about how items vary{where}")
    if category is None:
        without_method = replace(without_method, runs=_run_by_run(tables, arms, design, paired))
    try:
        claim = _method_claim(tables, arms, design)
    except UsageError as error:
        way_out = (
            "; if A is the given base model and was not trained, say so with --design untrained-a"
            if arms.a == 1 < arms.b and design is Design.INDEPENDENT
            else ""
        )
        return replace(without_method, refused=f"{error}{way_out}")
    # What describes the items holds for both claims; the test, the interval and the error do not.
    method_fields = {name: value for name, value in asdict(claim.result).items() if name != "n"}
    own: dict[str, Any] = {"bca": None, "se_ratio": None, "one_sided_low": None, "one_sided_high": None}
    method = with_verdict(replace(checkpoint, **own, **method_fields), paired.scores.higher_is_better)
    return replace(
        without_method,
        method=method,
        se_prompts=claim.se_prompts,
        df_prompts=claim.df_prompts,
        se_runs=claim.se_runs,
    )


def _run_by_run(
    tables: Mapping[str, NDArray[np.float64]], arms: Arms, design: Design, paired: PairedTask
) -> tuple[RunDifference, ...]:
    """The difference of every training run: from its partner in a paired design, else from the other arm's
    mean."""
    if arms.a + arms.b == 2:
        return ()
    if design is Design.PAIRED:
        sides: list[tuple[int | None, int | None]] = [(k, k) for k in range(arms.a)]
    else:
        # A single run of an arm is that arm's mean: its row would be the whole difference again.
        sides = [(0 if arms.a == 1 else None, k) for k in range(arms.b) if arms.b > 1]
        sides += [(k, 0 if arms.b == 1 else None) for k in range(arms.a) if arms.a > 1]
    return tuple(_run_difference(tables, arms, a, b, paired) for a, b in sides)


def _run_difference(
    tables: Mapping[str, NDArray[np.float64]], arms: Arms, a: int | None, b: int | None, paired: PairedTask
) -> RunDifference:
    def side(table: NDArray[np.float64], run: int | None) -> NDArray[np.float64]:
        return table.mean(axis=1) if run is None else table[:, run]

    # Values of clusters can lie beyond the range; the bounds of gains and losses are for items.
    plain = all(item.item.cluster == item.item.id for item in paired.items)
    width = paired.scores.range[1] - paired.scores.range[0] if plain else None
    gaps = {name: side(table[:, arms.a :], b) - side(table[:, : arms.a], a) for name, table in tables.items()}
    difference = deciding_test(gaps, m=paired.images, binary=False, width=width)
    return RunDifference(
        None if a is None else a + 1,
        None if b is None else b + 1,
        difference.effect,
        difference.low,
        difference.high,
    )


def _tables(paired: PairedTask, category: str | None, arms: Arms) -> dict[str, NDArray[np.float64]]:
    """Stratum -> scores of its items (or clusters of them) in every run, shape (units, runs)."""
    import numpy as np

    return {
        name: np.stack(
            [
                cluster_values([pair.mean(run) for pair in items], [pair.item.cluster for pair in items])
                for run in range(arms.a + arms.b)
            ],
            axis=1,
        )
        for name, items in matched(strata_of(paired, category)).items()
    }


def _method_claim(tables: Mapping[str, NDArray[np.float64]], arms: Arms, design: Design) -> MethodClaim:
    before = {name: table[:, : arms.a] for name, table in tables.items()}
    after = {name: table[:, arms.a :] for name, table in tables.items()}
    if design is Design.PAIRED:
        return method_claim({name: after[name] - before[name] for name in tables})
    return method_claim_of_arms(before, after, untrained_before=design is Design.UNTRAINED_A)


def _corrected(tasks: Mapping[str, PooledTask], families: Sequence[Family]) -> dict[str, PooledTask]:
    """The same with adjusted p-values. Checkpoint claims and method claims are separate
    families."""
    claims_of = {key_of(name): (task.overall, task.higher_is_better) for name, task in tasks.items()}
    for name, task in tasks.items():
        for category, claims in task.categories.items():
            claims_of[key_of(name, category)] = (claims, task.higher_is_better)
    checkpoint = corrected(
        {key: (claims_.checkpoint, better) for key, (claims_, better) in claims_of.items()}, families
    )
    # A claim that could not be tested stays in its family without a p-value.
    method = corrected(
        {
            key: (claims_.method or replace(claims_.checkpoint, p=None), better)
            for key, (claims_, better) in claims_of.items()
        },
        families,
    )

    def judged(claims: Claims, key: str) -> Claims:
        return replace(claims, checkpoint=checkpoint[key], method=claims.method and method[key])

    return {
        name: replace(
            task,
            overall=judged(task.overall, key_of(name)),
            categories={
                category: judged(claims, key_of(name, category))
                for category, claims in task.categories.items()
            },
        )
        for name, task in tasks.items()
    }
