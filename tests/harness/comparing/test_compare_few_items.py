"""Comparisons of few items, of few changes, and with tiny categories."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from selfreward_eval.harness.comparing.compare import compare_runs, load_run
from selfreward_eval.harness.comparing.records import Comparison
from selfreward_eval.harness.stats.one_sided import one_sided_test

MakeRun = Callable[..., Path]

BEFORE = {"one": [[1, 0], [0, 0], [1, 1], [0, 0]], "two": [[0, 0], [1, 0], [0, 0]]}
AFTER = {"one": [[1, 1], [1, 0], [1, 1], [0, 0]], "two": [[1, 0], [1, 1], [0, 0]]}


def compare(make_run: MakeRun, before: Any, after: Any) -> Comparison:
    return compare_runs(load_run(make_run("a", before)), load_run(make_run("b", after)))


def test_a_macro_mean_of_few_items_is_tested_by_sign_flips(make_run: MakeRun) -> None:
    rows, later = ({name: part * 2 for name, part in side.items()} for side in (BEFORE, AFTER))
    overall = compare(make_run, rows, later).tasks["toy"].overall
    assert overall.method.startswith("studentised sign flips (")
    assert overall.method.endswith(", stratified")


def test_a_macro_mean_with_a_category_of_three_items_has_an_interval_and_no_claim(make_run: MakeRun) -> None:
    overall = compare(make_run, BEFORE, AFTER).tasks["toy"].overall
    assert overall.p is None
    assert "category 'one' has only 4 items and one more has as few; at least 5 are needed" in overall.verdict
    assert overall.low < 0 < overall.high  # type: ignore[operator]


def test_a_headline_has_the_one_sided_bounds_of_a_gate(make_run: MakeRun) -> None:
    """One of 300 items is lost, and a loss of a hundredth is not excluded; t would exclude it."""
    before, after = [[1.0]] * 300, [[0.0]] + [[1.0]] * 299
    task = compare(make_run, {"one": before}, {"one": after}).tasks["toy"]
    expected = one_sided_test({"": [-1.0] + [0.0] * 299}, 0.0, width=1.0, marks=True)
    assert task.overall.one_sided_low == pytest.approx(expected.low)
    assert task.overall.one_sided_high == pytest.approx(expected.high)
    assert task.overall.one_sided_low < -0.01 < -1 / 300 < task.overall.one_sided_high  # type: ignore[operator]
    assert task.categories["one"].one_sided_low is None


def test_equal_runs_leave_a_difference_that_was_not_seen(make_run: MakeRun) -> None:
    rows = {"one": [[1.0, 0.0]] * 24}
    overall = compare(make_run, rows, rows).tasks["toy"].overall
    assert (overall.effect, overall.p, overall.verdict) == (0, 1, "no evidence of a difference")
    # 24 equal items leave 1 - 0.025^(1 / 24) of all items that may differ, each by up to 1.
    assert overall.high == pytest.approx(1 - 0.025 ** (1 / 24))
    assert overall.low == pytest.approx(-overall.high)  # type: ignore[operator]
