"""What goes into a rewarder and what comes out of it: samples, rewards, and a rewarder's description."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

from selfreward_eval.harness.records import Status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

__all__ = ["Kind", "Reward", "RewardSample", "RewarderInfo"]

Kind = Literal["self", "external", "control"]


@dataclass(frozen=True)
class RewarderInfo:
    """What a rewarder is, before it is built.

    Attributes:
        name: registry name.
        version: of the formula; anything that changes a value changes it.
        title: one line.
        kind: ``self`` where the model under training is the instrument, ``external`` where anything
            else is, ``control`` where nothing is measured.
        range: smallest and largest possible value; None for an open end.
        higher_is_better: direction.
        needs: capabilities of the model and roles of the instruments that it uses.
        groupwise: whether a value depends on the other samples of its group.
        maps: whether a reward comes with a map.
        captions: whether it reads a caption from the sample's text. To reward captions with any other one,
            the caption takes the prompt's place.
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
    captions: bool = False
    paper: str = ""


@dataclass(frozen=True, eq=False)
class RewardSample:
    """What is rewarded.

    Attributes:
        image: the picture; for a caption, the picture that it describes.
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
    """The reward of one sample, or why there is none.

    Attributes:
        value: the reward; None where it could not be measured.
        components: the numbers that it is made of; empty without a value.
        map: float32 (H, W) of the picture's size, for rewards per pixel; else None.
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
        infinite = [name for name, number in named.items() if not isfinite(number)]
        infinite += ["a token"] if not all(map(isfinite, self.per_token or ())) else []
        if self.map is not None:
            import numpy as np

            infinite += ["the map"] if not bool(np.isfinite(self.map).all()) else []
        if infinite:
            raise ValueError(f"{infinite[0]} is not a finite number")

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
