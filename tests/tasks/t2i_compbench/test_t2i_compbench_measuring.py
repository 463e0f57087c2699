"""From prompts and pictures to measurements, with instruments that say what they are told to."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from selfreward_eval.harness.errors import UsageError
from selfreward_eval.harness.records import Measurement
from selfreward_eval.tasks.t2i_compbench.facts import PromptFacts, read
from selfreward_eval.tasks.t2i_compbench.measuring import (
    MOST_BOXES,
    Instruments,
    depth_in_frame,
    measure_batch,
)
from selfreward_eval.tasks.t2i_compbench.settings import ROLES, Settings, roles

FIXED = Settings("fixed")
LEFT, RIGHT = (20.0, 150.0, 120.0, 300.0), (300.0, 150.0, 400.0, 300.0)
DOG_AND_FROG = (("dog", LEFT, 0.9), ("frog", RIGHT, 0.8))

PROMPTS = {
    "color": "a plum kettle and a teal stool",
    "shape": "an oval tray and a conical lamp",
    "texture": "a woollen scarf and a tin mug",
    "spatial": "a dog on the left of a frog",
    "3d_spatial": "a dog in front of a frog",
    "numeracy": "two dogs and a frog",
    "non_spatial": "A clown juggles pears.",
    "complex": "The plum dog sat next to the teal frog.",
}


def facts(category: str, prompt: str | None = None, kind: Any = "both") -> PromptFacts:
    return read(prompt or PROMPTS[category], category, kind if category == "complex" else None)


def square(side: int = 479) -> Image.Image:
    return Image.new("RGB", (side, side))


def one(
    instruments: Any,
    category: str,
    prompt: str | None = None,
    *,
    settings: Settings | None = None,
    **more: Any,
) -> Measurement:
    """The measurement of a single picture."""
    (found,) = measure_batch([facts(category, prompt, **more)], [square()], instruments.all(), settings)
    json.dumps(found.to_json())
    return found


class TestCategories:
    """One picture each, by hand."""

    @pytest.mark.parametrize("category", ["color", "shape", "texture"])
    def test_attributes_are_a_product_of_answers(self, scripted: Any, category: str) -> None:
        first, second = (f"{chunk}?" for chunk in facts(category).chunks)
        found = one(scripted(yes={first: 0.9, second: 0.25}), category)
        assert found.values["score"] == pytest.approx(0.225)
        assert found.evidence["numbers"] == {"questions": [first, second], "yes": [0.9, 0.25]}
        assert found.reason == f"{first} 0.9000; {second} 0.2500"

    def test_2d_weighs_confidence_and_position(self, scripted: Any) -> None:
        found = one(scripted(DOG_AND_FROG), "spatial")
        assert found.values["score"] == pytest.approx(0.25 * 0.9 + 0.25 * 0.8 + 0.5)
        assert found.evidence["rule"] == "both objects"
        assert [(box["label"], box["role"], box["box"]) for box in found.evidence["boxes"]] == [
            ("dog", "first", list(LEFT)),
            ("frog", "second", list(RIGHT)),
        ]

    def test_3d_reads_depth(self, scripted: Any) -> None:
        boxes = (("dog", (0.0, 0.0, 200.0, 200.0), 0.9), ("frog", (10.0, 10.0, 210.0, 400.0), 0.8))
        found = one(scripted(boxes), "3d_spatial")
        near, far = found.evidence["numbers"]["depths"]
        assert near > far
        assert found.evidence["numbers"]["position"] > 0.5
        assert found.values["score"] > 0.425 + 0.25

    def test_numeracy_counts(self, scripted: Any) -> None:
        found = one(scripted((("dog", LEFT, 0.9), ("dog", RIGHT, 0.7))), "numeracy")
        assert found.values["score"] == 0.5
        assert found.reason == "dog: 2 wanted, 2 found; frog: 1 wanted, 0 found"

    def test_non_spatial_is_the_bare_cosine(self, scripted: Any) -> None:
        instruments = scripted(similarity=-0.03)
        found = one(instruments, "non_spatial")
        assert found.values["score"] == -0.03
        assert instruments.texts == [["A clown juggles pears."]]

    def test_complex_takes_the_parts_of_its_kind(self, scripted: Any) -> None:
        spatial = 0.25 * 0.9 + 0.25 * 0.8 + 0.5
        expected = {
            "spatial": (0.25 + spatial) / 2,
            "action": (0.25 + 0.3) / 2,
            "both": (0.25 + spatial + 0.3) / 3,
        }
        for kind, score in expected.items():
            instruments = scripted(DOG_AND_FROG, similarity=0.3)
            found = one(instruments, "complex", kind=kind)
            assert found.values["score"] == pytest.approx(score)
            assert bool(instruments.detect_calls) == (kind != "action")
            assert bool(instruments.texts) == (kind != "spatial")

    def test_complex_shows_every_part(self, scripted: Any) -> None:
        found = one(scripted(DOG_AND_FROG), "complex")
        assert found.evidence["rule"] == "both prompt"
        assert found.evidence["numbers"]["attributes"]["questions"] == ["The plum dog?", "the teal frog?"]
        assert found.evidence["numbers"]["spatial"]["relation"] == "next to"
        assert found.evidence["numbers"]["action"]["similarity"] == 0.25
        assert [box["label"] for box in found.evidence["boxes"]] == ["dog", "frog"]
        assert found.reason.splitlines()[1].startswith("attributes: The plum dog? 0.5000")

    def test_questions_are_asked_in_lower_case(self, scripted: Any) -> None:
        instruments = scripted()
        one(instruments, "complex", kind="action")
        assert instruments.questions == [["the plum dog?", "the teal frog?"]]

    def test_adjectives_are_taken_from_a_complex_prompt(self, scripted: Any) -> None:
        instruments = scripted()
        one(instruments, "complex", "The rough stone fell on the soft moss.", kind="action")
        assert instruments.texts == [["The stone fell on the moss ."]]


class TestAsking:
    """What instruments are asked, and how often."""

    @staticmethod
    def mixed(instruments: Any, times: int = 1, settings: Settings | None = None) -> list[Measurement]:
        wanted = [facts(category) for category in PROMPTS for _ in range(times)]
        return measure_batch(wanted, [square() for _ in wanted], instruments.all(), settings)

    def test_all_questions_of_a_batch_are_asked_at_once(self, scripted: Any) -> None:
        instruments = scripted(DOG_AND_FROG)
        self.mixed(instruments, times=3)
        assert [len(call) for call in instruments.questions] == [4 * 3 * 2]
        assert [len(call) for call in instruments.texts] == [2 * 3]
        assert instruments.depth_calls == [3]

    def test_pictures_with_the_same_labels_are_shown_at_once(self, scripted: Any) -> None:
        instruments = scripted(DOG_AND_FROG)
        self.mixed(instruments, times=3)
        assert [(labels, len(sizes)) for labels, sizes in instruments.detect_calls] == [(("dog", "frog"), 12)]

    def test_other_labels_are_never_asked_in_the_same_breath(self, scripted: Any) -> None:
        instruments = scripted()
        wanted = [facts("spatial"), facts("spatial", "a key near a lamp"), facts("spatial")]
        measure_batch(wanted, [square()] * 3, instruments.all())
        assert [(labels, len(sizes)) for labels, sizes in instruments.detect_calls] == [
            (("dog", "frog"), 2),
            (("key", "lamp"), 1),
        ]

    def test_a_closed_vocabulary_is_asked_once_and_whole(self, scripted: Any) -> None:
        instruments = scripted()
        settings = Settings(labels=("dog", "cat", "frog"))
        wanted = [facts("spatial"), facts("numeracy", "three keys")]
        measure_batch(wanted, [square()] * 2, instruments.all(), settings)
        assert [(labels, len(sizes)) for labels, sizes in instruments.detect_calls] == [
            (("dog", "cat", "frog"), 2)
        ]

    @pytest.mark.parametrize("settings", [Settings(), FIXED])
    def test_a_batch_changes_no_score(self, scripted: Any, settings: Settings) -> None:
        boxes = (*DOG_AND_FROG, ("dog", (130.0, 20.0, 180.0, 90.0), 0.6))
        together = self.mixed(scripted(boxes), times=2, settings=settings)
        alone = [one(scripted(boxes), category, settings=settings) for category in PROMPTS for _ in range(2)]
        assert together == alone
        assert all(found.ok for found in together)

    def test_only_the_needed_instruments_are_needed(self, scripted: Any) -> None:
        everything = scripted(DOG_AND_FROG).all()
        for category in PROMPTS:
            needed = {role: getattr(everything, role) for role in roles([category])}
            assert measure_batch([facts(category)], [square()], Instruments(**needed))[0].ok
            for role in needed:
                with pytest.raises(UsageError, match=f"role '{role}'"):
                    measure_batch([facts(category)], [square()], replace(everything, **{role: None}))

    def test_roles_come_in_one_order(self) -> None:
        assert roles(list(ROLES)) == ("detector", "depth", "vqa", "similarity")
        assert roles(["complex", "color"]) == ("detector", "vqa", "similarity")

    def test_an_empty_batch_asks_nothing(self, scripted: Any) -> None:
        assert measure_batch([], [], scripted().all()) == []

    def test_people_are_looked_for_as_persons(self, scripted: Any) -> None:
        instruments = scripted()
        one(instruments, "spatial", "a girl next to a ship")
        one(instruments, "numeracy", "two girls and a ship")
        one(instruments, "numeracy", "two girls and a ship", settings=FIXED)
        assert [labels for labels, _ in instruments.detect_calls] == [
            ("person", "ship"),
            ("person", "boat"),
            ("girl", "ship"),
        ]

    def test_compounds_are_asked_whole_by_the_fixed_rules(self, scripted: Any) -> None:
        instruments = scripted()
        prompt = "The soft hat was on top of the hard coat rack."
        one(instruments, "complex", prompt, kind="spatial")
        one(instruments, "complex", prompt, kind="spatial", settings=FIXED)
        assert [labels for labels, _ in instruments.detect_calls] == [("hat", "coat"), ("hat", "coat rack")]


class TestFrame:
    """Rules work in 479 pixels, pages in the picture's own."""

    def test_the_detector_is_shown_the_frame(self, scripted: Any) -> None:
        instruments = scripted()
        measure_batch([facts("spatial")] * 2, [square(1024), Image.new("RGB", (640, 320))], instruments.all())
        assert instruments.detect_calls[0][1] == [(479, 479), (480, 240)]

    def test_boxes_come_back_in_the_picture(self, scripted: Any) -> None:
        (found,) = measure_batch([facts("spatial")], [square(958)], scripted(DOG_AND_FROG).all())
        assert found.evidence["boxes"][0]["box"] == [2 * edge for edge in LEFT]

    def test_a_detector_may_see_the_picture_itself(self, scripted: Any) -> None:
        """150 pixels stay pixels of the frame: centres 100 apart in the picture are 1,497 apart there."""
        boxes = (("dog", (0.0, 0.0, 2.0, 2.0), 0.9), ("frog", (28.0, 28.0, 30.0, 30.0), 0.8))
        instruments = scripted(boxes)
        settings = Settings(resized=False)
        (found,) = measure_batch(
            [facts("spatial", "a dog near a frog")], [square(32)], instruments.all(), settings
        )
        assert instruments.detect_calls[0][1] == [(32, 32)]
        apart = 28 * 479 / 32
        assert found.evidence["numbers"]["position"] == pytest.approx(150 / apart, rel=1e-6)
        np.testing.assert_allclose(found.evidence["boxes"][1]["box"], boxes[1][1], rtol=1e-9)

    def test_depth_is_resized_as_an_eight_bit_picture(self) -> None:
        depth = np.zeros((958, 958), np.float32)
        depth[:, 479:] = 0.4
        small = depth_in_frame(depth)
        assert small.shape == (479, 479)
        assert (small[0, 0], small[0, -1]) == (0, np.float32(102 / 255))

    def test_faint_detections_do_not_count(self, scripted: Any) -> None:
        boxes = (("dog", LEFT, 0.35), ("frog", RIGHT, 0.36))
        found = one(scripted(boxes), "numeracy", "a dog and a frog", settings=Settings(threshold=0.35))
        assert found.reason == "dog: 1 wanted, 0 found; frog: 1 wanted, 1 found"

    def test_boxes_of_one_object_are_suppressed(self, scripted: Any) -> None:
        boxes = (("dog", LEFT, 0.9), ("dog", (22.0, 152.0, 122.0, 302.0), 0.8))
        assert one(scripted(boxes), "numeracy", "one dog").values["score"] == 1.0

    def test_a_record_holds_the_surest_boxes_and_how_many_more(self, scripted: Any) -> None:
        boxes = [("dog", (9.0 * k, 0.0, 9.0 * k + 8, 8.0), 0.2 + k / 100) for k in range(40)]
        found = one(scripted(boxes), "numeracy", "two dogs")
        scores = [box["score"] for box in found.evidence["boxes"]]
        assert scores == sorted(scores, reverse=True)
        assert (len(scores), found.evidence["left_out"]) == (MOST_BOXES, 40 - MOST_BOXES)
        assert found.reason == "dog: 2 wanted, 40 found"


class TestSettings:
    def test_what_is_impossible_is_refused(self) -> None:
        with pytest.raises(UsageError, match="no protocol 'free'; choose official or fixed"):
            Settings("free")  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="threshold lies in"):
            Settings(threshold=1.0)
        with pytest.raises(UsageError, match="label space is empty"):
            Settings(labels=())
