"""Measurements and their evidence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from PIL import Image

from selfreward_eval.harness.errors import InputError
from selfreward_eval.harness.instruments.base import Detection
from selfreward_eval.harness.records import Status
from selfreward_eval.tasks.geneval.measuring import measure_image

PICTURE = Image.new("RGB", (100, 100))
RED_CUP = {"tag": "colors", "prompt": "a red cup", "include": [{"class": "cup", "count": 1, "color": "red"}]}


def seen(score: float, label: str = "cup") -> Detection:
    return Detection(label, (0.0, 0.0, 50.0, 50.0), score)


class Always:
    """A classifier with one answer."""

    def __init__(self, colour: str) -> None:
        self.colour = colour

    def identity(self) -> dict[str, Any]:
        return {"name": "always", "colour": self.colour}

    def classify(
        self, image: Image.Image, detections: Sequence[Detection], colours: Sequence[str]
    ) -> list[str]:
        assert self.colour in colours
        return [self.colour] * len(detections)


class Blind(Always):
    """A classifier that cannot read the picture."""

    def classify(
        self, image: Image.Image, detections: Sequence[Detection], colours: Sequence[str]
    ) -> list[str]:
        raise InputError("the box has no pixel")


def test_a_right_picture_scores_one() -> None:
    measurement = measure_image(PICTURE, RED_CUP, [seen(0.9)], Always("red"))
    assert (measurement.values, measurement.reason) == ({"accuracy": 1.0}, "")


def test_a_wrong_picture_scores_zero_and_says_why() -> None:
    measurement = measure_image(PICTURE, RED_CUP, [seen(0.9)], Always("green"))
    assert measurement.values == {"accuracy": 0.0}
    assert measurement.reason == "expected red cup>=1, found 0 red; and 1 green"


def test_the_evidence_holds_every_box_but_the_faintest() -> None:
    things = [seen(0.9), seen(0.5), seen(0.2, "dog"), seen(0.01, "dog")]
    evidence = measure_image(PICTURE, RED_CUP, things, Always("red")).evidence
    assert json.loads(json.dumps(evidence)) == evidence
    told = [(box["label"], box["score"], box["colour"], box["kept"]) for box in evidence["boxes"]]
    assert told == [("cup", 0.9, "red", True), ("cup", 0.5, None, True), ("dog", 0.2, None, False)]
    assert (evidence["threshold"], evidence["left_out"]) == (0.3, 1)


def test_a_colour_that_cannot_be_read_is_a_failure_not_a_zero() -> None:
    measurement = measure_image(PICTURE, RED_CUP, [seen(0.9)], Blind("red"))
    assert measurement.status is Status.MEASUREMENT_ERROR
    assert measurement.values == {}
    assert measurement.reason == "the box has no pixel"


@pytest.mark.parametrize(
    "broken",
    [
        Detection("cup", (0.0, 0.0, 50.0, 50.0), float("nan")),
        Detection("dog", (0.0, 0.0, 50.0, 50.0), float("inf")),
        Detection("cup", (0.0, float("nan"), 50.0, 50.0), 0.9),
    ],
)
def test_a_detection_that_is_no_number_is_a_failure_not_an_absent_object(broken: Detection) -> None:
    measurement = measure_image(PICTURE, RED_CUP, [seen(0.9), broken], Always("red"))
    assert measurement.status is Status.MEASUREMENT_ERROR
    assert "needs finite numbers" in measurement.reason


def test_another_vocabulary() -> None:
    row = {"tag": "t", "prompt": "p", "include": [{"class": "star", "count": 1, "color": "mauve"}]}
    measurement = measure_image(PICTURE, row, [seen(0.9, "star")], Always("teal"), colours=("mauve", "teal"))
    assert measurement.reason == "expected mauve star>=1, found 0 mauve; and 1 teal"
