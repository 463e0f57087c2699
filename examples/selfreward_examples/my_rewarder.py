"""A rewarder: a number for every picture, and an identity that says what the number depends on."""

from collections.abc import Sequence
from typing import Any

from PIL import ImageStat

from selfreward_eval import Reward, Rewarder, RewarderInfo, RewardSample


class MyVividness(Rewarder):
    """``selfreward-eval reward results/tiny-final --rewarder my_vividness -o rewards``

    The mean saturation of a picture, from 0 (grey) to 1.

    Args:
        power: that the mean is raised to; above 1 it prefers the most vivid pictures.
    """

    info = RewarderInfo("my_vividness", "1", "Mean saturation", kind="external", range=(0.0, 1.0))

    def __init__(self, power: float = 1.0) -> None:
        self.power = float(power)

    def identity(self) -> dict[str, Any]:
        return self.described(power=self.power)

    def measure(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        """One reward per picture. What raises here is tried again picture by picture."""
        means = [ImageStat.Stat(sample.image.convert("HSV")).mean[1] / 255 for sample in samples]
        return [Reward(mean**self.power, components={"saturation": mean}) for mean in means]
