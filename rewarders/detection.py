"""GenEval's rules as a reward: 1 if a detector finds what the prompt asks for, else 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Status
from selfreward_eval.rewarders.base import Reward, Rewarder, RewarderInfo, RewardSample
from selfreward_eval.rewarders.building import instrument

if TYPE_CHECKING:
    from selfreward_eval.harness.instruments.base import ColourClassifier, Detector

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
        detector: Detector | str = "mask2former",
        detector_args: Mapping[str, Any] | None = None,
        colour: ColourClassifier | str = "open_clip_colour",
        colour_args: Mapping[str, Any] | None = None,
        vocabulary: str = COCO,
    ) -> None:
        if vocabulary not in (COCO, SHAPES):
            raise UsageError(
                f"the rewarder 'detection' knows no vocabulary {vocabulary!r}; known: coco, shapes"
            )
        self.detector: Detector = instrument(detector, detector_args, "detect", "detector")
        self.colour: ColourClassifier = instrument(colour, colour_args, "classify", "colour classifier")
        self.vocabulary = vocabulary

    def identity(self) -> dict[str, Any]:
        return self.described(
            vocabulary=self.vocabulary, detector=self.detector.identity(), colour=self.colour.identity()
        )

    def measure(self, prompts: Sequence[str], samples: Sequence[RewardSample]) -> list[Reward]:
        from selfreward_eval.tasks.geneval.measuring import measure_image

        labels, colours = labels_and_colours(self.vocabulary)
        with_clauses = [k for k, sample in enumerate(samples) if sample.metadata.get("include")]
        images = [samples[k].image.convert("RGB") for k in with_clauses]
        detected = self.detector.detect(images, labels) if with_clauses else []
        rewards = {}
        for k, image, detections in zip(with_clauses, images, detected, strict=True):
            measured = measure_image(image, samples[k].metadata, detections, self.colour, colours=colours)
            evidence = {**measured.evidence, "verdict": measured.reason}
            rewards[k] = (
                Reward(measured.values["accuracy"], evidence=evidence)
                if measured.ok
                else Reward.unscored(measured.status, measured.reason)
            )
        no_clauses = Reward.unscored(
            Status.MEASUREMENT_ERROR, "the item carries no include clauses of GenEval's to check"
        )
        return [rewards.get(k, no_clauses) for k in range(len(samples))]


def labels_and_colours(vocabulary: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Labels and colours of a vocabulary; COCO's classes by the names that GenEval's rows use."""
    if vocabulary == SHAPES:
        from selfreward_eval.tasks.shapes.vocabulary import COLOURS as SHAPES_COLOURS
        from selfreward_eval.tasks.shapes.vocabulary import FORMS

        return FORMS, tuple(SHAPES_COLOURS)
    from selfreward_eval.harness.instruments.backends.coco import COCO_CLASSES, GENEVAL_NAMES
    from selfreward_eval.tasks.geneval.options import COLOURS

    geneval_names = {coco: name for name, coco in GENEVAL_NAMES.items()}
    return tuple(geneval_names.get(name, name) for name in COCO_CLASSES), COLOURS
