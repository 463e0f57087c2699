"""The deciding test follows the shape of the data, and says why."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import selfreward_eval.harness.stats
from selfreward_eval.harness.stats.bounded import bounded_ends, freedom_of_spread
from selfreward_eval.harness.stats.choosing import choose_interval, choose_test, deciding_test
from selfreward_eval.harness.stats.mcnemar import mcnemar
from selfreward_eval.harness.stats.means import cluster_values, mean_interval
from selfreward_eval.harness.stats.paired import paired, paired_macro
from selfreward_eval.harness.stats.permutation import sign_flip


def gaps(n: int, m: int = 4, seed: int = 0) -> list[float]:
    rng = np.random.default_rng(seed)
    return list((rng.binomial(m, 0.7, size=n) - rng.binomial(m, 0.6, size=n)) / m)


def test_single_marks_get_mcnemar() -> None:
    d = gaps(300, m=1)
    assert deciding_test({"": d}, m=1, binary=True) == mcnemar(d)


def test_few_items_get_sign_flips() -> None:
    d = gaps(30)
    chosen = deciding_test({"": d}, m=4, binary=True)
    assert chosen.p == sign_flip({"": d}).p
    assert "30 items are few" in chosen.why


def test_many_items_get_t() -> None:
    d = gaps(300)
    chosen = deciding_test({"": d}, m=4, binary=True)
    assert (chosen.p, chosen.method) == (paired(d).p, "paired t on item means")
    assert "300 items are enough for t" in chosen.why


def test_single_scores_that_are_not_right_or_wrong_get_no_mcnemar() -> None:
    d = gaps(60)
    assert deciding_test({"": d}, m=1, binary=False).method == "paired t on item means"


def test_single_marks_over_strata_get_no_mcnemar() -> None:
    strata = {"a": gaps(40, m=1), "b": gaps(60, m=1, seed=1)}
    assert deciding_test(strata, m=1, binary=True).p == paired_macro(strata).p


def test_clusters_are_the_units() -> None:
    d, names = gaps(60, m=1), np.repeat(np.arange(24), 3)[:60].tolist()
    chosen = deciding_test({"": d}, m=1, binary=True, clusters={"": names})
    assert chosen.p == sign_flip({"": d}, {"": names}).p
    assert chosen.n == 20
    assert "20 clusters of items are few" in chosen.why
    many = np.repeat(np.arange(60), 2).tolist()
    by_t = deciding_test({"": gaps(120)}, m=4, binary=True, clusters={"": many})
    assert by_t.p == paired(cluster_values(gaps(120), many)).p


def test_few_items_over_strata_get_stratified_sign_flips() -> None:
    strata = {"a": gaps(12), "b": gaps(9, seed=1)}
    assert deciding_test(strata, m=4, binary=True).p == sign_flip(strata).p


def test_the_bootstrap_stands_beside_it() -> None:
    chosen = choose_test({"": gaps(100)}, m=4, binary=True)
    assert chosen.agrees is True
    assert chosen.robustness.low == pytest.approx(chosen.result.low, abs=0.02)
    assert choose_test({"": [0.5] * 9}, m=4, binary=True).agrees is None


@pytest.mark.parametrize(
    ("values", "m"), [([0.5], 4), ([0.0] * 10, 4), ([0.25] * 60, 4), ([0.0] * 10, 1), ([1.0], 1)]
)
def test_degenerate_data_are_answered(values: list[float], m: int) -> None:
    result = deciding_test({"": values}, m=m, binary=True)
    assert result.effect == values[0]
    assert result.p is None or 0 < result.p <= 1
    assert result.why


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one stratum"):
        deciding_test({}, m=1, binary=True)
    with pytest.raises(ValueError, match="not those of the strata"):
        deciding_test({"a": [0.0, 1.0]}, m=1, binary=False, clusters={"b": ["x", "y"]})
    with pytest.raises(ValueError, match="at least one sample"):
        deciding_test({"a": [0.0, 1.0]}, m=0, binary=False)
    with pytest.raises(ValueError, match="one mark of 0 or 1"):
        deciding_test({"a": [0.5, 1.0]}, m=1, binary=True)


def test_a_bounded_score_of_few_items_keeps_to_its_range() -> None:
    values = [1.0] * 20 + [0.75] * 4
    chosen = choose_interval({"": values}, m=4, binary=True)
    freedom = freedom_of_spread(values)
    assert chosen.interval == bounded_ends(mean_interval(values), most=96, freedom=freedom)
    assert chosen.interval.high <= 1  # type: ignore[operator]
    assert mean_interval(values).high > chosen.interval.high - 0.05  # type: ignore[operator]


def test_a_bounded_score_of_many_items_is_nearly_its_t_interval() -> None:
    values = np.random.default_rng(2).random(600)
    ours, t = choose_interval({"": values}, m=4, binary=False).interval, mean_interval(values)
    assert (ours.low, ours.high) == (pytest.approx(t.low, abs=5e-4), pytest.approx(t.high, abs=5e-4))


def test_unbounded_scores_get_t() -> None:
    values = np.random.default_rng(1).normal(size=30)
    assert choose_interval({"": values}, m=1, binary=False, score_range=None).interval == mean_interval(
        values
    )


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("size", [2, 24, 600])
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_no_bounded_score_has_an_interval_without_width(value: float, size: int, binary: bool) -> None:
    interval = choose_interval({"": [value] * size}, m=4, binary=binary).interval
    assert interval.low is not None
    assert interval.high is not None
    assert 0 <= interval.low < interval.high <= 1
    assert interval.low <= value <= interval.high


def test_two_items_that_agree_leave_a_macro_mean_open() -> None:
    """Their variance is 0, and still they could be the two right ones of many wrong ones."""
    rest = [0.25, 0.5, 0.75] * 10
    interval = choose_interval({"a": [1.0, 1.0], "b": rest, "c": rest}, m=4, binary=True).interval
    assert interval.low is not None
    assert interval.value - interval.low > 0.2


def test_a_score_of_one_item_has_no_interval() -> None:
    chosen = choose_interval({"": [0.5]}, m=4, binary=True)
    assert (chosen.interval.low, chosen.method) == (None, "none")


def test_statistics_do_not_import_scipy_stats() -> None:
    folder = Path(selfreward_eval.harness.stats.__file__).parent
    modules = ", ".join(
        f"selfreward_eval.harness.stats.{path.stem}" for path in folder.glob("*.py") if path.stem[0] != "_"
    )
    code = (
        f"import {modules}, sys\n"
        "assert not any(name.startswith(('scipy', 'numpy')) for name in sys.modules), 'heavy at import'\n"
        "from selfreward_eval.harness.stats.choosing import choose_test\n"
        "choose_test({'': [0.0, 0.5, 1.0, 0.25]}, m=4, binary=True)\n"
        "assert 'scipy.stats' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
