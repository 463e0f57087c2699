"""One sample that fails costs one reward: batches are measured again one by one, within a time limit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from selfreward_eval.harness.attempts import attempt_each
from selfreward_eval.harness.errors import CheckpointError, InputError, MissingData, SelfRewardError
from selfreward_eval.harness.records import Status

if TYPE_CHECKING:
    from selfreward_eval.rewarders.base import Reward, RewardSample

T = TypeVar("T")


def guarded(
    measure: Callable[[Sequence[str], Sequence[RewardSample]], list[Reward]],
    prompts: Sequence[str],
    samples: Sequence[RewardSample],
    units: Sequence[Sequence[int]],
    timeout: float | None = None,
) -> dict[int, Reward]:
    """Rewards of the samples that ``units`` name, by their number.

    Args:
        measure: gives one reward per (prompt, sample), or raises.
        prompts: of all samples.
        samples: all samples.
        units: numbers of samples that are measured together or not at all.
        timeout: seconds per sample; None for no limit.

    Raises:
        SelfRewardError: an error that no picture causes: a request that cannot be met, data that
            is not there, or weights that fail on every one of several units.
    """

    def rewards_of(members: Sequence[Sequence[int]]) -> list[dict[int, Reward]]:
        numbers = [k for unit in members for k in unit]
        limit = None if timeout is None else timeout * len(numbers)
        rewards = within(lambda: measure([prompts[k] for k in numbers], [samples[k] for k in numbers]), limit)
        by_number = dict(zip(numbers, rewards, strict=True))
        return [{k: by_number[k] for k in unit} for unit in members]

    broken: list[CheckpointError] = []

    def unscored(unit: Sequence[int], error: Exception) -> dict[int, Reward]:
        if isinstance(error, CheckpointError):
            broken.append(error)
        return dict.fromkeys(unit, _marked(error))

    per_unit = attempt_each(rewards_of, units, unscored, general=_is_general)
    if len(units) > 1 and len(broken) == len(units):
        raise broken[0]
    return {k: reward for unit in per_unit for k, reward in unit.items()}


def within(work: Callable[[], T], limit: float | None) -> T:
    """What ``work`` returns or raises, if it takes no longer than ``limit`` seconds.

    Raises:
        TimeoutError: it takes longer. It goes on in a thread of its own that nobody waits for: a
            computation cannot be stopped from outside, and its memory is held until it ends.
    """
    if limit is None:
        return work()
    outcome: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run, name="reward", daemon=True)
    thread.start()
    thread.join(limit)
    if failure:
        raise failure[0]
    if not outcome:
        raise TimeoutError(f"it took longer than {limit:g} s")
    return outcome[0]


def _is_general(error: Exception) -> bool:
    """Whether another picture would fail likewise: everything but a file that cannot be used."""
    if isinstance(error, MissingData):
        return True
    return isinstance(error, SelfRewardError) and not isinstance(error, InputError)


def _marked(error: Exception) -> Reward:
    from selfreward_eval.rewarders.base import Reward

    message = " ".join(str(error).split())
    reason = message if isinstance(error, SelfRewardError) else f"{type(error).__name__}: {message}"
    return Reward.unscored(Status.MEASUREMENT_ERROR, reason)
