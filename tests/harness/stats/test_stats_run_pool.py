"""The variance between training runs, pooled over methods."""

from __future__ import annotations

import pytest

from selfreward_eval.harness.stats.run_pool import run_pool

ALIKE = {"a": [0.50, 0.52, 0.54], "b": [0.61, 0.63, 0.65], "c": [0.40, 0.42, 0.44]}


def test_methods_that_vary_alike_are_pooled_with_all_their_degrees_of_freedom() -> None:
    pool = run_pool(ALIKE)
    assert (pool.members, pool.left_out, pool.df) == (("a", "b", "c"), (), 6.0)
    assert pool.variance == pytest.approx(0.0004)


def test_methods_with_more_runs_weigh_more() -> None:
    pool = run_pool({"a": [0.0, 0.2], "b": [0.0, 0.1, 0.2, 0.3]})
    assert pool.variance == pytest.approx((1 * 0.02 + 3 * 0.05 / 3) / 4)


def test_a_method_whose_runs_vary_more_is_left_out() -> None:
    pool = run_pool({**ALIKE, "wild": [0.3, 0.7, 0.5]})
    assert (pool.members, pool.left_out) == (("a", "b", "c"), ("wild",))
    assert pool.variance == pytest.approx(0.0004)


def test_a_method_that_varies_less_stays() -> None:
    assert "calm" in run_pool({**ALIKE, "calm": [0.5, 0.5001, 0.5002]}).members


def test_where_no_two_are_alike_nothing_is_pooled() -> None:
    pool = run_pool({"a": [0.500, 0.501, 0.502], "wild": [0.3, 0.7, 0.5]})
    assert (pool.variance, pool.members, pool.left_out) == (None, (), ("wild",))


def test_runs_that_agree_exactly_leave_out_those_that_do_not() -> None:
    assert run_pool({"a": [0.5, 0.5], "b": [0.4, 0.4], "c": [0.1, 0.2]}).left_out == ("c",)


def test_a_single_run_says_nothing() -> None:
    with pytest.raises(ValueError, match="'b' has a single training run"):
        run_pool({"a": [0.1, 0.2], "b": [0.1]})
