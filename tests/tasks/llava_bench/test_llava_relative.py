"""The relative score with its interval over images, its coverage and its bounds."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.tasks.llava_bench.relative import relative

SCORE = st.integers(2, 20).map(lambda half: half / 2)
PAIR = st.tuples(SCORE, SCORE)
ANSWERS = st.lists(st.tuples(PAIR, st.integers(0, 5)), min_size=1, max_size=40)


def test_it_is_the_ratio_of_the_totals() -> None:
    score = relative([(8.0, 6.0), (10.0, 9.0), (9.0, 3.0)], "aab")
    assert score.value == pytest.approx(100 * 18 / 27)
    assert (score.images, score.scored, score.expected, score.coverage) == (2, 3, 3, 1.0)
    assert (score.bound_low, score.bound_high) == (None, None)


def test_failures_are_no_scores_and_are_answered_for_by_bounds() -> None:
    score = relative([(8.0, 6.0), None, None], "aab")
    assert (score.value, score.scored, score.coverage) == (75.0, 1, pytest.approx(1 / 3))
    assert score.bound_low == pytest.approx(100 * (6 + 2) / (8 + 20))
    assert score.bound_high == pytest.approx(100 * (6 + 20) / (8 + 2))


def test_if_all_failed_nothing_is_scored() -> None:
    score = relative([None, None], "ab")
    assert (score.value, score.se, score.low, score.scored) == (None, None, None, 0)
    assert (score.bound_low, score.bound_high) == (10.0, 1000.0)


def test_one_image_has_no_interval() -> None:
    score = relative([(8.0, 6.0), (8.0, 8.0)], "aa")
    assert (score.value, score.se, score.low, score.high) == (87.5, None, None, None)


def test_without_answers_there_is_nothing_to_say() -> None:
    with pytest.raises(ValueError, match="no relative score"):
        relative([], [])
    with pytest.raises(ValueError, match="no relative score"):
        relative([(8.0, 7.0)], "ab")


def test_the_standard_error_is_that_of_the_linearised_ratio() -> None:
    pairs = [(8.0, 6.0), (9.0, 9.0), (7.0, 2.0), (10.0, 5.0)]
    ratio = 22 / 34
    residues = np.array([6 - ratio * 8 + 9 - ratio * 9, 2 - ratio * 7, 5 - ratio * 10])
    expected = 100 * np.sqrt(3 / 2 * np.sum(residues**2)) / 34
    assert relative(pairs, ["a", "a", "b", "c"]).se == pytest.approx(expected)


@given(ANSWERS, st.lists(st.integers(0, 8), max_size=10))
def test_a_failed_judgement_never_changes_the_value_or_its_interval(
    answers: list[tuple[tuple[float, float], int]], failed: list[int]
) -> None:
    pairs, images = [pair for pair, _ in answers], [image for _, image in answers]
    before = relative(pairs, images)
    after = relative([*pairs, *[None] * len(failed)], [*images, *failed])
    assert (after.value, after.se, after.low, after.high) == (
        before.value,
        before.se,
        before.low,
        before.high,
    )


@given(ANSWERS, st.randoms(use_true_random=False))
def test_the_order_of_the_answers_changes_nothing(
    answers: list[tuple[tuple[float, float], int]], shuffle: random.Random
) -> None:
    other = list(answers)
    shuffle.shuffle(other)
    first, second = (relative([p for p, _ in some], [i for _, i in some]) for some in (answers, other))
    assert (second.value, second.se) == pytest.approx((first.value, first.se))


@given(ANSWERS, st.data())
def test_the_bounds_hold_the_score_of_the_full_run(
    answers: list[tuple[tuple[float, float], int]], data: st.DataObject
) -> None:
    pairs, images = [pair for pair, _ in answers], [image for _, image in answers]
    lost = data.draw(st.lists(st.booleans(), min_size=len(pairs), max_size=len(pairs)))
    full = relative(pairs, images)
    part = relative([None if gone else pair for pair, gone in zip(pairs, lost, strict=True)], images)
    assert full.value is not None
    low = full.value if part.bound_low is None else part.bound_low
    high = full.value if part.bound_high is None else part.bound_high
    assert low - 1e-9 <= full.value <= high + 1e-9


@pytest.mark.slow
def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    """30 images with three answers each that resemble each other; nominal 95 %."""
    draw = np.random.default_rng(0)
    covered, runs = 0, 2000
    truth = 100 * 6.0 / 8.0
    images = np.repeat(np.arange(30), 3)
    for _ in range(runs):
        shared = np.repeat(draw.normal(0, 1, 30), 3)
        references = 8 + 0.5 * draw.normal(0, 1, 90)
        candidates = 6 + shared + draw.normal(0, 1, 90)
        score = relative(list(zip(references, candidates, strict=True)), images.tolist())
        assert score.low is not None
        assert score.high is not None
        covered += score.low <= truth <= score.high
    assert 0.93 <= covered / runs <= 0.97
