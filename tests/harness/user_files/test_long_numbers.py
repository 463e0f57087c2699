"""Whether a text holds a number of too many digits, asked of few of its characters."""

from __future__ import annotations

import pytest

from selfreward_eval.harness.user_files.text_files import DIGITS, holds_long_number

LONG = "7" * (DIGITS + 1)


@pytest.mark.parametrize("before", [0, 1, DIGITS - 1, DIGITS, DIGITS + 1, 2 * DIGITS + 1, 1000])
@pytest.mark.parametrize("after", [0, 1, 500])
def test_a_long_number_is_found_wherever_it_stands(before: int, after: int) -> None:
    assert holds_long_number("x" * before + LONG + "x" * after)
    assert not holds_long_number("x" * before + LONG[1:] + "x" * after)


def test_many_short_numbers_are_none() -> None:
    assert not holds_long_number(", ".join([LONG[1:]] * 5))
    assert not holds_long_number("")
