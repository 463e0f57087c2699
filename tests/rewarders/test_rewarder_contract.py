"""A reward is a number with its source, or a status with its reason; none costs another sample its own."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from selfreward_eval.harness.errors import (
    CheckpointError,
    InputError,
    MissingCapability,
    MissingData,
    UsageError,
)
from selfreward_eval.harness.records import Status, fingerprint
from selfreward_eval.rewarders.base import Reward, RewarderInfo, RewardSample

NUMBERS = range(5)


def broken(error: Exception) -> Callable[[int], Any]:
    """A rule that raises for picture 3."""

    def rule(number: int) -> float:
        if number == 3:
            raise error
        return float(number)

    return rule


def values(rewards: Sequence[Reward]) -> list[float | None]:
    return [reward.value for reward in rewards]


def scored(rewarder: Any, sample: Any, numbers: Sequence[int] = NUMBERS) -> list[Reward]:
    return rewarder.score(["p"] * len(numbers), [sample(k) for k in numbers])


# Rewards


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_no_reward(number: float) -> None:
    with pytest.raises(ValueError, match="value is not a finite number"):
        Reward(number)


def test_components_maps_and_tokens_are_finite_too() -> None:
    with pytest.raises(ValueError, match="layout is not"):
        Reward(1.0, {"layout": math.nan})
    with pytest.raises(ValueError, match="the map is not"):
        Reward(1.0, map=np.full((2, 2), np.nan, dtype=np.float32))
    with pytest.raises(ValueError, match="a token is not"):
        Reward(1.0, per_token=(0.0, math.inf))


def test_a_success_has_a_value_and_a_failure_has_no_number() -> None:
    with pytest.raises(ValueError, match="needs a value"):
        Reward(None)
    with pytest.raises(ValueError, match="carries no number"):
        Reward(0.0, status=Status.MEASUREMENT_ERROR)
    with pytest.raises(ValueError, match="carries no number"):
        Reward(None, {"part": 1.0}, status=Status.MEASUREMENT_ERROR)


def test_a_backends_nan_becomes_a_status() -> None:
    reward = Reward.measured(math.nan, "the similarity")
    assert (reward.value, reward.status) == (None, Status.MEASUREMENT_ERROR)
    assert reward.reason == "the similarity is nan, no finite number"


def test_a_pictures_hash_is_of_its_pixels(sample: Any) -> None:
    assert sample(1).sha256 == sample(1).sha256 != sample(2).sha256
    assert len(sample(1).sha256) == 64


# Scoring


def test_every_reward_names_its_source(measuring: Any, sample: Any) -> None:
    rewarder = measuring(scale=2)
    (reward,) = scored(rewarder, sample, [1])
    assert reward.source == "measuring@" + fingerprint(rewarder.identity())[:12]


@pytest.mark.parametrize(
    "error",
    [RuntimeError("no memory"), InputError("it is empty"), CheckpointError("no number"), TimeoutError()],
)
def test_a_picture_that_raises_costs_its_own_reward_only(
    measuring: Any, sample: Any, error: Exception
) -> None:
    rewards = scored(measuring(broken(error)), sample)
    assert values(rewards) == [0.0, 1.0, 2.0, None, 4.0]
    assert rewards[3].status is Status.MEASUREMENT_ERROR
    assert str(error) in rewards[3].reason


@pytest.mark.parametrize("number", [math.nan, math.inf, -1.0, 1001.0])
def test_a_picture_with_an_impossible_value_is_marked(measuring: Any, sample: Any, number: float) -> None:
    rewards = scored(measuring(lambda k: number if k == 3 else float(k)), sample)
    assert values(rewards) == [0.0, 1.0, 2.0, None, 4.0]
    assert rewards[3].status is Status.MEASUREMENT_ERROR


def test_a_value_outside_its_range_names_both(measuring: Any, sample: Any) -> None:
    (reward,) = scored(measuring(lambda k: 1001.0), sample, [1])
    assert reward.reason == "the value 1001 lies outside [0.0, 1000.0], the range of measuring"


def test_a_picture_that_takes_too_long_is_marked(measuring: Any, sample: Any) -> None:
    def slow(k: int) -> float:
        time.sleep(60 if k == 3 else 0)
        return float(k)

    rewarder = measuring(slow)
    rewarder.timeout = 0.2
    began = time.monotonic()
    rewards = scored(rewarder, sample)
    assert values(rewards) == [0.0, 1.0, 2.0, None, 4.0]
    assert "longer than 0.2 s" in rewards[3].reason
    assert time.monotonic() - began < 20


def test_a_time_limit_changes_no_value(measuring: Any, sample: Any) -> None:
    rewarder = measuring()
    rewarder.timeout = 60.0
    assert values(scored(rewarder, sample)) == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_a_whole_batch_that_fails_is_all_marked(measuring: Any, sample: Any) -> None:
    def rule(number: int) -> float:
        raise RuntimeError(f"cannot see {number}")

    assert [one.reason for one in scored(measuring(rule), sample)] == [
        f"RuntimeError: cannot see {k}" for k in NUMBERS
    ]


@pytest.mark.parametrize(
    "error", [UsageError("no such device"), MissingCapability("no"), MissingData("none")]
)
def test_what_no_picture_could_mend_is_raised(measuring: Any, sample: Any, error: Exception) -> None:
    with pytest.raises(type(error), match=str(error)):
        scored(measuring(broken(error)), sample)


def test_weights_that_fail_for_every_picture_are_raised(measuring: Any, sample: Any) -> None:
    def rule(number: int) -> float:
        raise CheckpointError("damaged weights")

    with pytest.raises(CheckpointError, match="damaged weights"):
        scored(measuring(rule), sample)


def test_a_rewarder_that_forgets_one_is_asked_one_by_one(measuring: Any, sample: Any) -> None:
    class Forgetful(measuring):
        def measure(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
            return super().measure(prompts, samples)[: max(1, len(samples) - 1)]

    assert values(scored(Forgetful(), sample)) == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_prompts_and_samples_must_be_aligned(measuring: Any, sample: Any) -> None:
    with pytest.raises(UsageError, match="got 2 prompts and 1 samples"):
        measuring().score(["a", "b"], [sample(1)])


def test_nothing_is_scored_as_nothing(measuring: Any) -> None:
    assert measuring().score([], []) == []


@pytest.mark.parametrize("size", [1, 2, 32])
def test_the_size_of_batches_changes_no_value(measuring: Any, sample: Any, size: int) -> None:
    rewarder = measuring()
    rewarder.batch_size = size
    assert values(scored(rewarder, sample)) == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert rewarder.calls == [size] * (5 // size) + [5 % size] * bool(5 % size)


# Groups


class _Centred:
    info = RewarderInfo("centred", "1", "For tests", "external", (None, None), groupwise=True)

    def measure(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        rewards = super().measure(prompts, samples)  # type: ignore[misc]
        keys = [s.group or p for p, s in zip(prompts, samples, strict=True)]
        best = {key: max(r.value for r, k in zip(rewards, keys, strict=True) if k == key) for key in keys}
        return [Reward(reward.value - best[key]) for reward, key in zip(rewards, keys, strict=True)]


@pytest.mark.parametrize("size", [1, 3, 32])
def test_groups_are_never_cut(measuring: Any, sample: Any, size: int) -> None:
    rewarder = type("Centred", (_Centred, measuring), {})()
    rewarder.batch_size = size
    rewards = rewarder.score(["a", "b", "a", "b", "a"], [sample(k) for k in NUMBERS])
    assert values(rewards) == [-4.0, -2.0, -2.0, 0.0, 0.0]


def test_a_sample_that_fails_costs_its_group_only(measuring: Any, sample: Any) -> None:
    rewarder = type("Centred", (_Centred, measuring), {})(broken(RuntimeError("no")))
    rewards = rewarder.score(["a", "b", "a", "b", "a"], [sample(k) for k in NUMBERS])
    assert values(rewards) == [-4.0, None, -2.0, None, 0.0]


def test_a_sample_may_say_which_group_it_is_of(measuring: Any, sample: Any) -> None:
    rewarder = type("Centred", (_Centred, measuring), {})()
    rewards = rewarder.score(["a"] * 4, [sample(k, group=str(k % 2)) for k in range(4)])
    assert values(rewards) == [-2.0, -2.0, 0.0, 0.0]
