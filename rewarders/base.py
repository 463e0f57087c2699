"""The contract: (prompt, picture) to a reward that says where it came from, or why there is none.

A subclass fills in three things: :attr:`Rewarder.info`, :meth:`Rewarder.identity` and
:meth:`Rewarder.measure`. Callers use :meth:`Rewarder.score`, in which a picture that fails
costs its own reward only.

>>> from PIL import Image
>>> from selfreward_eval.rewarders.control import ConstantReward
>>> picture = RewardSample(Image.new("RGB", (4, 4)))
>>> [reward] = ConstantReward(0.5).score(["a red star"], [picture])
>>> reward.value, reward.status
(0.5, <Status.SUCCESS: 'success'>)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Status, fingerprint
from selfreward_eval.rewarders.guarding import guarded
from selfreward_eval.rewarders.records import Reward, RewarderInfo, RewardSample

if TYPE_CHECKING:
    from selfreward_eval.harness.models.base import Model

__all__ = ["Reward", "RewardSample", "Rewarder", "RewarderInfo"]

TOLERANCE = 1e-6
"""How far rounding may carry a value beyond its declared range."""


class Rewarder(ABC):
    """Turns (prompt, sample) into a reward.

    Attributes:
        info: what it is; an instance may narrow its class's.
        parts: rewarders that this one combines, by name; empty where it combines none.
        batch_size: samples measured together; changes speed only. Groups are never cut.
        timeout: seconds that one sample may take; None for no limit. A call that takes longer
            goes on in its thread, because it cannot be stopped from outside.
        judge: the model of a rewarder that would be of kind ``self``, where that model is two: one that
            draws, and another one that judges. The kind is then ``external``.
        reading: which reading of SRUM's map its maps follow, ``code`` or ``paper``; None for other maps and
            for none. Known without the model, which :meth:`identity` may have to load.
    """

    info: RewarderInfo
    parts: Mapping[str, Rewarder] = MappingProxyType({})
    batch_size: int = 32
    timeout: float | None = None
    judge: Model | None = None
    reading: str | None = None

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Everything that a value depends on beside prompt and sample; JSON values.

        Rewarders of kind ``self`` name the model's snapshot.
        """

    @abstractmethod
    def measure(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        """One reward per (prompt, sample), aligned. May raise: :meth:`score` then asks one by one."""

    def score(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        """One reward per (prompt, sample), aligned; a sample that fails costs its own reward only.

        What fails as a batch is measured again one by one (group by group, where groups matter). A
        sample that raises, takes too long, or gives NaN or a value outside the declared range is
        marked ``measurement_error`` with the reason.

        Raises:
            UsageError: not as many prompts as samples, or a request that no sample could meet
                (a missing capability, package or name).
            InputError: weights or data that are not there.
        """
        if len(prompts) != len(samples):
            raise UsageError(
                f"the rewarder {self.info.name!r} got {len(prompts)} prompts and {len(samples)} samples; "
                "it needs one prompt per sample"
            )
        if not samples:
            return []
        source = self.source()
        rewards: dict[int, Reward] = {}
        for units in self._batches(prompts, samples):
            rewards |= guarded(self._checked, prompts, samples, units, self.timeout)
        return [replace(rewards[k], source=rewards[k].source or source) for k in range(len(samples))]

    def source(self) -> str:
        """Name and the first twelve digits of the identity's fingerprint.

        Raises:
            InputError: weights that the identity depends on are not there.
        """
        return f"{self.info.name}@{fingerprint(self.identity())[:12]}"

    def described(self, **settings: Any) -> dict[str, Any]:
        """The start of an identity: name, version, and ``settings``."""
        return {"name": self.info.name, "version": self.info.version, **settings}

    def _checked(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        rewards = self.measure(prompts, samples)
        if len(rewards) != len(samples):
            raise ValueError(f"{self.info.name} gave {len(rewards)} rewards for {len(samples)} samples")
        return [self._in_range(reward) for reward in rewards]

    def _in_range(self, reward: Reward) -> Reward:
        low, high = self.info.range
        value = reward.value
        if value is None or (
            (low is None or value >= low - TOLERANCE) and (high is None or value <= high + TOLERANCE)
        ):
            return reward
        interval = f"[{'-inf' if low is None else low}, {'inf' if high is None else high}]"
        reason = f"the value {value:g} lies outside {interval}, the range of {self.info.name}"
        return Reward.unscored(Status.MEASUREMENT_ERROR, reason, reward.evidence)

    def _batches(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> Iterator[list[list[int]]]:
        """Units (single samples, or whole groups) in batches of about :attr:`batch_size` samples."""
        units: dict[Any, list[int]] = {}
        for k, (prompt, sample) in enumerate(zip(prompts, samples, strict=True)):
            group = prompt if sample.group is None else sample.group
            units.setdefault(group if self.info.groupwise else k, []).append(k)
        batch: list[list[int]] = []
        for unit in units.values():
            if batch and sum(map(len, batch)) + len(unit) > self.batch_size:
                yield batch
                batch = []
            batch.append(unit)
        yield batch

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.info.name!r}>"
