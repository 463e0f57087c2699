"""Pictures, rewarders that misbehave, and the shipped model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.models.tiny import WEIGHTS, TinyModel
from selfreward_eval.rewarders.base import Reward, Rewarder, RewarderInfo, RewardSample


def plain(number: int) -> Image.Image:
    """A picture that no other number gives."""
    return Image.new("RGB", (6, 4), (number % 256, number // 256, 7))


class Measuring(Rewarder):
    """Rewards the sum of a picture's first pixel; ``rule`` may do something else for some of them.

    Attributes:
        calls: how many samples every call of :meth:`measure` was given.
    """

    info = RewarderInfo("measuring", "1", "For tests", "external", (0.0, 1000.0))

    def __init__(self, rule: Callable[[int], Any] | None = None, **settings: Any) -> None:
        self.rule, self.settings = rule, settings
        self.calls: list[int] = []

    def identity(self) -> dict[str, Any]:
        return self.described(**self.settings)

    def measure(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        self.calls.append(len(samples))
        return [self._one(sample) for sample in samples]

    def _one(self, sample: RewardSample) -> Reward:
        pixel = sample.image.getpixel((0, 0))
        assert isinstance(pixel, tuple)
        number = int(pixel[0] + 256 * pixel[1])
        value = float(number) if self.rule is None else self.rule(number)
        return value if isinstance(value, Reward) else Reward(value)


@pytest.fixture
def measuring() -> type[Measuring]:
    return Measuring


@pytest.fixture
def sample() -> Callable[..., RewardSample]:
    """``sample(7)``: the sample whose picture :class:`Measuring` rewards with 7."""
    return lambda number, **rest: RewardSample(plain(number), **rest)


@pytest.fixture(scope="session")
def tiny() -> TinyModel:
    """The shipped model, loaded once."""
    if not (WEIGHTS / "tiny-final").is_dir():
        pytest.skip("the tiny model's weights are not in this checkout")
    return TinyModel("final", device="cpu")


@pytest.fixture(scope="session")
def scene() -> Callable[..., RewardSample]:
    """``scene(("star", "red", 8, 24), ...)``: a rendered picture of these things as a sample."""
    from selfreward_eval.tasks.shapes.render import render
    from selfreward_eval.tasks.shapes.scene import Scene, Thing

    def make(*things: tuple[str, str, int, int], **rest: Any) -> RewardSample:
        picture = render(Scene(tuple(Thing(form, colour, x, y) for form, colour, x, y in things)))
        return RewardSample(Image.fromarray(picture), **rest)

    return make
