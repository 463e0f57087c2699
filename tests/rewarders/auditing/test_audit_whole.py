"""An audit of several rewarders: who is over which pictures, and what is missing."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from selfreward_eval.rewarders.auditing.audit import Column, Pictures, audit
from selfreward_eval.rewarders.auditing.rightness import RightRule

RULE = RightRule(1.0, True, graded=False)
N = 12
PICTURES = Pictures(
    measured=[float(k % 2) for k in range(N)],
    items=[k // 2 for k in range(N)],
    clusters=[k // 2 for k in range(N)],
    categories=["a"] * 6 + ["b"] * 6,
)


def column(label: str, values: list[float | None], **rest: object) -> Column:
    reasons = ["" if value is not None else "it broke" for value in values]
    return replace(Column(label, f"{label}@1", "self", label, values, reasons), **rest)  # type: ignore[arg-type]


GOOD = [k % 2 + k / 100 for k in range(N)]


def test_a_perfect_reward() -> None:
    (one,) = audit("toy", "correct", RULE, PICTURES, [column("good", list(GOOD))]).rewarders
    assert (one.auc.value, one.inside_auc.value, one.inside_order.value) == (1.0, 1.0, 1.0)
    assert one.separation.value == pytest.approx(1.9, abs=0.1)
    assert one.scored == N


def test_a_reward_where_less_is_better_is_turned() -> None:
    turned = column("bad", [-value for value in GOOD], higher_is_better=False)
    found = audit("toy", "correct", RULE, PICTURES, [column("good", list(GOOD)), turned])
    assert found.rewarders[0].auc == found.rewarders[1].auc
    assert found.agreement["good"]["bad"].value == pytest.approx(1.0)


def test_what_is_missing_is_counted_and_never_a_number() -> None:
    """A zero in place of the missing ones would pull the right pictures below the wrong ones."""
    holes: list[float | None] = [None if k in (1, 3) else value for k, value in enumerate(GOOD)]
    (one,) = audit("toy", "correct", RULE, PICTURES, [column("holes", holes)]).rewarders
    assert (one.scored, one.unscored) == (N - 2, {"it broke": 2})
    assert one.auc.value == 1.0


def test_a_picture_without_a_measurement_is_left_out() -> None:
    pictures = replace(PICTURES, measured=[None, *PICTURES.measured[1:]])
    found = audit("toy", "correct", RULE, pictures, [column("good", list(GOOD))])
    assert (found.pictures, found.measured, found.right) == (N, N - 1, N // 2)
    assert found.rewarders[0].scored == N - 1


def test_agreement_is_over_the_pictures_that_both_scored() -> None:
    half: list[float | None] = [value if k < 4 else None for k, value in enumerate(GOOD)]
    found = audit("toy", "correct", RULE, PICTURES, [column("all", list(GOOD)), column("half", half)])
    cell = found.agreement["all"]["half"]
    assert (cell.value, cell.n) == (pytest.approx(1.0), 4)


def test_a_probability_has_a_calibration_error_and_others_have_none() -> None:
    chances = [0.9 if k % 2 else 0.1 for k in range(N)]
    sure = column("sure", list(chances), probability=True)
    found = audit("toy", "correct", RULE, PICTURES, [sure, column("plain", list(chances))])
    assert found.rewarders[0].calibration_error == pytest.approx(0.1)
    assert found.rewarders[1].calibration_error is None
    assert len(found.rewarders[1].calibration) == 2


def test_nothing_scored_leaves_every_number_absent() -> None:
    (one,) = audit("toy", "correct", RULE, PICTURES, [column("none", [None] * N)]).rewarders
    numbers = (one.correlation, one.auc, one.separation, one.inside_auc, one.inside_order)
    assert {number.value for number in numbers} == {None}
    assert (one.calibration, one.roc, one.seconds) == ((), (), None)


def test_cost_is_the_median() -> None:
    timed = column("timed", list(GOOD), seconds=(0.1, 0.2, 9.0))
    assert audit("toy", "correct", RULE, PICTURES, [timed]).rewarders[0].seconds == 0.2


def test_it_is_json() -> None:
    found = audit("toy", "correct", RULE, PICTURES, [column("good", list(GOOD))]).to_json()
    again = json.loads(json.dumps(found, allow_nan=False))
    assert again["rewarders"][0]["auc"]["value"] == 1.0


def test_columns_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="one entry for each of 12 pictures"):
        audit("toy", "correct", RULE, PICTURES, [column("short", [1.0])])
    with pytest.raises(ValueError, match="called alike: x, x"):
        audit("toy", "correct", RULE, PICTURES, [column("x", list(GOOD)), column("x", list(GOOD))])
