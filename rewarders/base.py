"""The contract: (prompt, picture) to a reward that says where it came from, or why there is none.

A subclass fills in three things: :attr:`Rewarder.info`, :meth:`Rewarder.identity` and
:meth:`Rewarder.measure`. Callers use :meth:`Rewarder.score`, which never lets one picture cost
another its reward.

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
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Status, fingerprint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

__all__ = ["Reward", "RewardSample", "Rewarder", "RewarderInfo"]

SLACK = 1e-6
"""How far rounding may carry a value beyond its declared range."""

Kind = Literal["self", "external", "control"]


@dataclass(frozen=True)
class RewarderInfo:
    """What a rewarder is, before it is built.

    Attributes:
        name: registry name.
        version: of the formula; anything that changes a value changes it.
        title: one line.
        kind: ``self`` where the model under training is the instrument, ``external`` where anything
            else is, ``control`` where nothing is measured at all.
        range: smallest and largest possible value; None for an open end.
        higher_is_better: direction.
        needs: capabilities of the model and roles of the instruments that it uses.
        groupwise: whether a value depends on the other samples of its group.
        maps: whether a reward comes with a map.
        paper: where it is defined.
    """

    name: str
    version: str
    title: str
    kind: Kind
    range: tuple[float | None, float | None]
    higher_is_better: bool = True
    needs: tuple[str, ...] = ()
    groupwise: bool = False
    maps: bool = False
    paper: str = ""


@dataclass(frozen=True, eq=False)
class RewardSample:
    """What is rewarded.

    Attributes:
        image: the picture; for a caption, the picture it describes.
        text: the caption where that is what is rewarded, else None.
        category: the item's, for reports.
        metadata: the item's: GenEval's row, noun chunks ...
        group: samples of one group are compared with each other; the prompt by default.
    """

    image: Image
    text: str | None = None
    category: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    group: str | None = None

    @cached_property
    def sha256(self) -> str:
        """64 hex digits over the picture's size and pixels, however it is stored."""
        from selfreward_eval.harness.instruments.backends.conversations import picture_sha256

        return picture_sha256(self.image)


@dataclass(frozen=True, eq=False)
class Reward:
    """What one sample is worth.

    Attributes:
        value: the reward; None where it could not be measured. Nothing stands in for it then.
        components: the numbers that it is made of; empty without a value.
        map: float32 (H, W) of the picture's size, for rewards that say where; else None.
        per_token: one number per token, for rewards that are a mean over tokens; else None.
        status: ``success``, or why there is no value.
        reason: for a human, where there is no value.
        evidence: answers, boxes, raw replies, diagnostics; JSON values only.
        source: the rewarder's name and the beginning of its identity's fingerprint.

    Raises:
        ValueError: a success without a value, a failure with numbers, or a number that is not finite.
    """

    value: float | None
    components: Mapping[str, float] = field(default_factory=dict)
    map: NDArray[np.float32] | None = None
    per_token: tuple[float, ...] | None = None
    status: Status = Status.SUCCESS
    reason: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""

    def __post_init__(self) -> None:
        if self.status is not Status.SUCCESS:
            if self.value is not None or self.components or self.map is not None or self.per_token:
                raise ValueError(f"a reward with status {self.status} carries no number")
            return
        if self.value is None:
            raise ValueError("a reward with status success needs a value")
        named = {"value": self.value, **self.components}
        odd = [name for name, number in named.items() if not isfinite(number)]
        odd += ["a token"] if not all(map(isfinite, self.per_token or ())) else []
        if self.map is not None:
            import numpy as np

            odd += ["the map"] if not bool(np.isfinite(self.map).all()) else []
        if odd:
            raise ValueError(f"{odd[0]} is not a finite number")

    @property
    def ok(self) -> bool:
        """Whether there is a value."""
        return self.status is Status.SUCCESS

    @classmethod
    def measured(cls, value: float, what: str, **parts: Any) -> Reward:
        """A reward of ``value``; unscored if a backend gave no finite number for ``what``."""
        if isfinite(value):
            return cls(value, **parts)
        return cls.unscored(Status.MEASUREMENT_ERROR, f"{what} is {value}, no finite number")

    @classmethod
    def unscored(cls, status: Status, reason: str, evidence: Mapping[str, Any] | None = None) -> Reward:
        """A reward that could not be measured, and why."""
        return cls(None, status=status, reason=reason, evidence=evidence or {})


class Rewarder(ABC):
    """Turns (prompt, sample) into a reward.

    Attributes:
        info: what it is; an instance may narrow its class's.
        at_once: samples measured together; changes speed only. Groups are never cut.
        timeout: seconds that one sample may take; None for no limit. A call that takes longer is
            left behind in its thread, because nothing can stop it from outside.
    """

    info: RewarderInfo
    at_once: int = 32
    timeout: float | None = None

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
        from selfreward_eval.rewarders.guarding import guarded

        if len(prompts) != len(samples):
            raise UsageError(
                f"the rewarder {self.info.name!r} got {len(prompts)} prompts and {len(samples)} samples; "
                "it needs one prompt per sample"
            )
        if not samples:
            return []
        source = self.source()
        found: dict[int, Reward] = {}
        for units in self._batches(prompts, samples):
            found |= guarded(self._checked, prompts, samples, units, self.timeout)
        return [replace(found[k], source=found[k].source or source) for k in range(len(samples))]

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
            (low is None or value >= low - SLACK) and (high is None or value <= high + SLACK)
        ):
            return reward
        shown = f"[{'-inf' if low is None else low}, {'inf' if high is None else high}]"
        reason = f"the value {value:g} lies outside {shown}, the range of {self.info.name}"
        return Reward.unscored(Status.MEASUREMENT_ERROR, reason, reward.evidence)

    def _batches(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> Iterator[list[list[int]]]:
        """Units (single samples, or whole groups) in batches of about :attr:`at_once` samples."""
        units: dict[Any, list[int]] = {}
        for k, (prompt, sample) in enumerate(zip(prompts, samples, strict=True)):
            group = prompt if sample.group is None else sample.group
            units.setdefault(group if self.info.groupwise else k, []).append(k)
        batch: list[list[int]] = []
        for unit in units.values():
            if batch and sum(map(len, batch)) + len(unit) > self.at_once:
                yield batch
                batch = []
            batch.append(unit)
        yield batch

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.info.name!r}>"
