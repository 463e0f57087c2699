"""Accuracies per tag and the official overall score."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord, Status
from selfreward_eval.tasks.geneval.summary import Row, official_numbers, summarise

ROWS = st.lists(
    st.builds(Row, st.sampled_from(["counting", "colors"]), st.sampled_from(["a", "b", "c"]), st.booleans()),
    min_size=1,
)


def test_overall_is_the_unweighted_mean_of_the_tags_present() -> None:
    summary = summarise([Row("counting", "a", True), Row("colors", "b", False), Row("colors", "c", True)])
    assert summary.overall == pytest.approx((1.0 + 0.5) / 2)
    assert summary.correct_images == pytest.approx(2 / 3)


def test_a_prompt_is_right_if_any_of_its_pictures_is() -> None:
    rows = [Row("counting", "a", False), Row("counting", "a", True), Row("counting", "b", False)]
    assert summarise(rows).correct_prompts == 0.5


@given(ROWS)
def test_the_order_of_pictures_changes_no_number(rows: list[Row]) -> None:
    there, back = summarise(rows), summarise(rows[::-1])
    assert there.tags == back.tags
    assert there.overall == pytest.approx(back.overall)


def test_nothing_cannot_be_summarised() -> None:
    with pytest.raises(InputError, match="no verdict"):
        summarise([])


@pytest.mark.parametrize(
    "row",
    [
        Row(None, "a", True),  # type: ignore[arg-type]
        Row("counting", None, True),  # type: ignore[arg-type]
        Row("counting", "a", None),  # type: ignore[arg-type]
        Row("counting", "a", "true"),  # type: ignore[arg-type]
        Row("counting", "a", 2),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_verdict_is_not_summarised(row: Row) -> None:
    with pytest.raises(InputError, match="is no verdict"):
        summarise([Row("counting", "a", True), row])


def record(accuracy: float | None) -> SampleRecord:
    measurement = (
        Measurement(Status.MISSING_IMAGE, reason="gone")
        if accuracy is None
        else Measurement(Status.SUCCESS, {"accuracy": accuracy})
    )
    return SampleRecord(0, Item("00000", "a cup", "colors"), Sample("00000", 0, 1), measurement)


def test_official_numbers_leave_out_what_could_not_be_judged() -> None:
    assert official_numbers([record(1.0), record(0.0), record(None)])["official_overall"] == 0.5


def test_a_run_without_any_number_has_no_official_numbers() -> None:
    assert official_numbers([record(None)]) == {}
