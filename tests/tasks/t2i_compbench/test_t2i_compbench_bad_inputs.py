"""What cannot be scored: a status with its reason, never a number, and no harm to the neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from selfreward_eval.harness.records import Measurement, Status
from selfreward_eval.tasks.t2i_compbench.facts import PromptFacts, read
from selfreward_eval.tasks.t2i_compbench.measuring import measure_batch
from selfreward_eval.tasks.t2i_compbench.settings import Settings

FIXED = Settings("fixed")
LEFT, RIGHT = (20.0, 150.0, 120.0, 300.0), (300.0, 150.0, 400.0, 300.0)
DOG_AND_FROG = (("dog", LEFT, 0.9), ("frog", RIGHT, 0.8))

PROMPTS = {
    "color": "a plum kettle and a teal stool",
    "spatial": "a dog on the left of a frog",
    "3d_spatial": "a dog in front of a frog",
    "numeracy": "two dogs and a frog",
    "non_spatial": "A clown juggles pears.",
    "complex": "The plum dog sat next to the teal frog.",
}


def facts(category: str, prompt: str | None = None, kind: Any = None) -> PromptFacts:
    return read(prompt or PROMPTS[category], category, kind)


def square() -> Image.Image:
    return Image.new("RGB", (479, 479))


def one(
    instruments: Any,
    category: str,
    prompt: str | None = None,
    *,
    settings: Settings | None = None,
    **more: Any,
) -> Measurement:
    """The measurement of a single picture."""
    return measure_batch([facts(category, prompt, **more)], [square()], instruments.all(), settings)[0]


@pytest.mark.parametrize("size", [(0, 0), (0, 5), (5, 0), (5000, 2)])
def test_a_picture_that_nothing_can_be_shown(scripted: Any, size: tuple[int, int]) -> None:
    pictures = [square(), Image.new("RGB", size), square()]
    instruments = scripted(DOG_AND_FROG)
    found = measure_batch([facts("spatial")] * 3, pictures, instruments.all())
    assert [one.status for one in found] == [Status.SUCCESS, Status.UNREADABLE_IMAGE, Status.SUCCESS]
    assert f"{size[0]} x {size[1]} pixels" in found[1].reason
    assert found[1].values == {}


def test_a_prompt_without_a_noun(scripted: Any) -> None:
    for category in ("spatial", "3d_spatial", "numeracy"):
        for settings in (Settings(), FIXED):
            found = one(scripted(DOG_AND_FROG), category, "next to !", settings=settings)
            assert (found.status, found.values) == (Status.MEASUREMENT_ERROR, {})
            assert "next to !" in found.reason


def test_a_prompt_without_a_phrase_scores_one_officially_and_nothing_when_fixed(scripted: Any) -> None:
    assert one(scripted(), "color", "!").values["score"] == 1.0
    found = one(scripted(), "color", "!", settings=FIXED)
    assert (found.status, found.evidence["rule"]) == (Status.MEASUREMENT_ERROR, "nothing to ask")


def test_a_detector_that_sees_nothing(scripted: Any) -> None:
    for settings in (Settings(), FIXED):
        for category in ("spatial", "3d_spatial", "numeracy"):
            found = one(scripted(), category, settings=settings)
            assert found.values["score"] == 0.0
            assert found.evidence["boxes"] == []


def test_boxes_without_area(scripted: Any) -> None:
    """Upstream divides by zero there; the fixed rules do not see such a box."""
    flat = (("dog", (50.0, 50.0, 50.0, 50.0), 0.9), ("frog", (70.0, 70.0, 70.0, 70.0), 0.8))
    found = one(scripted(flat), "spatial")
    assert (found.status, found.values) == (Status.MEASUREMENT_ERROR, {})
    assert "no area" in found.reason
    assert one(scripted(flat), "spatial", settings=FIXED).values["score"] == 0.0


def test_a_noun_outside_the_label_space(scripted: Any) -> None:
    """The official rule gives 0 whatever the picture shows; the fixed one says that it cannot tell."""
    space = ("frog", "lamp")
    for category in ("spatial", "3d_spatial", "numeracy"):
        assert one(scripted(DOG_AND_FROG), category, settings=Settings(labels=space)).values["score"] < 0.6
        found = one(scripted(DOG_AND_FROG), category, settings=Settings("fixed", labels=space))
        assert (found.status, found.evidence["rule"]) == (
            Status.MEASUREMENT_ERROR,
            "outside the label space",
        )
        assert "no label for 'dog'" in found.reason


def test_two_objects_of_one_kind_cannot_be_told_apart(scripted: Any) -> None:
    prompt = "a dog hidden by a dog"
    assert one(scripted(DOG_AND_FROG), "3d_spatial", prompt).ok
    found = one(scripted(DOG_AND_FROG), "3d_spatial", prompt, settings=FIXED)
    assert found.evidence["rule"] == "one label for both"


def test_a_part_that_cannot_be_scored_takes_the_whole_with_it(scripted: Any) -> None:
    found = one(scripted(), "complex", "The plum dog sat.", kind="spatial", settings=FIXED)
    assert found.status == Status.MEASUREMENT_ERROR
    assert "needs its spatial score" in found.reason
    assert "names no two objects in a relation" in found.reason


def test_a_complex_prompt_of_unknown_kind(scripted: Any) -> None:
    assert one(scripted(DOG_AND_FROG), "complex", kind=None).evidence["rule"] == "no kind"


@pytest.mark.parametrize("value", [float("nan"), 1.5, -2.0])
def test_a_similarity_that_is_no_cosine(scripted: Any, value: float) -> None:
    found = one(scripted(similarity=value), "non_spatial")
    assert found.status == Status.MEASUREMENT_ERROR
    assert "no cosine" in found.reason


def test_an_answer_that_is_no_probability(scripted: Any) -> None:
    found = one(scripted(yes={"a plum kettle?": 1.5}), "color")
    assert (found.status, found.evidence["rule"]) == (Status.MEASUREMENT_ERROR, "no usable answers")


def test_too_few_answers(scripted: Any) -> None:
    class Silent(scripted):
        def yes_probabilities(self, images: Sequence[Any], questions: Sequence[str]) -> list[float]:
            return [0.5]

    found = measure_batch([facts("color")] * 2, [square()] * 2, Silent().all())
    assert [one.status for one in found] == [Status.MEASUREMENT_ERROR] * 2


def test_answers_that_fit_no_picture_are_nobodys(scripted: Any) -> None:
    """One answer is lacking: whose is unknown, so the first picture does not get its neighbour's."""

    class Skips(scripted):
        def yes_probabilities(self, images: Sequence[Any], questions: Sequence[str]) -> list[float]:
            return [0.5] * (len(questions) - 1)

    found = measure_batch([facts("color")] * 3, [square()] * 3, Skips().all())
    assert [one.status for one in found] == [Status.MEASUREMENT_ERROR] * 3


