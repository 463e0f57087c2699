"""When to ask again, and what that may cost."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.harness.instruments.backends.retries import Backoff, Budget, retry_after

NOON = datetime(2025, 1, 1, 12, 0, 0, tzinfo=UTC)


@given(st.integers(0, 1000), st.integers(0, 2000))
def test_a_wait_lies_between_half_and_all_of_its_exponential(conversation: int, attempt: int) -> None:
    backoff = Backoff(first=0.5, longest=30.0)
    full = min(30.0, 0.5 * 2.0 ** min(attempt, 60))
    assert full / 2 <= backoff.wait(conversation, attempt) <= full


def test_the_same_seed_waits_the_same() -> None:
    assert Backoff(seed=3).wait(1, 2) == Backoff(seed=3).wait(1, 2) != Backoff(seed=4).wait(1, 2)


def test_conversations_that_failed_together_come_back_apart() -> None:
    assert len({Backoff().wait(conversation, 3) for conversation in range(50)}) == 50


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("12", 12.0),
        ("0.25", 0.25),
        ("-3", 0.0),
        ("Wed, 01 Jan 2025 12:00:30 GMT", 30.0),
        ("Wed, 01 Jan 2025 12:00:30 -0000", 30.0),
        ("Wed, 01 Jan 2025 11:00:00 GMT", 0.0),
        ("soon", None),
        ("inf", None),
        ("nan", None),
        ("1e400", None),
        ("9" * 5000, None),
        ("Wed, 01 Jan 99999 12:00:30 GMT", None),
        ("Wed, 01 Jan 99999999999999999999 12:00:30 GMT", None),
        ("Wed, 01 Jan 0000 12:00:30 GMT", 0.0),
        ("Wed, 01 Jan 2025 12:00:30 +99999999999999999999", None),
        ("Wed, 99 Jan 2025 99:99:99 GMT", None),
        ("", None),
        ("\x00", None),
        ("Wed, 01 Jan 9999 12:00:30 GMT", 251635075230.0),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOON) == seconds


def test_a_budget_says_which_limit_is_spent() -> None:
    budget = Budget(requests=3, retries=1)
    assert budget.claim(again=False) is None
    assert budget.claim(again=True) is None
    assert budget.claim(again=True) == "the budget of 1 retries is spent"
    assert budget.claim(again=False) is None
    assert budget.claim(again=False) == "the budget of 3 requests is spent"
    assert budget.spent == {"requests": 3, "tokens": 0, "retries": 1}


def test_tokens_are_counted_when_they_are_told() -> None:
    budget = Budget(tokens=10)
    budget.charge(10)
    assert budget.claim(again=False) == "the budget of 10 tokens is spent"


def test_no_budget_is_no_limit() -> None:
    budget = Budget()
    assert all(budget.claim(again=True) is None for _ in range(100))
