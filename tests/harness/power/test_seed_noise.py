"""A/A runs: what may differ, how large the noise is, and the margins that follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from selfreward_eval.harness.comparing.compare import load_run
from selfreward_eval.harness.comparing.pairing import PairedItem
from selfreward_eval.harness.errors import NotComparable, UsageError
from selfreward_eval.harness.power.seed_noise import _noise, _rounded_up, measure_noise
from selfreward_eval.harness.records import Item
from selfreward_eval.harness.runs.reader import Run
from selfreward_eval.harness.stats.noninferiority import Verdict, non_inferiority

MakeRun = Callable[..., Path]
Repeat = Callable[..., Run]


@pytest.fixture
def repeat(make_run: MakeRun) -> Repeat:
    """``repeat(seed, marks)``: the same model run with another seed."""

    def make(seed: int, marks: dict[str, list[list[float | None]]], own_seeds: bool = True) -> Run:
        identity: dict[str, Any] = {"seed": seed, "model.name": "m", "model.weights": "m.safetensors"}
        if not own_seeds:
            identity["seed_policy"] = "official"
        return load_run(make_run(f"aa{seed}", marks, identity=identity))

    return make


def drawn(seed: int, chance: float = 0.5, items: int = 40) -> dict[str, list[list[float | None]]]:
    rng = np.random.default_rng(seed)
    return {name: (rng.random((items, 4)) < chance).astype(float).tolist() for name in ("one", "two")}


def means(marks: list[list[float | None]]) -> NDArray[np.float64]:
    return np.array(marks, dtype=np.float64).mean(axis=1)


def test_two_runs_give_one_delta_and_its_standard_error_from_the_items(repeat: Repeat) -> None:
    marks = [drawn(0), drawn(1)]
    noise = measure_noise([repeat(1, marks[0]), repeat(2, marks[1])])["toy"]
    gaps = {name: means(marks[1][name]) - means(marks[0][name]) for name in marks[0]}
    one = noise.categories["one"]
    assert one.deltas == pytest.approx((gaps["one"].mean(),))
    assert one.se == pytest.approx(sqrt((gaps["one"] ** 2).sum()) / 40)
    assert noise.overall.se == pytest.approx(sqrt(sum((gap**2).sum() for gap in gaps.values())) / 80)
    assert one.largest == pytest.approx(abs(gaps["one"].mean()))


def test_every_pair_of_runs_is_looked_at(repeat: Repeat) -> None:
    noise = measure_noise([repeat(k, drawn(k)) for k in (1, 2, 3)])["toy"].overall
    assert len(noise.scores) == 3
    assert noise.deltas == pytest.approx([b - a for a, b in _pairs(noise.scores)])


def _pairs(scores: Sequence[float]) -> list[tuple[float, float]]:
    return [(a, b) for k, a in enumerate(scores) for b in scores[k + 1 :]]


def test_the_95_percent_quantile_holds_for_runs_to_come() -> None:
    """Prompts of any difficulty, four pictures each: of fresh A/A differences 95 % stay below it."""
    rng = np.random.default_rng(0)
    inside, surprises, times = 0, 0, 400
    for _ in range(times):
        chance = rng.beta(1, 1, size=(30, 1))
        seen = (rng.random((30, 2, 4)) < chance[..., None]).astype(float)
        items = [PairedItem(Item(str(k), "", ""), tuple(rows.tolist())) for k, rows in enumerate(seen)]
        noise = _noise({"a": items[:10], "b": items[10:]})
        fresh = (rng.random((30, 2, 4)) < chance[..., None]).mean(axis=2)
        gap = fresh[:, 1] - fresh[:, 0]
        assert noise.q95 is not None
        inside += abs(gap[:10].mean() + gap[10:].mean()) / 2 <= noise.q95
        surprises += noise.surprising
    assert inside / times == pytest.approx(0.95, abs=0.03)
    assert surprises / times < 0.03


def test_a_suggested_margin_is_above_the_noise_and_passes_unchanged_models(repeat: Repeat) -> None:
    noise = measure_noise([repeat(1, drawn(0)), repeat(2, drawn(1))])["toy"].categories["one"]
    assert noise.margin is not None
    assert noise.q95 is not None
    assert noise.margin > noise.q95
    rng, passed = np.random.default_rng(5), 0
    for _ in range(200):
        gaps = (rng.random((40, 2, 4)) < 0.5).mean(axis=2) @ [-1.0, 1.0]
        passed += non_inferiority({"": gaps}, noise.margin, width=1.0).verdict is Verdict.PASS
    assert passed / 200 == pytest.approx(0.8, abs=0.1)


def test_a_drift_that_all_items_share_is_told(repeat: Repeat) -> None:
    noise = measure_noise([repeat(1, drawn(0, 0.3)), repeat(2, drawn(1, 0.7))])["toy"].overall
    assert noise.surprising
    assert noise.largest is not None
    assert noise.q99 is not None
    assert noise.largest > noise.q99


def test_items_that_never_vary_give_no_margin(repeat: Repeat) -> None:
    same: dict[str, list[list[float | None]]] = {"one": [[1, 0], [1, 1]]}
    noise = measure_noise([repeat(1, same), repeat(2, same)])["toy"].overall
    assert (noise.margin, noise.q95, noise.largest) == (None, None, 0)
    assert noise.why == "every item had the same mean in every run: the seed changed nothing"


def test_failed_samples_are_left_out(repeat: Repeat) -> None:
    marks: dict[str, list[list[float | None]]] = {"one": [[1, None], [None, None], [0, 0]]}
    noise = measure_noise([repeat(1, marks), repeat(2, {"one": [[0, 0], [1, 1], [0, 1]]})])["toy"].overall
    assert noise.n_items == 2
    assert noise.deltas == pytest.approx(((-1 + 0.5) / 2,))


def test_a_score_without_an_item_in_every_run_has_no_noise(repeat: Repeat) -> None:
    gap: dict[str, list[list[float | None]]] = {"one": [[1, 0]], "two": [[None, None]]}
    noise = measure_noise([repeat(1, gap), repeat(2, {"one": [[1, 0]], "two": [[1, 1]]})])["toy"].overall
    assert noise.why == "no item is scored in every run in two"
    assert noise.q95 is None


def test_anything_but_the_seed_has_to_agree(repeat: Repeat, make_run: MakeRun) -> None:
    with pytest.raises(NotComparable, match=r'differ in more than the seed: model\.name: "m" != "other"'):
        measure_noise([repeat(1, drawn(0)), load_run(make_run("other", drawn(1), identity={"seed": 2}))])


def test_runs_of_one_seed_show_no_noise(repeat: Repeat) -> None:
    run = repeat(1, drawn(0))
    with pytest.raises(NotComparable, match=r"have the same seed \(1\)"):
        measure_noise([run, run])


def test_a_seed_policy_that_ignores_the_seed_is_found_out(repeat: Repeat) -> None:
    with pytest.raises(NotComparable, match=r"from the same seed \d+: the seed policy 'official' does not"):
        measure_noise([repeat(k, drawn(k), own_seeds=False) for k in (1, 2)])


def test_one_run_is_not_enough(repeat: Repeat) -> None:
    with pytest.raises(UsageError, match="two or more"):
        measure_noise([repeat(1, drawn(0))])


@pytest.mark.parametrize(
    ("value", "margin"), [(0.0234, 0.024), (0.02, 0.021), (0.000123, 0.00013), (1.23, 1.3), (12.3, 13.0)]
)
def test_margins_are_rounded_up(value: float, margin: float) -> None:
    assert _rounded_up(value) == pytest.approx(margin)