@pytest.mark.parametrize(
    ("box", "score"),
    [
        (LEFT, float("nan")),
        (LEFT, float("inf")),
        ((20.0, float("nan"), 120.0, 300.0), 0.9),
        ((20.0, 150.0, 120.0), 0.9),
    ],
)
@pytest.mark.parametrize("category", ["spatial", "3d_spatial", "numeracy"])
def test_a_detection_that_is_no_number_is_no_absent_object(
    scripted: Any, category: str, box: Any, score: float
) -> None:
    for settings in (Settings(), FIXED):
        found = one(scripted((("dog", box, score), ("frog", RIGHT, 0.8))), category, settings=settings)
        assert found.status == Status.MEASUREMENT_ERROR
        assert "the detector" in found.reason


@pytest.mark.parametrize(
    "wrong", [np.zeros(4), np.zeros((479, 479, 3)), np.zeros((4, 4)), np.full((479, 479), np.nan)]
)
def test_a_map_that_is_none(scripted: Any, wrong: NDArray[Any]) -> None:
    class Wrong(scripted):
        def depth(self, images: Sequence[Any]) -> list[NDArray[np.float32]]:
            return [wrong.astype(np.float32) for _ in images]

    for settings in (Settings(), FIXED):
        found = one(Wrong(DOG_AND_FROG), "3d_spatial", settings=settings)
        assert (found.status, found.evidence["rule"]) == (Status.MEASUREMENT_ERROR, "no depth map")
