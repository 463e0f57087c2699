"""Batches are a function of seed, round and step, and every example comes up equally often."""

from __future__ import annotations

from collections import Counter
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.trainers.batches import picks, require_divisible, share


@given(examples=st.integers(1, 40), size=st.integers(1, 50), steps=st.integers(1, 12))
def test_no_example_is_seen_oftener_than_once_more_than_another(examples: int, size: int, steps: int) -> None:
    seen = Counter(dict.fromkeys(range(examples), 0))
    for step in range(steps):
        batch = picks(7, 0, step, "drawing", examples, size)
        assert len(batch) == size
        seen.update(batch)
    assert set(seen) == set(range(examples))
    assert max(seen.values()) - min(seen.values()) <= 1


def test_an_epoch_holds_every_example_once() -> None:
    batches = [picks(0, 0, step, "drawing", 12, 4) for step in range(3)]
    assert sorted(chain(*batches)) == list(range(12))


def test_seed_round_side_and_epoch_have_orders_of_their_own() -> None:
    orders = [
        picks(0, 0, 0, "drawing", 50, 50),
        picks(1, 0, 0, "drawing", 50, 50),
        picks(0, 1, 0, "drawing", 50, 50),
        picks(0, 0, 0, "captioning", 50, 50),
        picks(0, 0, 1, "drawing", 50, 50),
    ]
    assert len({tuple(order) for order in orders}) == len(orders)


def test_a_negative_seed_is_a_seed() -> None:
    assert sorted(picks(-3, 0, 0, "drawing", 5, 5)) == list(range(5))


def test_shares_of_all_parts_and_processes_make_up_the_batch() -> None:
    batch = picks(0, 0, 0, "drawing", 100, 24)
    shares = [share(batch, part, process, 3, 2) for part in range(3) for process in range(2)]
    assert {len(one) for one in shares} == {4}
    assert list(chain(*shares)) == batch


def test_a_batch_that_does_not_divide_is_refused_by_name() -> None:
    require_divisible(12, 3, 2)
    with pytest.raises(UsageError, match=r"batch_size 10 .* multiple of 6"):
        require_divisible(10, 3, 2)
