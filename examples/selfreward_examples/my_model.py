"""A model adapter: it offers what it has methods for, and nothing else is asked of it."""

import random
from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageDraw

COLOURS = {
    "red": (220, 40, 40),
    "orange": (245, 135, 20),
    "yellow": (240, 210, 20),
    "green": (40, 160, 70),
    "blue": (40, 90, 215),
    "purple": (145, 60, 185),
}


class MyPainter:
    """``selfreward-eval run --model my_painter --model-args mistakes=0.2``

    Draws one disc of the first colour that the prompt names, and now and then of another.

    Args:
        mistakes: how often another colour is taken, from 0 to 1.
        size: side of a picture in pixels.
        name: how the run is called.
    """

    def __init__(self, mistakes: float = 0.1, size: int = 48, name: str = "my_painter") -> None:
        self.mistakes, self.size, self.name = float(mistakes), int(size), str(name)

    def identity(self) -> dict[str, Any]:
        """Whatever can change a picture belongs here.

        Two runs are compared if nothing under ``generation`` differs: the model may, the settings not.
        """
        return {
            "adapter": "my_painter",
            "name": self.name,
            "weights": f"mistakes-{self.mistakes:g}",
            "revision": "1",
            "generation": {"size": self.size},
        }

    def generate(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Image.Image]:
        """One picture per (prompt, seed). A generator of its own makes it the same in any batch."""
        return [self._draw(prompt, random.Random(seed)) for prompt, seed in zip(prompts, seeds, strict=True)]

    def _draw(self, prompt: str, chance: random.Random) -> Image.Image:
        asked = next((COLOURS[word] for word in prompt.split() if word in COLOURS), None)
        wrong = asked is None or chance.random() < self.mistakes
        colour = chance.choice(list(COLOURS.values())) if wrong else asked
        radius = self.size // 6
        x, y = (chance.randint(radius, self.size - radius) for _ in range(2))
        picture = Image.new("RGB", (self.size, self.size), (240, 240, 240))
        ImageDraw.Draw(picture).ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
        return picture
