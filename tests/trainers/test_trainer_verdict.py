"""What training did to a task, in a word."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from selfreward_eval.harness.comparing.records import Arm, Comparison, Contrast, TaskComparison
from selfreward_eval.harness.errors import InputError
from selfreward_eval.trainers.verdict import Audit, Outcome, guard, guard_claim, verdict, verdicts

SHARES = (0.0, 1.0)
FOUND = Contrast(
    n_items=200, m=4, coverage=1.0, method="paired t", why="many items", verdict="B is better than A",
    effect=0.05, se=0.01, df=199.0, low=0.03, high=0.07, t=5.0, p=0.00001, a=0.40, b=0.45, n_units=200,
)  # fmt: skip
ROSE = Audit(before=0.4, after=0.5, effect=0.1, low=0.06, high=0.14, n=200, of=200)
UNCLEAR = replace(ROSE, effect=0.02, low=-0.02, high=0.06)


def bounds(effect: float, se: float) -> dict[str, Any]:
    """An effect with one-sided bounds of 1.65 standard errors."""
    return {
        "effect": effect, "se": se, "one_sided_low": effect - 1.65 * se, "one_sided_high": effect + 1.65 * se,
    }  # fmt: skip


def task(*, higher_is_better: bool = True, **changes: Any) -> TaskComparison:
    found = replace(FOUND, **changes)
    return TaskComparison("drawing", "1", "correct", True, higher_is_better, 200, found, {}, ())


def test_a_significant_gain_has_helped() -> None:
    assert verdict(task(p_adjusted=0.004, family="headlines")) is Outcome.HELPED


def test_a_significant_loss_has_hurt() -> None:
    assert verdict(task(effect=-0.05, low=-0.07, high=-0.03)) is Outcome.HURT


def test_where_lower_is_better_a_fall_has_helped() -> None:
    assert verdict(task(effect=-0.05, low=-0.07, high=-0.03, higher_is_better=False)) is Outcome.HELPED


def test_the_adjusted_p_value_decides() -> None:
    assert verdict(task(p=0.03, p_adjusted=0.09, family="headlines")) is Outcome.NO_EVIDENCE


def test_no_difference_and_no_higher_reward_is_no_evidence() -> None:
    assert verdict(task(effect=0.004, p=0.7), UNCLEAR) is Outcome.NO_EVIDENCE


NO_GAIN: dict[str, Any] = {**bounds(0.0, 0.003), "low": -0.006, "high": 0.006, "t": 0.0, "p": 1.0}
"""A gain of one point is excluded: 0 + 1.65 * 0.003 < 0.01."""


def test_a_reward_that_rose_without_the_score_is_named() -> None:
    assert verdict(task(**NO_GAIN), ROSE) is Outcome.GAMED


def test_a_gain_that_is_neither_shown_nor_excluded_did_not_fail_to_happen() -> None:
    assert verdict(task(effect=0.01, se=0.015, low=-0.02, high=0.04, p=0.5), ROSE) is Outcome.NOT_SHOWN


def test_samples_without_a_score_could_hold_the_gain() -> None:
    torn = task(**NO_GAIN, coverage=0.95, bound_low=-0.05, bound_high=0.05)
    assert verdict(torn, ROSE) is Outcome.NOT_SHOWN


def test_the_margin_of_a_gain_grows_with_the_range_of_its_metric() -> None:
    unclear = task(**bounds(0.01, 0.015), low=-0.02, high=0.04, p=0.5)
    assert verdict(unclear, ROSE) is Outcome.NOT_SHOWN
    assert verdict(unclear, ROSE, (1.0, 10.0)) is Outcome.GAMED


def test_where_lower_is_better_a_fall_is_the_gain_to_exclude() -> None:
    fell = task(effect=-0.02, se=0.012, low=-0.044, high=0.004, p=0.1, higher_is_better=False)
    assert verdict(fell, ROSE) is Outcome.NOT_SHOWN


def test_without_a_test_no_gain_is_excluded() -> None:
    untested = task(effect=0.0, se=None, df=None, low=None, high=None, t=None, p=None, n_items=1)
    assert verdict(untested, ROSE) is Outcome.NOT_SHOWN


@pytest.mark.parametrize("word", ["reward rose while quality did not", "quality not shown to rise"])
def test_words_of_older_and_newer_records_are_read(word: str) -> None:
    assert str(Outcome(word)) == word


def test_a_gain_beside_a_higher_reward_has_helped() -> None:
    assert verdict(task(), ROSE) is Outcome.HELPED


def test_a_loss_beside_a_higher_reward_has_hurt() -> None:
    assert verdict(task(effect=-0.05, low=-0.07, high=-0.03), ROSE) is Outcome.HURT


def test_what_cannot_be_tested_is_no_evidence() -> None:
    untested = task(effect=0.5, se=None, df=None, low=None, high=None, t=None, p=None, n_items=1)
    assert verdict(untested) is Outcome.NO_EVIDENCE


def test_a_reward_without_an_interval_did_not_rise() -> None:
    assert not replace(ROSE, low=None, high=None).rose


def test_a_guard_is_kept_if_a_loss_of_a_hundredth_is_excluded() -> None:
    assert guard(task(**bounds(0.0, 0.002)), SHARES) is Outcome.KEPT


def test_a_guard_is_lost_if_a_loss_beyond_a_hundredth_is_shown() -> None:
    assert guard(task(**bounds(-0.03, 0.005)), SHARES) is Outcome.LOST


def test_that_no_loss_was_found_does_not_keep_a_guard() -> None:
    assert guard(task(**bounds(0.0, 0.02)), SHARES) is Outcome.CANNOT_TELL


def test_the_margin_of_a_guard_grows_with_the_range_of_its_metric() -> None:
    wide = task(**bounds(-0.03, 0.005))
    assert guard(wide, (1.0, 10.0)) is Outcome.KEPT


def test_samples_without_a_score_do_not_keep_a_guard() -> None:
    torn = task(effect=0.0, se=0.002, low=-0.004, high=0.004, coverage=0.95, bound_low=-0.05, bound_high=0.05)
    assert guard(torn, SHARES) is Outcome.CANNOT_TELL


def test_a_guard_where_lower_is_better_is_lost_by_a_rise() -> None:
    risen = task(**bounds(0.03, 0.005), higher_is_better=False)
    assert guard(risen, SHARES) is Outcome.LOST


def test_a_guard_without_a_pair_cannot_be_told() -> None:
    assert guard(task(effect=None, se=None, n_items=0), SHARES) is Outcome.CANNOT_TELL


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [
        (-0.008, 0.02, Outcome.KEPT),
        (-0.05, -0.02, Outcome.LOST),
        (-0.05, 0.02, Outcome.CANNOT_TELL),
        (None, None, Outcome.CANNOT_TELL),
    ],
)
def test_a_methods_guard_goes_by_the_ends_of_its_interval(
    low: float | None, high: float | None, outcome: Outcome
) -> None:
    assert guard_claim(replace(FOUND, low=low, high=high), SHARES, higher_is_better=True) is outcome


def test_a_methods_guard_where_lower_is_better_is_lost_by_a_rise() -> None:
    assert guard_claim(replace(FOUND, low=0.02, high=0.05), SHARES, higher_is_better=False) is Outcome.LOST


@pytest.mark.parametrize(("units", "outcome"), [(8, Outcome.CANNOT_TELL), (400, Outcome.KEPT)])
def test_a_guard_without_any_change_is_kept_only_by_many_items(units: int, outcome: Outcome) -> None:
    same = replace(FOUND, effect=0.0, se=0.0, low=0.0, high=0.0, t=None, p=1.0, n_units=units)
    assert guard_claim(same, SHARES, higher_is_better=True) is outcome


def test_a_guard_goes_by_the_bounds_of_gates_and_not_by_its_standard_error() -> None:
    """Of 300 items one is lost: t excludes a loss of a hundredth, the test of gates does not."""
    lost = task(effect=-1 / 300, se=1 / 300, one_sided_low=-0.0227, one_sided_high=-0.0002)
    assert guard(lost, SHARES) is Outcome.CANNOT_TELL


def test_a_guard_without_bounds_cannot_be_told() -> None:
    assert guard(task(), SHARES) is Outcome.CANNOT_TELL


def test_every_task_of_a_comparison_has_its_verdict() -> None:
    arm = Arm("before", "before", {}, "0" * 64)
    answering = task(**bounds(0.0, 0.002))
    tasks = {"drawing": task(), "gamed": task(**NO_GAIN), "answering": answering}
    audits = {
        "gamed": {"before": 0.4, "after": 0.5, "effect": 0.1, "low": 0.06, "high": 0.14, "n": 9, "of": 9}
    }
    found = verdicts(
        Comparison(arm, arm, tasks, {}), audits, {"answering": SHARES}, dict.fromkeys(tasks, SHARES)
    )
    assert found == {
        "drawing": "helped",
        "gamed": "reward rose while quality did not",
        "answering": "kept",
    }


def test_an_audit_of_too_few_pictures_has_no_numbers() -> None:
    assert Audit.from_json("drawing", {"n": 1, "of": 60}) is None


@pytest.mark.parametrize("value", ["high", True, None, float("nan")])
def test_an_audit_with_something_else_for_a_number_is_refused(value: Any) -> None:
    data = {"before": 0.4, "after": value, "effect": 0.1, "low": None, "high": None, "n": 9, "of": 9}
    with pytest.raises(InputError, match="audit of drawing has after"):
        Audit.from_json("drawing", data)
