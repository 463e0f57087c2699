"""A benchmark: has the drawn shape the colour that was asked for?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from PIL.Image import Image

from selfreward_eval import Item, Measurement, Metric, Sample, Status, Task, TaskInfo

HUES = {"red": 0, "orange": 22, "yellow": 36, "green": 95, "blue": 158, "purple": 200}
"""Colour -> its hue, of 256 around the circle."""


class MyColours(Task):
    """``selfreward-eval run --tasks my_colours``"""

    world = "shapes"  # Rewarders choose their instruments by it; leave it out for photographs.
    info = TaskInfo("my_colours", "1", "One shape of one colour", "an example", images_per_item=2)
    metrics = (Metric("correct"),)

    def items(self) -> Sequence[Item]:
        forms = ("circle", "square", "star", "heart")
        pairs = [(hue, form) for form in forms for hue in HUES]
        return [Item(f"{hue}-{form}", f"a {hue} {form}", form, metadata={"hue": hue}) for hue, form in pairs]

    def instruments(self) -> Mapping[str, dict[str, Any]]:
        return {"colour": {"name": "most_frequent_hue", "revision": "1"}}

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image]
    ) -> list[Measurement]:
        return [self._one(item.metadata["hue"], image) for item, image in zip(items, images, strict=True)]

    def _one(self, asked: str, image: Image) -> Measurement:
        pixels = image.convert("HSV").get_flattened_data()
        seen = Counter(nearest(hue) for hue, saturation, _ in pixels if saturation > 60)
        most = max(seen, key=lambda name: seen[name], default="no colour")
        evidence = {"pixels": dict(seen)}
        return Measurement(Status.SUCCESS, {"correct": float(most == asked)}, f"mostly {most}", evidence)


def nearest(hue: int) -> str:
    """The name of the colour whose hue is nearest on the circle."""
    return min(HUES, key=lambda name: min((hue - HUES[name]) % 256, (HUES[name] - hue) % 256))
