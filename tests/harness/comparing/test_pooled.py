"""Several training runs per arm: which claim they support, and with what error."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from selfreward_eval.harness.comparing.claims import Design, PooledComparison, write_pooled
from selfreward_eval.harness.comparing.compare import compare_runs, load_run
from selfreward_eval.harness.comparing.pooled import compare_pools
from selfreward_eval.harness.errors import NotComparable, UsageError
from selfreward_eval.harness.stats.crossed import method_claim, method_claim_of_arms
from selfreward_eval.harness.task import Metric

MakeRun = Callable[..., Path]
CATEGORIES, ITEMS, IMAGES = ("one", "two"), 30, 2


def marks(level: float, seed: int) -> dict[str, list[list[float]]]:
    rng = np.random.default_rng(seed)
    return {name: (rng.random((ITEMS, IMAGES)) < level).astype(float).tolist() for name in CATEGORIES}


@pytest.fixture
def pool(make_run: MakeRun) -> Callable[..., list[Any]]:
    """``pool("a", [0.4, 0.5])``: one run per level."""

    def make(letter: str, levels: Sequence[float], **options: Any) -> list[Any]:
        return [
            load_run(make_run(f"{letter}{k}", marks(level, 100 * ord(letter) + k), **options))
            for k, level in enumerate(levels)
        ]

    return make


def tables(runs: Sequence[Any]) -> dict[str, np.ndarray]:
    """Category -> item means, shape (items, runs), straight from the records."""
    found: dict[str, np.ndarray] = {}
    for name in CATEGORIES:
        columns = []
        for run in runs:
            values = [r.measurement.values["correct"] for r in run.records["toy"] if r.item.category == name]
            columns.append(np.reshape(values, (ITEMS, IMAGES)).mean(axis=1))
        found[name] = np.stack(columns, axis=1)
    return found


def overall(pooled: PooledComparison) -> Any:
    return pooled.tasks["toy"].overall


def test_the_method_claim_is_the_crossed_design_s(pool: Callable[..., list[Any]]) -> None:
    a, b = pool("a", [0.4, 0.45, 0.35]), pool("b", [0.6, 0.65, 0.55])
    claims, expected = overall(compare_pools(a, b)), method_claim_of_arms(tables(a), tables(b))
    assert claims.method.p == pytest.approx(expected.result.p)
    assert (claims.method.low, claims.method.df) == (expected.result.low, expected.result.df)
    assert claims.se_runs == expected.se_runs
    assert claims.scores_a == pytest.approx([(t["one"] + t["two"]) / 2 for t in _scores(a)])


def _scores(runs: Sequence[Any]) -> list[dict[str, float]]:
    return [{name: run.scores["toy"].categories[name].value for name in CATEGORIES} for run in runs]


def test_training_seeds_widen_what_prompts_alone_would_say(pool: Callable[..., list[Any]]) -> None:
    a, b = pool("a", [0.3, 0.5, 0.4]), pool("b", [0.5, 0.7, 0.6])
    claims = overall(compare_pools(a, b))
    assert claims.checkpoint.effect == pytest.approx(claims.method.effect)
    assert claims.method.high - claims.method.low > 2 * (claims.checkpoint.high - claims.checkpoint.low)
    assert claims.checkpoint.verdict == "B is better than A"
    assert claims.method.verdict == "no evidence of a difference"
    assert claims.se_runs > claims.se_prompts


def test_paired_training_runs_are_compared_run_by_run(pool: Callable[..., list[Any]]) -> None:
    a, b = pool("a", [0.3, 0.5, 0.4]), pool("b", [0.5, 0.7, 0.6])
    claims = overall(compare_pools(a, b, design=Design.PAIRED))
    before, after = tables(a), tables(b)
    expected = method_claim({name: after[name] - before[name] for name in CATEGORIES})
    assert claims.method.p == pytest.approx(expected.result.p)


def test_one_run_per_arm_is_the_ordinary_comparison_and_no_method_claim(
    pool: Callable[..., list[Any]],
) -> None:
    a, b = pool("a", [0.4]), pool("b", [0.6])
    claims, plain = overall(compare_pools(a, b)), compare_runs(a[0], b[0]).tasks["toy"].overall
    assert claims.checkpoint == plain
    assert claims.method is None
    assert "a claim about a method needs two training runs or more, got one" in claims.refused


def test_a_single_a_that_was_trained_supports_no_method_claim(pool: Callable[..., list[Any]]) -> None:
    a, b = pool("a", [0.4]), pool("b", [0.6, 0.65])
    claims = overall(compare_pools(a, b))
    assert claims.method is None
    assert "--design untrained-a" in claims.refused


def test_a_given_base_model_needs_no_training_runs(pool: Callable[..., list[Any]]) -> None:
    a, b = pool("a", [0.4]), pool("b", [0.6, 0.65])
    claims = overall(compare_pools(a, b, design=Design.UNTRAINED_A))
    expected = method_claim_of_arms(tables(a), tables(b), untrained_before=True)
    assert claims.method.p == pytest.approx(expected.result.p)


@pytest.mark.parametrize(
    ("design", "n_a", "n_b", "said"),
    [
        (Design.PAIRED, 2, 3, "equal numbers, got 2 of A and 3 of B"),
        (Design.UNTRAINED_A, 2, 2, "a single checkpoint, got 2"),
        (Design.INDEPENDENT, 2, 0, "--runs-a and --runs-b"),
    ],
)
def test_runs_that_do_not_fit_their_design_are_refused(
    pool: Callable[..., list[Any]], design: Design, n_a: int, n_b: int, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        compare_pools(pool("a", [0.4] * n_a), pool("b", [0.6] * n_b), design=design)


def test_a_run_counts_once(pool: Callable[..., list[Any]]) -> None:
    a, b = pool("a", [0.4, 0.5]), pool("b", [0.6])
    with pytest.raises(NotComparable, match=r"a0 is named twice"):
        compare_pools([a[0], a[1], a[0]], b)


def test_two_folders_of_one_checkpoint_are_not_two_training_runs(
    pool: Callable[..., list[Any]], make_run: MakeRun
) -> None:
    same = {"model.name": "m", "model.weights": "m.safetensors"}
    a = pool("a", [0.4, 0.5], identity=same)
    with pytest.raises(NotComparable, match=r"a0 and .*a1 are the same checkpoint with the same seeds"):
        compare_pools(a, pool("b", [0.6]))


def test_every_run_has_to_be_comparable_with_every_other(pool: Callable[..., list[Any]]) -> None:
    a, b = pool("a", [0.4, 0.5]), pool("b", [0.6])
    odd = pool("c", [0.6], identity={"model.generation.guidance": 7.5})
    with pytest.raises(NotComparable, match=r"model\.generation\.guidance: 2\.0 != 7\.5"):
        compare_pools(a, [*b, *odd])


def test_an_item_that_one_run_lacks_is_listed_with_the_run(make_run: MakeRun) -> None:
    full, gap = {"one": [[1, 0], [0, 0], [1, 1]]}, {"one": [[1, 0], [None, None], [1, 1]]}
    runs = [load_run(make_run(name, m)) for name, m in (("a0", full), ("b0", full), ("b1", gap))]
    task = compare_pools(runs[:1], runs[1:]).tasks["toy"]
    assert [(one.item, one.reason) for one in task.unmatched] == [
        ("one-1", "no sample scored in B2 (2 generation_error)")
    ]
    assert task.overall.checkpoint.n_items == 2
    assert task.overall.checkpoint.coverage == pytest.approx(4 / 6)


def test_each_claim_is_corrected_within_its_own_family(pool: Callable[..., list[Any]]) -> None:
    a, b = pool("a", [0.4, 0.45, 0.35]), pool("b", [0.6, 0.65, 0.55])
    task = compare_pools(a, b, family="toy/one,toy/two").tasks["toy"]
    cells = list(task.categories.values())
    for claims in (
        [one.checkpoint for one in cells],
        [one.method for one in cells if one.method is not None],
    ):
        least, most = sorted(claims, key=lambda one: one.p or 1.0)
        assert least.p_adjusted == pytest.approx(2 * (least.p or 0))
        assert most.p_adjusted == pytest.approx(max(2 * (least.p or 0), most.p or 0))


def test_lower_may_be_better(pool: Callable[..., list[Any]]) -> None:
    metric = Metric("correct", higher_is_better=False)
    a, b = pool("a", [0.3, 0.3, 0.3], metric=metric), pool("b", [0.8, 0.8, 0.8], metric=metric)
    claims = overall(compare_pools(a, b))
    assert claims.checkpoint.verdict == "B is worse than A"
    assert claims.checkpoint.worsened > claims.checkpoint.improved


def test_the_record_holds_both_claims(pool: Callable[..., list[Any]], tmp_path: Path) -> None:
    pooled = compare_pools(pool("a", [0.4, 0.5]), pool("b", [0.6, 0.7]))
    content = json.loads(write_pooled(pooled, tmp_path / "new").read_text())
    assert (content["schema"], content["design"], len(content["a"])) == (1, "independent", 2)
    headline = content["tasks"]["toy"]["overall"]
    assert headline["method"]["df"] == overall(pooled).method.df
    assert headline["checkpoint"]["effect"] == overall(pooled).checkpoint.effect


def test_every_training_run_stands_against_the_other_arm_s_mean(pool: Callable[..., list[Any]]) -> None:
    a, b = pool("a", [0.3, 0.5]), pool("b", [0.5, 0.7, 0.6])
    claims = overall(compare_pools(a, b))
    assert [(one.a, one.b) for one in claims.runs] == [
        (None, 1),
        (None, 2),
        (None, 3),
        (1, None),
        (2, None),
    ]
    mean_a = sum(claims.scores_a) / 2
    for one, score in zip(claims.runs[:3], claims.scores_b, strict=True):
        assert one.effect == pytest.approx(score - mean_a)
    for part in (claims.runs[:3], claims.runs[3:]):
        assert np.mean([one.effect for one in part]) == pytest.approx(claims.checkpoint.effect)


def test_runs_of_a_pair_stand_against_each_other(pool: Callable[..., list[Any]]) -> None:
    a, b = pool("a", [0.3, 0.5]), pool("b", [0.5, 0.7])
    claims = overall(compare_pools(a, b, design=Design.PAIRED))
    assert [(one.a, one.b) for one in claims.runs] == [(1, 1), (2, 2)]
    for k, one in enumerate(claims.runs):
        alone = overall(compare_pools([a[k]], [b[k]])).checkpoint
        assert (one.effect, one.low, one.high) == pytest.approx((alone.effect, alone.low, alone.high))


def test_a_lone_run_of_an_arm_is_no_row_of_its_own(pool: Callable[..., list[Any]]) -> None:
    a, b = pool("a", [0.4]), pool("b", [0.6, 0.65])
    assert [(one.a, one.b) for one in overall(compare_pools(a, b)).runs] == [(1, 1), (1, 2)]
    assert [(one.a, one.b) for one in overall(compare_pools(b, a)).runs] == [(1, 1), (2, 1)]
    assert overall(compare_pools(a, b[:1])).runs == ()
    assert all(one.runs == () for one in compare_pools(a, b).tasks["toy"].categories.values())
