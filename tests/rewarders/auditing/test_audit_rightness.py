"""When a picture is right."""

from __future__ import annotations

import pytest

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.rewarders.auditing.rightness import rule


def test_marks_at_the_ends_are_right_or_wrong_by_themselves() -> None:
    found = rule([0.0, 1.0, 1.0], (0.0, 1.0))
    assert (found.graded, found.right(1.0), found.right(0.0)) == (False, True, False)
    assert found.description == "1"


@pytest.mark.parametrize(
    ("value_range", "half"), [((0.0, 1.0), 0.5), ((-1.0, 1.0), 0.5), ((0.0, 100.0), 50.0), ((1.0, 5.0), 3.0)]
)
def test_a_graded_value_is_right_from_half_of_the_full_mark(
    value_range: tuple[float, float], half: float
) -> None:
    found = rule([half], value_range)
    assert found.threshold == half
    assert found.right(half)
    assert not found.right(half - 0.01)


def test_where_less_is_better_right_is_below() -> None:
    found = rule([0.2, 0.4], (0.0, 1.0), higher_is_better=False)
    assert (found.right(0.2), found.right(0.6)) == (True, False)
    assert found.description == "at most 0.5 (half of the full mark)"


def test_a_threshold_that_was_asked_for_is_named() -> None:
    found = rule([0.0, 1.0], (0.0, 1.0), threshold=0.9)
    assert found.description == "at least 0.9 (as asked for)"


def test_a_threshold_that_nothing_reaches_is_refused() -> None:
    with pytest.raises(UsageError, match="no measurement can be right at 2: the metric's range is 0 to 1"):
        rule([0.0], (0.0, 1.0), threshold=2.0)
