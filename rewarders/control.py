"""Controls: rewards that know nothing, to see what training does without a signal."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from math import isfinite
from typing import Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.rewarders.base import Reward, Rewarder, RewarderInfo, RewardSample


class RandomReward(Rewarder):
    """A number in [0, 1) that depends on seed, picture, caption and prompt only.

    The same picture gets the same number in any batch, order or process.

    Args:
        seed: of all numbers.
    """

    info = RewarderInfo(
        "random", "1", "Control: a fixed random number per sample", "control", (0.0, 1.0), captions=True
    )

    def __init__(self, seed: int = 0) -> None:
        self.seed = int(seed)

    def identity(self) -> dict[str, Any]:
        return self.described(seed=self.seed)

    def measure(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        return [
            Reward(_uniform(self.seed, sample.sha256, prompt, sample.text or ""))
            for prompt, sample in zip(prompts, samples, strict=True)
        ]


class ConstantReward(Rewarder):
    """The same number for everything: a trainer must not move.

    Args:
        value: the number.
    """

    info = RewarderInfo(
        "constant", "1", "Control: the same number for every sample", "control", (None, None), captions=True
    )

    def __init__(self, value: float = 1.0) -> None:
        self.value = float(value)
        if not isfinite(self.value):
            raise UsageError(f"the rewarder 'constant' needs a finite value, got {value!r}")

    def identity(self) -> dict[str, Any]:
        return self.described(value=self.value)

    def measure(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        return [Reward(self.value) for _ in samples]


def _uniform(*parts: object) -> float:
    """53 bits of the parts' hash as a number in [0, 1)."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode("utf-8")).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53
