"""A batch first, then one by one: what a bad member costs, and what is raised."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from selfreward_eval.harness.attempts import attempt_each, reason_of
from selfreward_eval.harness.errors import InputError, UsageError


class Doubling:
    """Doubles numbers; a batch that holds a member of ``raises`` raises its error. Keeps every batch."""

    def __init__(self, **raises: BaseException) -> None:
        self.raises = raises
        self.batches: list[list[str]] = []

    def __call__(self, members: Sequence[str]) -> list[str]:
        self.batches.append(list(members))
        for member in members:
            if member in self.raises:
                raise self.raises[member]
        return [member * 2 for member in members]


def failed(member: str, error: Exception) -> str:
    return f"{member}: {reason_of(error)}"


def test_a_batch_that_works_is_computed_once() -> None:
    doubling = Doubling()
    assert attempt_each(doubling, ["a", "b"], failed) == ["aa", "bb"]
    assert doubling.batches == [["a", "b"]]


def test_one_bad_member_costs_its_own_result_in_its_own_place() -> None:
    doubling = Doubling(b=ValueError("no"))
    assert attempt_each(doubling, ["a", "b", "c"], failed) == ["aa", "b: ValueError: no", "cc"]
    assert doubling.batches == [["a", "b", "c"], ["a"], ["b"], ["c"]]


def test_nothing_is_computed_of_no_members() -> None:
    doubling = Doubling()
    assert attempt_each(doubling, [], failed) == []
    assert doubling.batches == []


@pytest.mark.parametrize(("repeat", "times"), [(False, 1), (True, 2)])
def test_a_batch_of_one_is_computed_again_if_that_is_wanted(repeat: bool, times: int) -> None:
    doubling = Doubling(a=OSError("gone"))
    assert attempt_each(doubling, ["a"], failed, repeat_single=repeat) == ["a: OSError: gone"]
    assert doubling.batches == [["a"]] * times


@pytest.mark.parametrize("error", [UsageError("no"), InputError("no"), KeyboardInterrupt()])
def test_what_concerns_every_member_is_raised_at_once(error: BaseException) -> None:
    doubling = Doubling(a=error)
    with pytest.raises(type(error)):
        attempt_each(doubling, ["a", "b"], failed)
    assert len(doubling.batches) == 1


def test_what_concerns_every_member_is_raised_by_a_single_one_too() -> None:
    """The batch hides it behind another error."""
    doubling = Doubling(a=ValueError("no"), b=UsageError("wrong request"))
    with pytest.raises(UsageError, match="wrong request"):
        attempt_each(doubling, ["a", "b"], failed)


def test_which_errors_are_general_is_the_caller_s_to_say() -> None:
    doubling = Doubling(a=InputError("damaged"))
    results = attempt_each(doubling, ["a", "b"], failed, general=lambda error: isinstance(error, UsageError))
    assert results == ["a: InputError: damaged", "bb"]


def test_a_wrong_number_of_results_is_a_failure_and_never_a_shift() -> None:
    def loses_b(members: Sequence[str]) -> list[str]:
        return [member for member in members if member != "b"]

    assert attempt_each(loses_b, ["a", "b", "c"], failed) == [
        "a",
        "b: ValueError: 0 results came back for 1 members of a batch",
        "c",
    ]
