"""Upstream's summary, its -1s included, and parity with what its code gave."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.paths import GOLDEN

from selfreward_eval.harness.errors import InputError, SelfRewardError
from selfreward_eval.tasks.llava_bench.official import review_table
from selfreward_eval.tasks.llava_bench.parity import READERS
from selfreward_eval.tasks.parity import difference


@pytest.mark.parametrize("name", sorted(READERS))
def test_every_recorded_case_agrees(name: str) -> None:
    path = GOLDEN / name
    if not path.is_file():
        pytest.skip(f"no golden file {name}: set SELFREWARD_GOLDEN")
    document = json.loads(path.read_text())
    for case in document["cases"]:
        crashed = "error" in case["expected"]
        try:
            expected, ours = READERS[name](document, case)
        except SelfRewardError:
            assert crashed, case["id"]
        else:
            assert not crashed, case["id"]
            assert difference(expected, ours) is None, case["id"]


def review(number: int, pair: Any, category: str | None = "conv") -> dict[str, Any]:
    line = {"question_id": number, "tuple": pair}
    return line if category is None else {**line, "category": category}


def test_an_all_failed_run_has_a_relative_score_of_100() -> None:
    """The reason why this arithmetic is not ours."""
    table = review_table([review(k, (-1, -1)) for k in range(60)])
    assert (table["all"].relative, table["all"].candidate) == (100.0, -10.0)


def test_means_are_rounded_before_their_ratio() -> None:
    table = review_table([review(0, (9, 7)), review(1, (8, 7)), review(2, (8, 6))])
    assert table["all"].relative == round(6.667 / 8.333 * 100, 1)
    assert (table["all"].reference, table["all"].candidate) == (83.3, 66.7)


def test_a_review_without_category_counts_in_all_only() -> None:
    table = review_table([review(0, (8, 4)), review(1, (8, 8), None), {"question_id": 2, "score": (8, 6)}])
    assert (list(table), table["conv"].relative, table["all"].relative) == (["all", "conv"], 50.0, 75.0)


def test_ignored_questions_are_left_out() -> None:
    assert review_table([review(0, (8, 4)), review(1, (8, 8))], ignore=[0])["all"].relative == 100.0
    assert review_table([review(0, (8, 4))], ignore=[0]) == {}


@pytest.mark.parametrize(
    "reviews",
    [
        [review(0, (0, 5))],
        [review(0, (8,))],
        [review(0, (8, 7)), review(1, (8, 7, 6))],
        [review(0, ("8", "7"))],
        [review(0, None)],
        [{"category": "conv", "tuple": (8, 7)}],
        [{"question_id": 0, "category": "conv"}],
        [{"question_id": 0}],
    ],
)
def test_where_upstream_crashes_is_a_clear_error(reviews: list[dict[str, Any]]) -> None:
    with pytest.raises(InputError, match="have no summary"):
        review_table(reviews)
