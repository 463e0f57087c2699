"""Several methods from one starting model, with a common variance between their training runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from selfreward_eval.harness.comparing.claims import Claims, Design, PooledComparison
from selfreward_eval.harness.comparing.compare import load_run
from selfreward_eval.harness.comparing.pooled import compare_pools
from selfreward_eval.harness.comparing.several_methods import run_pools, with_pooled_runs

CATEGORIES, ITEMS, IMAGES = ("one", "two"), 30, 2

Methods = dict[str, PooledComparison]


def marks(level: float, seed: int) -> dict[str, list[list[float]]]:
    rng = np.random.default_rng(seed)
    return {name: (rng.random((ITEMS, IMAGES)) < level).astype(float).tolist() for name in CATEGORIES}


@pytest.fixture
def runs(make_run: Callable[..., Path]) -> Callable[..., list[Any]]:
    """``runs("a", [0.4, 0.5])``: one run per level."""

    def make(name: str, levels: Sequence[float]) -> list[Any]:
        first = 100 * ord(name[0])
        return [load_run(make_run(f"{name}{k}", marks(level, first + k))) for k, level in enumerate(levels)]

    return make


@pytest.fixture
def methods(runs: Callable[..., list[Any]]) -> Callable[..., Methods]:
    """``methods(a=[0.5, 0.55])``: each method against one and the same starting run."""
    start = runs("start", [0.4])

    def make(**levels: Sequence[float]) -> Methods:
        return {
            name: compare_pools(start, runs(name, values), design=Design.UNTRAINED_A)
            for name, values in levels.items()
        }

    return make


def overall(comparison: PooledComparison) -> Claims:
    return comparison.tasks["toy"].overall


def pooled(methods: Methods, name: str) -> Claims:
    return overall(with_pooled_runs(methods[name], (None, name), run_pools(methods)))


ALIKE = {"x": [0.5, 0.55, 0.6], "y": [0.55, 0.5, 0.6], "z": [0.6, 0.5, 0.55]}


def test_the_pooled_claim_is_narrower_and_decides_and_the_own_one_stays(
    methods: Callable[..., Methods],
) -> None:
    found = methods(**ALIKE)
    claims = pooled(found, "x")
    assert claims.pooled is not None
    assert claims.method is not None
    assert claims.pooled.effect == claims.method.effect == pytest.approx(overall(found["x"]).method.effect)  # type: ignore[union-attr]
    assert claims.deciding is claims.pooled
    assert claims.pool is not None
    assert (claims.pool.members, claims.pool.df) == (("x", "y", "z"), 6.0)
    assert (claims.pooled.t, claims.pooled.df) == (None, None)


def test_pooled_p_values_are_adjusted_within_the_family(methods: Callable[..., Methods]) -> None:
    claims = pooled(methods(**ALIKE), "x")
    assert claims.pooled is not None
    assert claims.pooled.p_adjusted is not None
    assert claims.pooled.family == "the headline scores"


def test_categories_are_pooled_too(methods: Callable[..., Methods]) -> None:
    found = methods(**ALIKE)
    task = with_pooled_runs(found["x"], (None, "x"), run_pools(found)).tasks["toy"]
    assert all(one.pooled is not None or one.not_pooled for one in task.categories.values())


def test_a_method_that_varies_more_keeps_its_own_claim(methods: Callable[..., Methods]) -> None:
    claims = pooled(methods(**ALIKE, w=[0.1, 0.5, 0.9]), "w")
    assert claims.pooled is None
    assert claims.not_pooled == "the runs of w vary more than those of the other methods"
    assert claims.deciding is claims.method


def test_one_method_has_nobody_to_pool_with(methods: Callable[..., Methods]) -> None:
    claims = pooled(methods(x=ALIKE["x"]), "x")
    assert (claims.pooled, claims.not_pooled) == (None, "no other method has training runs to pool with")


def test_without_a_claim_there_is_nothing_to_pool(methods: Callable[..., Methods]) -> None:
    claims = pooled(methods(x=[0.5], y=ALIKE["y"], z=ALIKE["z"]), "x")
    assert (claims.pooled, claims.not_pooled) == (None, "there is no claim about the method")


def test_against_a_baseline_both_arms_have_the_pooled_variance(
    methods: Callable[..., Methods], runs: Callable[..., list[Any]]
) -> None:
    pools = run_pools(methods(**ALIKE))
    first, second = runs("p", ALIKE["x"]), runs("q", ALIKE["y"])
    claims = overall(with_pooled_runs(compare_pools(first, second), ("x", "y"), pools))
    assert claims.pooled is not None
    assert claims.pooled.se is not None
    assert claims.se_prompts is not None
    variance = pools["toy"].variance
    assert variance is not None
    assert claims.pooled.se**2 == pytest.approx(claims.se_prompts**2 + variance * (1 / 3 + 1 / 3))


def test_seed_by_seed_differences_are_not_pooled(
    methods: Callable[..., Methods], runs: Callable[..., list[Any]]
) -> None:
    pools = run_pools(methods(**ALIKE))
    against = compare_pools(runs("p", ALIKE["x"]), runs("q", ALIKE["y"]), design=Design.PAIRED)
    claims = overall(with_pooled_runs(against, ("x", "y"), pools))
    assert claims.pooled is None
    assert "share their seeds" in claims.not_pooled


def test_the_record_has_both_claims(methods: Callable[..., Methods]) -> None:
    found = methods(**ALIKE)
    comparison = with_pooled_runs(found["x"], (None, "x"), run_pools(found))
    record = comparison.to_json()["tasks"]["toy"]["overall"]
    assert record["pooled"]["low"] is not None
    assert record["method"]["low"] is not None
    assert record["pool"]["members"] == ("x", "y", "z")
