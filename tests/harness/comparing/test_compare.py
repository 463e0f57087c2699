"""Comparing two runs: pairing, refusals, verdicts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from selfreward_eval.harness.comparing.compare import compare_runs, load_run, write_comparison
from selfreward_eval.harness.comparing.records import Comparison, comparison_file
from selfreward_eval.harness.errors import NotComparable
from selfreward_eval.harness.task import Metric

MakeRun = Callable[..., Path]

BEFORE = {"one": [[1, 0], [0, 0], [1, 1], [0, 0]], "two": [[0, 0], [1, 0], [0, 0]]}
AFTER = {"one": [[1, 1], [1, 0], [1, 1], [0, 0]], "two": [[1, 0], [1, 1], [0, 0]]}


def compare(make_run: MakeRun, before: Any, after: Any, **options: Any) -> Comparison:
    return compare_runs(load_run(make_run("a", before, **options)), load_run(make_run("b", after, **options)))


def test_the_effect_is_the_macro_mean_of_item_differences(make_run: MakeRun) -> None:
    task = compare(make_run, BEFORE, AFTER).tasks["toy"]
    assert task.categories["one"].effect == (0.5 + 0.5) / 4
    assert task.categories["two"].effect == pytest.approx((0.5 + 0.5) / 3)
    assert task.overall.effect == pytest.approx((1 / 4 + 1 / 3) / 2)
    assert (task.overall.n_items, task.overall.m, task.planned_items) == (7, 2, 7)
    assert (task.overall.coverage, task.overall.bound_low, task.unmatched) == (1, None, ())
    assert task.overall.b - task.overall.a == pytest.approx(task.overall.effect)  # type: ignore[operator]


def test_a_plain_score_of_many_items_is_scipy_s_paired_t_on_item_means(make_run: MakeRun) -> None:
    rows = {name: [[*row] for _ in range(15) for row in part] for name, part in BEFORE.items()}
    later = {name: [[*row] for _ in range(15) for row in part] for name, part in AFTER.items()}
    overall = compare(make_run, rows, later, metric=Metric("correct", macro=False)).tasks["toy"].overall
    before = [sum(row) / 2 for part in rows.values() for row in part]
    after = [sum(row) / 2 for part in later.values() for row in part]
    theirs = stats.ttest_rel(after, before)
    assert overall.p == pytest.approx(theirs.pvalue, abs=1e-10)
    assert overall.t == pytest.approx(theirs.statistic, abs=1e-10)
    assert overall.correlation == pytest.approx(stats.pearsonr(before, after).statistic)
    assert 0 < overall.se_ratio < 1  # type: ignore[operator]


def test_macro_scores_of_many_items_are_tested_over_strata(make_run: MakeRun) -> None:
    rng = np.random.default_rng(0)
    before, after = ({name: rng.integers(0, 2, (40, 2)).tolist() for name in "ab"} for _ in range(2))
    overall = compare(make_run, before, after).tasks["toy"].overall
    assert overall.method == "stratified paired t on item means, Satterthwaite df"
    assert overall.why.startswith("80 items are enough for t")


def test_few_items_are_tested_by_sign_flips(make_run: MakeRun) -> None:
    overall = compare(make_run, BEFORE, AFTER, metric=Metric("correct", macro=False)).tasks["toy"].overall
    gaps = [0.5, 0.5, 0, 0, 0.5, 0.5, 0]
    theirs = stats.permutation_test((gaps,), np.mean, permutation_type="samples", n_resamples=10_000)
    assert overall.p == pytest.approx(theirs.pvalue)
    assert overall.why.startswith("7 items are few")


def test_one_right_or_wrong_sample_per_item_is_tested_by_mcnemar(make_run: MakeRun) -> None:
    before = {"one": [[0]] * 12 + [[1]] * 8}
    after = {"one": [[1]] * 9 + [[0]] * 3 + [[0]] * 2 + [[1]] * 6}
    overall = compare(make_run, before, after, metric=Metric("correct", macro=False)).tasks["toy"].overall
    assert overall.method == "exact McNemar"
    assert overall.p == pytest.approx(stats.binomtest(2, 11).pvalue)
    assert (overall.improved, overall.unchanged, overall.worsened) == (9, 9, 2)


def test_one_graded_sample_per_item_is_no_mcnemar(make_run: MakeRun) -> None:
    before, after = {"one": [[0], [1], [0.5], [0]]}, {"one": [[1], [1], [1], [0]]}
    overall = compare(make_run, before, after, metric=Metric("correct", macro=False)).tasks["toy"].overall
    assert overall.method.startswith("studentised sign flips")


def test_items_of_one_cluster_count_once(make_run: MakeRun) -> None:
    rng = np.random.default_rng(3)
    folders = [make_run(name, {"one": rng.integers(0, 2, (60, 2)).tolist()}) for name in "ab"]
    for folder in folders:
        (path,) = folder.glob("samples_*.jsonl")
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines:
            line["doc"]["cluster"] = f"picture {int(line['prompt_id'].split('-')[1]) // 3}"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    overall = compare_runs(*map(load_run, folders)).tasks["toy"].overall
    assert (overall.n_items, overall.n_units) == (60, 20)
    assert overall.why.startswith("20 clusters of items are few")


def test_the_bootstrap_stands_beside_the_test_and_says_whether_it_agrees(make_run: MakeRun) -> None:
    before, after = {"one": [[0, 0]] * 20 + [[1, 0]] * 20}, {"one": [[1, 0]] * 20 + [[1, 0]] * 20}
    overall = compare(make_run, before, after).tasks["toy"].overall
    assert overall.bca is not None
    assert overall.bca.low is not None
    assert overall.bca.low > 0
    assert overall.bca.agrees is True
    assert (overall.improved, overall.unchanged, overall.worsened) == (20, 20, 0)


def test_an_improvement_follows_the_direction_of_the_metric(make_run: MakeRun) -> None:
    metric = Metric("correct", higher_is_better=False)
    overall = compare(make_run, BEFORE, AFTER, metric=metric).tasks["toy"].overall
    assert (overall.improved, overall.unchanged, overall.worsened) == (0, 3, 4)


def test_a_run_against_itself_shows_nothing(make_run: MakeRun) -> None:
    overall = compare(make_run, BEFORE, BEFORE).tasks["toy"].overall
    assert (overall.effect, overall.p, overall.verdict) == (0, 1, "no evidence of a difference")


def test_the_verdict_names_the_better_arm(make_run: MakeRun) -> None:
    bad = {"one": [[0, 0]] * 12 + [[1, 1]]}
    good = {"one": [[1, 1]] * 8 + [[0, 1]] * 4 + [[1, 1]]}
    a, b = load_run(make_run("bad", bad)), load_run(make_run("good", good))
    assert compare_runs(a, b).tasks["toy"].overall.verdict == "B is better than A"
    assert compare_runs(b, a).tasks["toy"].overall.verdict == "B is worse than A"


def test_lower_may_be_better(make_run: MakeRun) -> None:
    metric = Metric("correct", higher_is_better=False)
    more = {"one": [[1, 1]] * 8 + [[0, 1]] * 4}
    task = compare(make_run, {"one": [[0, 0]] * 12}, more, metric=metric).tasks["toy"]
    assert task.overall.verdict == "B is worse than A"


def test_only_samples_scored_in_both_arms_are_paired(make_run: MakeRun) -> None:
    before = {"one": [[1, None], [0, 0], [1, 1]]}
    after = {"one": [[1, 0], [None, 1], [1, 1]]}
    task = compare(make_run, before, after).tasks["toy"]
    assert task.overall.effect == pytest.approx((0 + 1 + 0) / 3)
    assert task.overall.coverage == pytest.approx(4 / 6)
    # The worst: 1 where A failed and 0 where B did. The best: the other way round.
    assert task.overall.bound_low == pytest.approx((-1 / 2 + 1 / 2 + 0) / 3)
    assert task.overall.bound_high == pytest.approx((0 + 1 + 0) / 3)


def test_unpaired_items_are_listed_with_the_reason(make_run: MakeRun) -> None:
    before = {"one": [[None, None], [None, 1], [1, 1], [0, 0]]}
    after = {"one": [[1, 0], [0, None], [1, 1], [0, 1]]}
    task = compare(make_run, before, after).tasks["toy"]
    assert [(one.item, one.reason) for one in task.unmatched] == [
        ("one-0", "no sample scored in A (2 generation_error)"),
        ("one-1", "no sample scored in both A and B"),
    ]
    assert task.overall.n_items == 2


def test_items_lost_from_a_file_are_not_recorded(make_run: MakeRun) -> None:
    a, b = make_run("a", BEFORE), make_run("b", AFTER)
    (path,) = b.glob("samples_*.jsonl")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-2]))
    task = compare_runs(load_run(a), load_run(b)).tasks["toy"]
    assert [(one.item, one.reason) for one in task.unmatched] == [("two-2", "not recorded in B")]


def test_items_lost_from_both_files_still_count_as_planned(make_run: MakeRun) -> None:
    runs = [make_run("a", BEFORE), make_run("b", AFTER)]
    for folder in runs:
        (path,) = folder.glob("samples_*.jsonl")
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:-2]))
    task = compare_runs(*map(load_run, runs)).tasks["toy"]
    assert (task.planned_items, task.overall.n_items) == (7, 6)
    assert task.overall.coverage == pytest.approx(12 / 14)


def test_a_category_without_pairs_leaves_no_macro_effect(make_run: MakeRun) -> None:
    before = {"one": [[1, 0], [0, 0]], "two": [[None, None]]}
    after = {"one": [[1, 1], [0, 0]], "two": [[1, 1]]}
    task = compare(make_run, before, after).tasks["toy"]
    assert task.overall.effect is None
    assert task.overall.verdict == "cannot be compared: no sample is scored in both arms in two"
    assert task.categories["one"].effect == 0.25


def test_a_category_of_one_item_cannot_be_tested(make_run: MakeRun) -> None:
    task = compare(make_run, {"one": [[1, 0]]}, {"one": [[1, 1]]}).tasks["toy"]
    assert (task.overall.effect, task.overall.p) == (0.5, None)
    assert task.overall.verdict.startswith("cannot be tested: a single item")


def test_failures_that_could_undo_a_verdict_are_part_of_it(make_run: MakeRun) -> None:
    before = {"one": [[0, 0]] * 10 + [[1, 1]] * 20}
    after = {"one": [[1, 0]] * 10 + [[None, 1]] * 20}
    task = compare(make_run, before, after).tasks["toy"]
    assert task.overall.verdict == (
        "B is better than A, where both have scores; the samples without one could undo it"
    )


@pytest.mark.parametrize(
    ("field", "a", "b"),
    [
        ("seed", "0", "1"),
        ("seed_policy", '"hashed"', '"official"'),
        ("limit", "null", "10"),
        ("model.generation.guidance", "2.0", "1.5"),
        ("tasks.toy.version", '"1"', '"2"'),
        ("tasks.toy.items_sha256", None, '"changed"'),
        ("tasks.toy.instruments.detector.revision", '"1"', '"2"'),
        ("tasks.toy.options.threshold", "absent", "0.5"),
    ],
)
def test_runs_that_differ_in_more_than_the_model_are_refused(
    make_run: MakeRun, field: str, a: str | None, b: str
) -> None:
    first = load_run(make_run("a", BEFORE))
    second = load_run(make_run("b", AFTER, identity={field: json.loads(b)}))
    with pytest.raises(NotComparable) as caught:
        compare_runs(first, second)
    assert f"{field}: {a or ''}" in str(caught.value)
    assert f" != {b}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_differing_field_is_named(make_run: MakeRun) -> None:
    first = load_run(make_run("a", BEFORE))
    second = load_run(make_run("b", AFTER, identity={"seed": 7, "model.generation.temperature": 0.5}))
    with pytest.raises(
        NotComparable, match=r"model\.generation\.temperature: 1\.0 != 0\.5; seed: 0 != 7; .*run both again"
    ):
        compare_runs(first, second)


def test_another_number_of_images_is_refused(make_run: MakeRun) -> None:
    first, second = load_run(make_run("a", {"one": [[1, 0]]})), load_run(make_run("b", {"one": [[1, 0, 1]]}))
    with pytest.raises(NotComparable, match=r"tasks\.toy\.images_per_item: 2 != 3"):
        compare_runs(first, second)


def test_pictures_of_other_seeds_are_refused(make_run: MakeRun) -> None:
    own = {"seed_policy": "official"}  # The manifest alone does not give them away.
    a, b = make_run("a", BEFORE, identity=own), make_run("b", AFTER, identity=own)
    (path,) = b.glob("samples_*.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[1]["seed"] = 5
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(NotComparable, match=r"tasks\.toy\.samples\[one-0,1\]\.seed: \d+ != 5;"):
        compare_runs(load_run(a), load_run(b))


def test_runs_without_a_common_task_are_refused(make_run: MakeRun) -> None:
    first, second = load_run(make_run("a", BEFORE)), load_run(make_run("b", AFTER, task="other"))
    with pytest.raises(NotComparable, match=r"share no task \(toy against other\)"):
        compare_runs(first, second)


def test_a_comparison_is_written_under_both_names(make_run: MakeRun, tmp_path: Path) -> None:
    comparison = compare(make_run, BEFORE, AFTER)
    file = write_comparison(comparison, tmp_path / "deep" / "out-1.5")
    assert file == tmp_path / "deep" / "out-1.5" / "compare_a_vs_b.json"
    content = json.loads(file.read_text())
    assert content["schema"] == 1
    assert content["a"]["model"]["weights"] == "a.safetensors"
    assert content["tasks"]["toy"]["overall"]["effect"] == comparison.tasks["toy"].overall.effect
    assert comparison_file(comparison, tmp_path / "x.html") == tmp_path / "x.json"


mark = st.sampled_from([0.0, 1.0, None])
arms = st.lists(st.tuples(st.lists(mark, min_size=2, max_size=2), st.lists(mark, min_size=2, max_size=2)),
                min_size=1, max_size=20)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(rows=arms)
def test_swapping_the_runs_mirrors_the_comparison(
    tmp_path_factory: pytest.TempPathFactory, write: Callable[..., Path], rows: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("swap")
    a = load_run(write(folder / "a", {"one": [row[0] for row in rows]}))
    b = load_run(write(folder / "b", {"one": [row[1] for row in rows]}))
    there, back = compare_runs(a, b).tasks["toy"], compare_runs(b, a).tasks["toy"]
    assert (there.overall.effect is None) == (back.overall.effect is None)
    if there.overall.effect is not None:
        assert back.overall.effect == -there.overall.effect
    assert back.overall.p == there.overall.p
    if there.overall.effect:  # A difference of 0 has no direction that the resamples could be turned to.
        assert back.overall.low == (None if there.overall.high is None else 0.0 - there.overall.high)
    assert len(back.unmatched) == len(there.unmatched) == len(rows) - there.overall.n_items
    assert (there.overall.bound_low is None) == (there.overall.coverage == 1)
    if there.overall.bound_low is not None:
        assert back.overall.bound_high == -there.overall.bound_low
