"""GenEval's rules as a reward: what a detector finds is what the prompt asked for, or it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Status
from selfreward_eval.rewarders.base import Reward, Rewarder, RewarderInfo, RewardSample
from selfreward_eval.rewarders.building import instrument

COCO, SHAPES = "coco", "shapes"


class DetectionReward(Rewarder):
    """1 if GenEval's official rule calls the picture correct, else 0.

    A sample's metadata must be a row of GenEval's schema (``tag``, ``include``, ``exclude``); one
    without is not scored.

    Args:
        detector: a :class:`~selfreward_eval.harness.instruments.base.Detector`, or its registry name.
        detector_args: its constructor's arguments, for a name.
        colour: a :class:`~selfreward_eval.harness.instruments.base.ColourClassifier`, or its registry name.
        colour_args: its constructor's arguments, for a name.
        vocabulary: what is looked for: ``coco`` (80 classes, GenEval's ten colours) or ``shapes``.
    """

    info = RewarderInfo(
        "detection",
        "1",
        "GenEval's verdict on a detector's objects",
        "external",
        (0.0, 1.0),
        needs=("detector", "colour"),
        paper="https://arxiv.org/abs/2310.11513",
    )

    def __init__(
        self,
        detector: Any = "mask2former",
        detector_args: Mapping[str, Any] | None = None,
        colour: Any = "open_clip_colour",
        colour_args: Mapping[str, Any] | None = None,
        vocabulary: str = COCO,
    ) -> None:
        if vocabulary not in (COCO, SHAPES):
            raise UsageError(
                f"the rewarder 'detection' knows no vocabulary {vocabulary!r}; known: coco, shapes"
            )
        self.detector = instrument(detector, detector_args, "detect", "detector")
        self.colour = instrument(colour, colour_args, "classify", "colour classifier")
        self.vocabulary = vocabulary

    def identity(self) -> dict[str, Any]:
        return self.described(
            vocabulary=self.vocabulary, detector=self.detector.identity(), colour=self.colour.identity()
        )

    def measure(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        from selfreward_eval.tasks.geneval.measuring import measure_image

        labels, colours = words(self.vocabulary)
        asked = [k for k, sample in enumerate(samples) if sample.metadata.get("include")]
        images = [samples[k].image.convert("RGB") for k in asked]
        found = self.detector.detect(images, labels) if asked else []
        rewards = {}
        for k, image, detections in zip(asked, images, found, strict=True):
            measured = measure_image(image, samples[k].metadata, detections, self.colour, colours=colours)
            evidence = {**measured.evidence, "verdict": measured.reason}
            rewards[k] = (
                Reward(measured.values["accuracy"], evidence=evidence)
                if measured.ok
                else Reward.unscored(measured.status, measured.reason)
            )
        silent = Reward.unscored(
            Status.MEASUREMENT_ERROR, "the item carries no include clauses of GenEval's to check"
        )
        return [rewards.get(k, silent) for k in range(len(samples))]


def words(vocabulary: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Labels and colours of a vocabulary; COCO's classes by the names that GenEval's rows use."""
    if vocabulary == SHAPES:
        from selfreward_eval.tasks.shapes.vocabulary import COLOURS as PAINTS
        from selfreward_eval.tasks.shapes.vocabulary import FORMS

        return FORMS, tuple(PAINTS)
    from selfreward_eval.harness.instruments.backends.coco import COCO_CLASSES, GENEVAL_NAMES
    from selfreward_eval.tasks.geneval.options import COLOURS

    theirs = {coco: name for name, coco in GENEVAL_NAMES.items()}
    return tuple(theirs.get(name, name) for name in COCO_CLASSES), COLOURS
