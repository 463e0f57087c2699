"""Several methods from one starting model: their claims with a common variance between training runs.

:mod:`selfreward_eval.harness.stats.run_pool` says which methods are alike. A method's own claim stays in the
record beside the pooled one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TypeAlias

from selfreward_eval.harness.comparing.claims import Claims, Design, PooledComparison, PooledTask
from selfreward_eval.harness.comparing.contrast import corrected, with_verdict
from selfreward_eval.harness.comparing.families import key_of
from selfreward_eval.harness.stats.crossed import ENOUGH_RUNS, Part, banerjee
from selfreward_eval.harness.stats.means import mean_and_variance
from selfreward_eval.harness.stats.run_pool import RunPool, run_pool

__all__ = ["RunPools", "run_pools", "with_pooled_runs"]

RunPools: TypeAlias = Mapping[str, RunPool]
"""Score (:func:`selfreward_eval.harness.comparing.families.key_of`) -> how single runs vary."""

SHARED_SEEDS = (
    "both arms' runs share their seeds, and such differences of several methods share the baseline's runs"
)


def run_pools(methods: Mapping[str, PooledComparison]) -> dict[str, RunPool]:
    """How training runs vary, for every score that two methods or more have a claim about.

    Args:
        methods: name -> its runs against the model before.
    """
    scores: dict[str, dict[str, Sequence[float]]] = {}
    for name, comparison in methods.items():
        for key, claims in _claims_of(comparison).items():
            if claims.method is not None:
                scores.setdefault(key, {})[name] = claims.scores_b
    return {key: run_pool(by_method) for key, by_method in scores.items() if len(by_method) > 1}


def with_pooled_runs(
    comparison: PooledComparison, arms: tuple[str | None, str], pools: RunPools
) -> PooledComparison:
    """The comparison with a pooled claim wherever the arms' methods are in the pool.

    Args:
        comparison: of a method with the model before, or with another method.
        arms: the methods of A and B; None for a model that was not trained.
        pools: of :func:`run_pools`.
    """
    pooled = {
        key: _pooled(claims, arms, pools.get(key), comparison.design, better)
        for key, (claims, better) in _with_direction(comparison).items()
    }
    # One family of deciding claims; one that could not be tested stays in it without a p-value.
    judged = corrected(
        {
            key: (claims.deciding or replace(claims.checkpoint, p=None), better)
            for (key, claims), (_, better) in zip(
                pooled.items(), _with_direction(comparison).values(), strict=True
            )
        },
        comparison.families,
    )
    final = {key: replace(claims, pooled=claims.pooled and judged[key]) for key, claims in pooled.items()}
    tasks = {
        name: replace(
            task,
            overall=final[key_of(name)],
            categories={category: final[key_of(name, category)] for category in task.categories},
        )
        for name, task in comparison.tasks.items()
    }
    return replace(comparison, tasks=tasks)


def _with_direction(comparison: PooledComparison) -> dict[str, tuple[Claims, bool]]:
    found: dict[str, tuple[Claims, bool]] = {}
    for name, task in comparison.tasks.items():
        for key, claims in _of_task(name, task).items():
            found[key] = claims, task.higher_is_better
    return found


def _claims_of(comparison: PooledComparison) -> dict[str, Claims]:
    return {key: claims for key, (claims, _) in _with_direction(comparison).items()}


def _of_task(name: str, task: PooledTask) -> dict[str, Claims]:
    return {
        key_of(name): task.overall,
        **{key_of(name, category): claims for category, claims in task.categories.items()},
    }


def _pooled(
    claims: Claims, arms: tuple[str | None, str], pool: RunPool | None, design: Design, better: bool
) -> Claims:
    why = _why_not(claims, arms, pool, design)
    method = claims.method
    if why or method is None or method.effect is None or pool is None or pool.variance is None:
        return replace(claims, not_pooled=why)
    assert claims.se_prompts is not None
    assert claims.df_prompts is not None
    runs = 0.0
    parts = [Part(claims.se_prompts**2, claims.df_prompts)]
    for name, scores in zip(arms, (claims.scores_a, claims.scores_b), strict=True):
        if name in pool.members:
            runs += 1 / len(scores)
        elif name is not None:
            variance = mean_and_variance(scores)[1]
            assert variance is not None
            parts.append(Part(variance / len(scores), len(scores) - 1))
    # Both arms of the pool have one and the same estimate, so it is one part.
    parts.append(Part(runs * pool.variance, pool.df))
    if not any(part.variance > 0 for part in parts):
        return replace(claims, not_pooled="no difference varies")
    why = (
        f"the variance between training runs is pooled over {', '.join(pool.members)} "
        f"({pool.df:.0f} degrees of freedom); each variance has its own t quantile (Banerjee)"
    )
    n = method.n_units or method.n_items
    result = asdict(banerjee(method.effect, parts, n, level=0.95, why=why))
    result.pop("n")
    return replace(claims, pooled=with_verdict(replace(method, **result), better), pool=pool)


def _why_not(claims: Claims, arms: tuple[str | None, str], pool: RunPool | None, design: Design) -> str:
    """Why the method's own claim decides; empty where the pooled one does."""
    if claims.method is None:
        return "there is no claim about the method"
    trained = [name for name in arms if name is not None]
    counts = [
        len(scores) for name, scores in zip(arms, (claims.scores_a, claims.scores_b), strict=True) if name
    ]
    if min(counts) >= ENOUGH_RUNS:
        return f"{min(counts)} runs tell enough by themselves"
    if design is Design.PAIRED:
        return SHARED_SEEDS
    if pool is None:
        return "no other method has training runs to pool with"
    if not any(name in pool.members for name in trained):
        more = [name for name in trained if name in pool.left_out]
        return (
            f"the runs of {' and '.join(more)} vary more than those of the other methods"
            if more
            else "no two methods vary alike"
        )
    return ""
