"""Scores from records: known answers, and what failures may and may not do."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord, Status
from selfreward_eval.harness.runs.scores import Score, TaskScores, summarise
from selfreward_eval.harness.task import Metric, TaskInfo

INFO = TaskInfo("toy", "1", "Toy benchmark", "none", images_per_item=2, comparable="synthetic")
MACRO = Metric("correct")
PLAIN = Metric("correct", macro=False)

Records = Callable[[dict[str, list[list[float | None]]]], list[SampleRecord]]


def items_of(records: list[SampleRecord]) -> list[Item]:
    return list({record.item.id: record.item for record in records}.values())


def scores_of(records: list[SampleRecord], images: int = 2, metric: Metric = MACRO) -> TaskScores:
    return summarise(INFO, metric, items_of(records), records, images)


def failed(record: SampleRecord) -> SampleRecord:
    return replace(record, measurement=Measurement(Status.MEASUREMENT_ERROR, reason="it failed"))


def test_a_macro_score_is_the_mean_of_category_means(make_records: Records) -> None:
    scores = scores_of(make_records({"one": [[1, 1], [1, 0]], "two": [[0, 0], [0, 1], [0, 0], [1, 1]]}))
    assert scores.categories["one"].value == 0.75
    assert scores.categories["two"].value == 0.375
    assert scores.overall.value == (0.75 + 0.375) / 2
    assert (scores.overall.n_items, scores.overall.n_expected, scores.overall.n_scored) == (6, 12, 12)
    assert (scores.overall.coverage, scores.overall.bound_low, scores.overall.bound_high) == (1, None, None)
    assert scores.failures == {}
    assert scores.macro


def test_a_plain_score_is_the_mean_over_items(make_records: Records) -> None:
    records = make_records({"one": [[1, 1]], "two": [[0, 0], [0, 1], [0, 0]]})
    scores = scores_of(records, metric=PLAIN)
    assert scores.overall.value == 1.5 / 4
    assert scores.overall.df == 3
    assert not scores.macro


def test_a_failure_is_no_zero_but_is_answered_for(make_records: Records) -> None:
    overall = scores_of(make_records({"one": [[1, None], [0, 1]]})).overall
    assert overall.value == 0.75
    assert (overall.n_scored, overall.n_failed, overall.coverage) == (3, 1, 0.75)
    assert (overall.bound_low, overall.bound_high) == (0.5, 0.75)


def test_an_item_without_any_score_is_left_out_and_counted(make_records: Records) -> None:
    scores = scores_of(make_records({"one": [[1, 1], [None, None], [0, 0]]}))
    assert scores.overall.value == 0.5
    assert (scores.overall.n_items, scores.overall.df) == (2, 1)
    assert scores.overall.bound_low == pytest.approx(1 / 3)
    assert scores.overall.bound_high == pytest.approx(2 / 3)
    assert scores.failures == {"generation_error": 2}


def test_a_sample_never_recorded_counts_as_failed(make_records: Records) -> None:
    records = make_records({"one": [[1, 1], [0, 0]]})
    scores = summarise(INFO, MACRO, items_of(records), records[:-1], 2)
    assert scores.failures == {"not_recorded": 1}
    assert scores.overall.coverage == 0.75


def test_a_category_without_scores_leaves_no_macro_score(make_records: Records) -> None:
    scores = scores_of(make_records({"one": [[1, 1], [1, 1]], "two": [[None, None]]}))
    assert scores.categories["two"].value is None
    assert scores.overall.value is None
    assert scores.overall.se is None
    assert (scores.overall.bound_low, scores.overall.bound_high) == (0.5, 1)


def test_items_that_share_a_cluster_are_one_unit(make_records: Records) -> None:
    records = make_records({"one": [[1, 1], [1, 1], [0, 0], [0, 0]]})
    paired_up = [
        replace(record, item=replace(record.item, cluster=f"image-{number // 4}"))
        for number, record in enumerate(records)
    ]
    alone, together = scores_of(records).overall, scores_of(paired_up).overall
    assert alone.value == together.value == 0.5
    assert (alone.df, together.df) == (3, 1)
    assert together.se == 0.5


def test_a_cluster_in_two_categories_of_a_macro_score_is_refused(make_records: Records) -> None:
    records = make_records({"one": [[1, 1]], "two": [[0, 0]]})
    shared = [replace(record, item=replace(record.item, cluster="same")) for record in records]
    with pytest.raises(InputError, match="toy@1: cluster 'same' lies in the categories 'one' and 'two'"):
        scores_of(shared)
    assert scores_of(shared, metric=PLAIN).overall.value == 0.5


def test_samples_that_agree_have_an_icc_of_one(make_records: Records) -> None:
    assert scores_of(make_records({"one": [[1, 1], [0, 0], [1, 1]]})).overall.icc == 1


@pytest.mark.parametrize("value", [1.5, float("nan"), None])
def test_a_success_without_a_valid_number_is_refused(make_records: Records, value: float | None) -> None:
    records = make_records({"one": [[1, 1]]})
    values = {} if value is None else {"correct": value}
    records[1] = replace(records[1], measurement=Measurement(Status.SUCCESS, values))
    with pytest.raises(InputError, match=r"sample 1 of item 'one-0' .* measure it again"):
        scores_of(records)


def test_a_sample_recorded_twice_is_refused(make_records: Records) -> None:
    records = make_records({"one": [[1, 0]]})
    with pytest.raises(InputError, match="sample 0 of item 'one-0' is recorded twice"):
        scores_of([*records, records[0]])


def test_a_sample_that_was_never_planned_is_refused(make_records: Records) -> None:
    records = make_records({"one": [[1, 0]]})
    stray = replace(records[0], sample=Sample("two-0", 0, 1))
    with pytest.raises(InputError, match="sample 0 of item 'two-0' was never planned"):
        summarise(INFO, MACRO, items_of(records), [*records, stray], 2)
    with pytest.raises(InputError, match="sample 1 of item 'one-0' was never planned"):
        scores_of(records, images=1)


def test_nothing_planned_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="toy@1: nothing was planned"):
        summarise(INFO, MACRO, [], [], 4)


def test_scores_survive_json(make_records: Records) -> None:
    scores = scores_of(make_records({"one": [[1, None], [0, 1]], "two": [[1, 1], [1, 0]]}))
    scores = replace(scores, extra={"image_accuracy": 0.8})
    assert TaskScores.from_json(scores.to_json()) == scores
    assert Score.from_json({**scores.overall.to_json(), "later": 1}) == scores.overall


mark = st.sampled_from([0.0, 1.0, None])
tables = st.dictionaries(
    st.sampled_from(["one", "two", "three"]),
    st.lists(st.lists(mark, min_size=3, max_size=3), min_size=1, max_size=5),
    min_size=1,
)
metrics = st.sampled_from([MACRO, PLAIN])


def records_for(marks: dict[str, list[list[float | None]]]) -> list[SampleRecord]:
    """As the fixture makes them; Hypothesis and function fixtures do not mix."""
    records: list[SampleRecord] = []
    for category, rows in marks.items():
        for number, row in enumerate(rows):
            item = Item(f"{category}-{number}", "draw", category)
            for index, value in enumerate(row):
                measurement = (
                    Measurement(Status.GENERATION_ERROR)
                    if value is None
                    else Measurement(Status.SUCCESS, {"correct": value})
                )
                records.append(SampleRecord(len(records), item, Sample(item.id, index, 0), measurement))
    return records


@given(marks=tables, metric=metrics, seed=st.integers(0, 5))
def test_the_order_of_records_changes_nothing(
    marks: dict[str, list[list[float | None]]], metric: Metric, seed: int
) -> None:
    records = records_for(marks)
    shuffled = random.Random(seed).sample(records, len(records))
    items = items_of(records)
    assert summarise(INFO, metric, items, shuffled, 3) == summarise(INFO, metric, items, records, 3)


@given(marks=tables, metric=metrics, shards=st.integers(1, 4))
def test_merged_shards_equal_one_run(
    marks: dict[str, list[list[float | None]]], metric: Metric, shards: int
) -> None:
    records = records_for(marks)
    merged = [record for k in range(shards) for record in records[k::shards]]
    items = items_of(records)
    assert summarise(INFO, metric, items, merged, 3) == summarise(INFO, metric, items, records, 3)


@given(marks=tables, metric=metrics)
def test_an_added_failure_never_raises_a_score(
    marks: dict[str, list[list[float | None]]], metric: Metric
) -> None:
    """One more sample per item, all of them failed: the value stays, the lower bound cannot rise."""
    before = scores_of(records_for(marks), 3, metric).overall
    more = {name: [[*row, None] for row in rows] for name, rows in marks.items()}
    after = scores_of(records_for(more), 4, metric).overall
    assert after.value == before.value
    assert after.bound_low is not None
    ceiling = before.value if before.bound_low is None else before.bound_low
    assert ceiling is None or after.bound_low <= ceiling + 1e-12


@given(marks=tables, metric=metrics, which=st.integers(0, 100))
def test_losing_a_sample_widens_the_bounds(
    marks: dict[str, list[list[float | None]]], metric: Metric, which: int
) -> None:
    records = records_for(marks)
    before = scores_of(records, 3, metric).overall
    records[which % len(records)] = failed(records[which % len(records)])
    after = scores_of(records, 3, metric).overall
    low = before.value if before.bound_low is None else before.bound_low
    high = before.value if before.bound_high is None else before.bound_high
    assert low is not None
    assert high is not None
    assert after.bound_low is not None
    assert after.bound_high is not None
    assert after.bound_low <= low + 1e-12
    assert after.bound_high >= high - 1e-12
    assert after.coverage <= before.coverage


@given(marks=tables, metric=metrics)
def test_the_bounds_bracket_the_value(marks: dict[str, list[list[float | None]]], metric: Metric) -> None:
    scores = scores_of(records_for(marks), 3, metric)
    for score in (scores.overall, *scores.categories.values()):
        assert (score.bound_low is None) == (score.coverage == 1)
        assert score.n_scored + score.n_failed == score.n_expected
        if score.value is not None and score.bound_low is not None and score.bound_high is not None:
            assert score.bound_low - 1e-12 <= score.value <= score.bound_high + 1e-12
    assert sum(scores.failures.values()) == scores.overall.n_failed
