"""All pairs at once give what the paired tests give one by one, and what ``compare`` gives for two runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import fsum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from selfreward_eval.harness.comparing.compare import compare_runs
from selfreward_eval.harness.runs.reader import Run, load_run
from selfreward_eval.harness.stats.choosing import few_in
from selfreward_eval.harness.stats.gains import widened
from selfreward_eval.harness.stats.means import cluster_values
from selfreward_eval.harness.stats.paired import PairedResult, paired, paired_macro
from selfreward_eval.harness.task import Metric
from selfreward_eval.leaderboards.board import Board, make_board
from selfreward_eval.leaderboards.grouping import group_runs
from selfreward_eval.leaderboards.pairwise import Stratum, pairwise
from selfreward_eval.leaderboards.reading import read_entry

MakeRun = Callable[..., Path]
MakeMarks = Callable[..., Any]


def board_of(folders: Sequence[Path]) -> Board:
    entries = [read_entry(folder, 0) for folder in folders]
    (group,) = group_runs(sorted(entries, key=lambda one: (one.name, one.fingerprint)))
    return make_board(group)


def one_pair(a: Run, b: Run, category: str) -> PairedResult | None:
    """The test of a single pair, written out: item differences over samples that both scored."""
    first = {
        (r.sample.item_id, r.sample.index): r.measurement.values.get("correct") for r in a.records["toy"]
    }
    gaps: dict[str, dict[str, list[float]]] = {}
    clusters: dict[str, str] = {}
    for record in b.records["toy"]:
        before = first.get((record.sample.item_id, record.sample.index))
        after = record.measurement.values.get("correct")
        home = gaps.setdefault(record.item.category, {})
        if before is not None and after is not None:
            home.setdefault(record.item.id, []).append(after - before)
            clusters[record.item.id] = record.item.cluster

    def test(strata: dict[str, dict[str, list[float]]]) -> PairedResult:
        items = {name: [fsum(v) / len(v) for v in home.values()] for name, home in strata.items()}
        names = {name: [clusters[item] for item in home] for name, home in strata.items()}
        units = {name: cluster_values(items[name], names[name]) for name in items}
        (first, *others) = units.values()
        result = paired_macro(units) if others else paired(first)
        if few_in(units) and result.effect:
            result = replace(result, p=None)
        low, high = a.scores["toy"].range
        pictures = max(r.sample.index for r in b.records["toy"]) + 1 if high - low == 1 else None
        return widened(result, items, units, names, high - low, pictures, 0.95)

    if category:
        return test({"": gaps[category]}) if gaps[category] else None
    if not a.scores["toy"].macro:
        return test({"": {item: values for home in gaps.values() for item, values in home.items()}})
    return test(gaps) if all(gaps.values()) else None


def assert_agrees(board: Board, folders: Sequence[Path]) -> None:
    """Every pair of every table against the tests one by one."""
    runs = {run.manifest.fingerprint: run for run in map(load_run, folders)}
    for table in board.tables:
        ranked = [row.entry.fingerprint for row in table.rows[: table.ranked]]
        pairs = zip(*np.triu_indices(len(ranked), 1), strict=True)
        for at, (i, j) in enumerate(pairs):
            expected = one_pair(runs[ranked[i]], runs[ranked[j]], table.name)
            assert expected is not None
            same(table.pairs.effect[at], expected.effect)
            same(table.pairs.p[at], expected.p)
            same(table.pairs.low[at], expected.low)
            same(table.pairs.high[at], expected.high)


def same(found: float, expected: float | None) -> None:
    if expected is None:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("macro", [True, False])
@pytest.mark.parametrize("failures", [0, 5])
def test_pairs_agree_with_compare(
    make_run: MakeRun, make_marks: MakeMarks, macro: bool, failures: int
) -> None:
    metric = Metric("correct", macro=macro)
    folders = [
        make_run(f"m{k}", make_marks(0.3 + 0.1 * k, 12, seed=k, failures=failures), metric=metric)
        for k in range(4)
    ]
    assert_agrees(board_of(folders), folders)


def test_two_runs_of_enough_items_get_what_compare_says(make_run: MakeRun, make_marks: MakeMarks) -> None:
    a = make_run("a", make_marks(0.4, 60, seed=1, failures=3))
    b = make_run("b", make_marks(0.6, 60, seed=2, failures=3))
    board = board_of([b, a])
    best, other = (row.entry.name for row in board.overall.rows)
    task = compare_runs(load_run(a.parent / best), load_run(a.parent / other)).tasks["toy"]
    for table in board.tables:
        one = task.categories[table.name] if table.name else task.overall
        sign = 1.0 if [row.entry.name for row in table.rows] == [best, other] else -1.0
        same(sign * table.pairs.effect[0], one.effect)
        same(table.pairs.p[0], one.p)
        assert table.pairs.n[0] == one.n_items


def test_clustered_items_count_once(make_run: MakeRun, make_marks: MakeMarks) -> None:
    clusters = {f"{name}-{k}": f"{name} {k // 3}" for name in ("one", "two") for k in range(12)}
    folders = [
        make_run(f"m{k}", make_marks(0.3 + 0.1 * k, 12, seed=k, failures=4), clusters=clusters)
        for k in range(3)
    ]
    assert_agrees(board_of(folders), folders)


def test_models_that_agree_everywhere_and_models_that_all_moved(make_run: MakeRun) -> None:
    low = {"one": [[0.0, 0.0]] * 4, "two": [[0.0, 0.0]] * 3}
    high = {"one": [[1.0, 1.0]] * 4, "two": [[1.0, 1.0]] * 3}
    mixed = {"one": [[1.0, 1.0]] * 4, "two": [[0.0, 0.0]] * 3}
    other = {"one": [[0.0, 0.0]] * 4, "two": [[1.0, 1.0]] * 3}
    folders = [
        make_run(name, marks)
        for name, marks in (("a", low), ("b", low), ("c", high), ("d", mixed), ("e", other))
    ]
    assert_agrees(board_of(folders), folders)


def test_a_graded_metric_on_another_scale(make_run: MakeRun) -> None:
    rng = np.random.default_rng(0)
    metric = Metric("correct", range=(0.0, 100.0))
    folders = [
        make_run(
            name,
            {"one": (rng.random((9, 3)) * 100).tolist(), "two": [[1 / 3, 2 / 3, 0.5]] * 5},
            metric=metric,
        )
        for name in ("a", "b", "c")
    ]
    assert_agrees(board_of(folders), folders)


def test_a_category_of_two_items_separates_nobody(make_run: MakeRun) -> None:
    """Two items that agree have no variance: with it 29 leaderboards in 100 named a winner of equals."""
    wrong = {"one": [[0.0, 0.0]] * 2, "two": [[1.0, 0.0]] * 60}
    right = {"one": [[1.0, 1.0]] * 2, "two": [[1.0, 0.0]] * 60}
    board = board_of([make_run("a", wrong), make_run("b", right)])
    assert np.isnan(board.overall.pairs.p).all()
    assert board.overall.pairs.low[0] < 0.1
    assert [row.place.rank for row in board.overall.rows if row.place] == [1, 1]


def test_a_single_item_tests_nothing(make_run: MakeRun) -> None:
    folders = [make_run("a", {"one": [[1.0]]}), make_run("b", {"one": [[0.0]]})]
    board = board_of(folders)
    assert np.isnan(board.overall.pairs.p).all()
    assert [row.place.rank for row in board.overall.rows if row.place] == [1, 1]


def test_an_item_missing_from_one_run_is_no_pair(make_run: MakeRun) -> None:
    marks = {"one": [[1.0, 0.0], [None, None], [0.0, 1.0], [1.0, 1.0]]}
    folders = [make_run("a", marks), make_run("b", {"one": [[0.0, 0.0]] * 4})]
    board = board_of(folders)
    assert board.overall.pairs.n.tolist() == [3]
    assert board.overall.pairs.units.tolist() == [3]
    assert_agrees(board, folders)


def test_equal_models_are_seldom_told_apart() -> None:
    """Under the null any pair of ten is called different in at most 5 % of the tables (Holm)."""
    from selfreward_eval.leaderboards.ranking import adjusted

    rng = np.random.default_rng(7)
    stratum = Stratum.of(range(60), [str(k) for k in range(60)])
    wrong = 0
    for _ in range(400):
        ease = rng.random(60)
        marks = (rng.random((10, 60, 4)) < ease[None, :, None]).astype(float)
        (p,) = adjusted([pairwise(marks, stratum).p])
        wrong += bool((p <= 0.05).any())
    # 20 expected at most; three standard deviations above.
    assert wrong <= 20 + 3 * 4.4
