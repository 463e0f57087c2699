"""What a message about a wrong name offers."""

from __future__ import annotations

import pytest

from selfreward_eval.harness.errors import did_you_mean


@pytest.mark.parametrize(
    ("name", "most", "hint"),
    [
        ("paintr", 1, "did you mean painter?"),
        ("paintr", 3, "did you mean painter or printer?"),
        ("zzz", 3, "known: painter, printer"),
        ("", 1, "known: painter, printer"),
    ],
)
def test_the_nearest_names_are_offered_or_all_of_them(name: str, most: int, hint: str) -> None:
    assert did_you_mean(name, ["painter", "printer"], most=most) == hint


def test_another_end_may_stand_in_for_the_list() -> None:
    assert did_you_mean("zzz", ["painter"], "ask the author") == "ask the author"
    assert did_you_mean("paint", ["painter"], "ask the author") == "did you mean painter?"


def test_an_empty_list_says_so() -> None:
    assert did_you_mean("zzz", []) == "known: none"
