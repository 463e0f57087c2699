"""Upstream's arithmetic over categories."""

from __future__ import annotations

import pytest

from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord, Status
from selfreward_eval.tasks.t2i_compbench_vlm.summary import (
    CATEGORIES,
    COLUMNS,
    ScriptOverall,
    as_published,
    judged,
    official_numbers,
    script_overall,
)

BAGEL = dict(zip(COLUMNS, (77.98, 89.30, 83.32, 85.03, 70.40, 81.94, 81.52, 87.93), strict=True))
"""SRUM's README, the row of BAGEL without chain of thought; its Overall is 82.18."""


def record(number: int, category: str, measurement: Measurement) -> SampleRecord:
    item = Item(str(number), "a dog", category, metadata={"Category": category})
    return SampleRecord(number, item, Sample(item.id, 0, 0), measurement)


def said(number: int, category: str, reply: str, score: float | None = None) -> SampleRecord:
    status = Status.JUDGE_PARSE_ERROR if score is None else Status.SUCCESS
    values = {} if score is None else {"judgement": score}
    return record(number, category, Measurement(status, values, "", {"reply": reply}))


class TestScript:
    def test_the_composite_counts_as_one_category(self) -> None:
        means = {"color": 90.0, "complex": 60.0, "complex action": 70.0, "complex spatial": 80.0}
        assert script_overall(means) == ScriptOverall(70.0, 80.0)

    def test_names_may_be_spelt_with_underscores(self) -> None:
        means = {"color": 90.0, "complex": 60.0, "complex_action": 80.0}
        assert script_overall(means) == ScriptOverall(70.0, 80.0)

    def test_without_complex_categories_a_nought_counts(self) -> None:
        assert script_overall({"color": 90.0}) == ScriptOverall(0.0, 45.0)

    def test_without_other_categories_the_composite_stands_alone(self) -> None:
        assert script_overall({"complex": 50.0}) == ScriptOverall(50.0, 50.0)

    def test_four_decimals(self) -> None:
        assert script_overall({"color": 100 / 3, "complex": 0.0}).overall_weighted == 16.6667


class TestNumbers:
    def test_the_printed_overall_is_the_mean_of_eight_columns(self) -> None:
        records = [said(i, name, "", mean) for i, (name, mean) in enumerate(BAGEL.items())]
        assert official_numbers(records, judged)["Overall_README"] == pytest.approx(82.1775)

    def test_all_numbers_of_a_whole_run(self) -> None:
        records = [said(i, name, "", float(i)) for i, name in enumerate(CATEGORIES)]
        numbers = official_numbers(records, judged)
        assert set(numbers) == {f"mean_{name}" for name in CATEGORIES} | {
            "Complex_Composite",
            "Overall_Weighted",
            "Overall_README",
        }
        assert numbers["Complex_Composite"] == pytest.approx((2 + 8 + 9) / 3, abs=1e-4)

    def test_a_number_with_a_hole_in_it_is_left_out(self) -> None:
        records = [said(i, name, "", 50.0) for i, name in enumerate(COLUMNS)]
        numbers = official_numbers(records, judged)
        assert "Overall_README" in numbers
        assert not {"Complex_Composite", "Overall_Weighted"} & set(numbers)

    def test_nothing_judged_gives_nothing(self) -> None:
        assert official_numbers([said(0, "color", "no")], judged) == {}

    def test_a_foreign_category_is_passed_over(self) -> None:
        assert official_numbers([said(0, "smell", "", 50.0)], judged) == {}


class TestPublishedArithmetic:
    def test_failures_count_minus_one(self) -> None:
        lost = record(2, "color", Measurement(Status.JUDGE_TRANSPORT_ERROR, evidence={"reply": None}))
        records = [said(0, "color", '{"score": 80}', 80.0), said(1, "color", "no idea"), lost]
        assert official_numbers(records, as_published) == {"mean_color": pytest.approx(78 / 3)}
        assert official_numbers(records, judged) == {"mean_color": 80.0}

    def test_upstream_reads_what_is_too_large_or_cut(self) -> None:
        records = [said(0, "color", '{"score": 150}'), said(1, "shape", '{"score": 85.5}', 85.5)]
        assert official_numbers(records, as_published) == {"mean_color": 150.0, "mean_shape": 85.0}

    @pytest.mark.parametrize("digits", [400, 5000])
    def test_a_number_beyond_all_measure_is_a_failure(self, digits: int) -> None:
        assert as_published(said(0, "color", '"score": ' + "9" * digits)) == -1

    def test_a_missing_picture_is_not_seen(self) -> None:
        assert as_published(record(0, "color", Measurement(Status.MISSING_IMAGE))) is None


@pytest.mark.parametrize("value", [judged, as_published])
def test_the_order_of_records_changes_nothing(value: object) -> None:
    records = [said(i, CATEGORIES[i % 10], f'{{"score": {i}}}', float(i)) for i in range(40)]
    assert official_numbers(records, value) == official_numbers(records[::-1], value)  # type: ignore[arg-type]
