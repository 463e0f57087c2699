"""GenEval: does a picture show the objects, counts, colours and relations its prompt names?

Paper: Ghosh, Hajishirzi, Schmidt, "GenEval: An Object-Focused Framework for
Evaluating Text-to-Image Alignment", NeurIPS 2023. Protocol, licence and parity
are in this folder's ``README.md``; an item is shown in ``items.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.data import locate
from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.instruments.base import ColourClassifier, Detector
from selfreward_eval.harness.instruments.build import build, identities
from selfreward_eval.harness.records import Item, Measurement, Sample, SampleRecord
from selfreward_eval.harness.task import Metric, Task, TaskInfo
from selfreward_eval.tasks.categories import chosen_categories
from selfreward_eval.tasks.geneval.data import DATA_FILES, METADATA, OBJECT_NAMES
from selfreward_eval.tasks.geneval.options import COLOUR_TAGS, OFFICIAL, TAGS

if TYPE_CHECKING:
    from PIL.Image import Image

OFFICIAL_DETECTOR = "mask2former"

OFFICIAL_SEED = 42
"""Upstream seeds once per prompt with this."""

PICTURES_AT_ONCE = 8
"""Pictures detected per batch; a picture has up to 100 masks of its size, so memory limits this."""


class GenEval(Task):
    """The official benchmark on real detectors.

    Args:
        detector: registry name of the detector; it must know COCO's 80 classes.
        detector_args: its constructor's arguments.
        colour: registry name of the colour classifier.
        colour_args: its constructor's arguments.
        categories: some of the six, joined by ``+`` or as a sequence; all of them if empty. Without
            ``colors`` and ``color_attr`` no colour classifier is needed.

    Instruments are built when they are first needed and load their weights when first used.
    """

    info = TaskInfo(
        name="geneval",
        version="1",
        title="GenEval: objects, counts, colours and positions in 553 prompts",
        paper="https://arxiv.org/abs/2310.11513",
        images_per_item=4,
        capability="generate",
        seed_policies=("hashed", "official"),
        licence="MIT",
        comparable=(
            "no: the Mask2Former weights of the hub are another training run than the mmdet weights of the "
            "official evaluator, so verdicts near the thresholds differ; put numbers in one column with "
            "published ones only if measured with the converted mmdet weights"
        ),
    )
    metrics = (Metric("accuracy"),)
    data_files = DATA_FILES

    def __init__(
        self,
        detector: str = OFFICIAL_DETECTOR,
        detector_args: Mapping[str, Any] | None = None,
        colour: str = "open_clip_colour",
        colour_args: Mapping[str, Any] | None = None,
        categories: str | Sequence[str] = "",
    ) -> None:
        self.categories = chosen_categories(categories, TAGS, self.info.name)
        self._detector_name, self._detector_args = detector, dict(detector_args or {})
        self._colour_name, self._colour_args = colour, dict(colour_args or {})
        if detector != OFFICIAL_DETECTOR:
            reason = f"no: {detector} is another detector than the official evaluator's Mask2Former"
            self.info = replace(type(self).info, comparable=reason)

    def items(self) -> Sequence[Item]:
        """The 553 prompts in official order, as far as their category is chosen.

        Raises:
            MissingData: the official files are not on this machine.
        """
        return self._items

    def measure(
        self, items: Sequence[Item], samples: Sequence[Sample], images: Sequence[Image]
    ) -> list[Measurement]:
        """``accuracy`` 0.0 or 1.0 for every sample, with the boxes that the decision is based on."""
        from selfreward_eval.tasks.geneval.measuring import measure_image

        rows = {item.id: item.metadata for item in items}
        measurements = []
        for start in range(0, len(images), PICTURES_AT_ONCE):
            part = slice(start, start + PICTURES_AT_ONCE)
            detected = self.detector.detect(images[part], self._labels)
            for sample, image, detections in zip(samples[part], images[part], detected, strict=True):
                row = rows[sample.item_id]
                colour = self.colour if row["tag"] in COLOUR_TAGS else None
                measurements.append(measure_image(image, row, detections, colour, OFFICIAL))
        return measurements

    def instruments(self) -> Mapping[str, dict[str, Any]]:
        """Identity of what the categories need; the weights must be on this machine."""
        needed: dict[str, Callable[[], Any]] = {"detector": lambda: self.detector}
        if any(tag in COLOUR_TAGS for tag in self.categories):
            needed["colour"] = lambda: self.colour
        return identities(self.info.name, needed)

    def options(self) -> Mapping[str, Any]:
        """The official thresholds."""
        return asdict(OFFICIAL)

    def extra(self, records: Sequence[SampleRecord]) -> dict[str, float]:
        """Upstream's summary: overall, share of right pictures, share of prompts with a right one."""
        from selfreward_eval.tasks.geneval.summary import official_numbers

        return official_numbers(records)

    def seed(self, item: Item, index: int, run_seed: int, policy: str) -> int:
        """The seed of picture ``index``.

        ``official`` gives 42 + ``index`` for every prompt, whatever the run's seed. Upstream seeds
        42 once per prompt and draws its pictures one after another from that generator; here each
        picture has a generator of its own. So the first picture starts from upstream's state. Picture k has
        the same noise for all prompts, as upstream; the noise of pictures 1 to 3 differs from upstream's.
        """
        if policy == "official":
            return OFFICIAL_SEED + index
        return super().seed(item, index, run_seed, policy)

    @cached_property
    def detector(self) -> Detector:
        """The detector, built on first use.

        Raises:
            UsageError: the instrument is not a detector.
        """
        built = build(self._detector_name, self._detector_args)
        if not isinstance(built, Detector):
            raise UsageError(
                f"task {self.info.name!r}: the instrument {self._detector_name!r} is not a detector; name "
                "another as detector"
            )
        return built

    @cached_property
    def colour(self) -> ColourClassifier:
        """The colour classifier, built on first use.

        Raises:
            UsageError: the instrument is not a colour classifier.
        """
        built = build(self._colour_name, self._colour_args)
        if not isinstance(built, ColourClassifier):
            raise UsageError(
                f"task {self.info.name!r}: the instrument {self._colour_name!r} is not a colour classifier; "
                "name another as colour"
            )
        return built

    @cached_property
    def _labels(self) -> tuple[str, ...]:
        from selfreward_eval.tasks.geneval.items import load_object_names

        return load_object_names(locate(OBJECT_NAMES))

    @cached_property
    def _items(self) -> tuple[Item, ...]:
        from selfreward_eval.tasks.geneval.items import load_items

        items = load_items(locate(METADATA), self._labels)
        return tuple(item for item in items if item.category in self.categories)
