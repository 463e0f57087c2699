"""Controls know nothing of the picture, and say the same thing every time."""

from __future__ import annotations

from typing import Any

import pytest

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.rewarders.control import ConstantReward, RandomReward


def numbers(rewarder: Any, sample: Any, prompt: str = "p") -> list[float]:
    return [reward.value for reward in rewarder.score([prompt] * 200, [sample(k) for k in range(200)])]


def test_random_rewards_are_the_same_in_any_order(sample: Any) -> None:
    forwards = RandomReward().score(["a", "b"], [sample(1), sample(2)])
    backwards = RandomReward().score(["b", "a"], [sample(2), sample(1)])
    assert [r.value for r in forwards] == [r.value for r in reversed(backwards)]


def test_random_rewards_depend_on_seed_picture_and_prompt(sample: Any) -> None:
    base = numbers(RandomReward(), sample)
    assert len(set(base)) == 200
    assert not set(base) & set(numbers(RandomReward(seed=1), sample))
    assert not set(base) & set(numbers(RandomReward(), sample, "q"))


def test_random_rewards_are_spread_over_the_unit_interval(sample: Any) -> None:
    found = numbers(RandomReward(), sample)
    assert all(0 <= value < 1 for value in found)
    assert abs(sum(found) / 200 - 0.5) < 0.06  # three standard errors


def test_a_constant_is_what_it_says(sample: Any) -> None:
    assert set(numbers(ConstantReward(-2.5), sample)) == {-2.5}


def test_a_constant_must_be_a_number() -> None:
    with pytest.raises(UsageError, match="needs a finite value, got nan"):
        ConstantReward(float("nan"))


def test_controls_call_themselves_so() -> None:
    assert {RandomReward.info.kind, ConstantReward.info.kind} == {"control"}
