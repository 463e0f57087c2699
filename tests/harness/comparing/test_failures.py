"""Whether one arm fails more often than the other."""

from __future__ import annotations

import pytest

from selfreward_eval.harness.comparing.failures import failures


def test_arms_without_failures_have_no_warning() -> None:
    assert failures([(0, 0)] * 40, (1, 1), 40, 4).warning == ""


def test_as_many_failures_on_other_items_are_no_imbalance() -> None:
    assert failures([(1, 0)] * 5 + [(0, 1)] * 5 + [(0, 0)] * 30, (1, 1), 40, 4).warning == ""


def test_failures_of_one_arm_alone_are_told_with_their_shares_and_p() -> None:
    warning = failures([(0, 1)] * 7 + [(0, 0)] * 193, (1, 1), 200, 4).warning
    assert "B has more samples without a score than A (0.9% against 0.0%, p = 0.0156)" in warning
    assert "B looks better than it is" in warning


def test_failures_of_the_first_arm_are_told_as_its_own() -> None:
    assert failures([(1, 0)] * 7 + [(0, 0)] * 193, (1, 1), 200, 4).warning.startswith("A has more")


def test_a_large_gap_is_told_whatever_the_p_value() -> None:
    few = failures([(0, 4), (0, 4), *[(0, 0)] * 8], (1, 1), 10, 4)
    assert few.p == 0.5
    assert "20.0% against 0.0%" in few.warning


def test_an_item_of_many_failures_counts_once() -> None:
    assert failures([(0, 10)] * 5 + [(0, 0)] * 395, (1, 1), 400, 10).p == pytest.approx(2 * 0.5**5)


def test_more_runs_in_one_arm_do_not_look_like_more_failures() -> None:
    # Three runs of B fail as often as the run of A: one sample of each item in each run.
    assert failures([(1, 3)] * 20 + [(0, 0)] * 80, (1, 3), 100, 4).warning == ""
