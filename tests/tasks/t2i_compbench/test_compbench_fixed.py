"""The corrected rules: where they part from the official ones, and where they do not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfreward_eval.harness.instruments.base import Detection
from selfreward_eval.harness.records import Status
from selfreward_eval.tasks.t2i_compbench import fixed_attributes, fixed_numeracy, fixed_spatial, planar
from selfreward_eval.tasks.t2i_compbench.fixed_relations import Relation, relations
from selfreward_eval.tasks.t2i_compbench.labels import names, standing_for
from selfreward_eval.tasks.t2i_compbench.ruling import Ruling
from selfreward_eval.tasks.t2i_compbench.words import Tagged, tagged

LEFT, RIGHT = (20.0, 150.0, 120.0, 300.0), (300.0, 150.0, 400.0, 300.0)
SPACE = {"dog", "frog", "cattle, cow", "person", "rack", "car", "carrot", "sheep"}


def tag(prompt: str) -> tuple[Tagged, ...]:
    known = {"dog", "frog", "cow", "girl", "man", "coat", "rack", "side", "top", "front", "unicorn"}
    texts = prompt.split()
    return tagged(texts, ["NOUN" if text in known else "X" for text in texts])


def thing(label: str, box: Sequence[float], score: float = 0.8) -> Detection:
    return Detection(label, tuple(box), score)  # type: ignore[arg-type]


def planar_score(prompt: str, *things: Detection, space: Collection[str] = SPACE) -> Ruling:
    return fixed_spatial.spatial(tag(prompt), things, space)


class TestLabels:
    def test_a_label_has_several_names(self) -> None:
        assert names("table, Desk") == {"table", "desk"}
        assert names("mouse1") == {"mouse"}
        assert names("  , ") == frozenset()

    @pytest.mark.parametrize(
        ("noun", "labels"),
        [
            ("cow", {"cattle, cow"}),
            ("girl", {"person"}),
            ("sofa", {"couch"}),
            ("Mouse", {"mouse1", "mouse2, mouse"}),
            ("bee", None),
            ("key", None),
            ("unicorn", None),
        ],
    )
    def test_labels_stand_for_a_noun_by_meaning(self, noun: str, labels: set[str] | None) -> None:
        space = {
            "cattle, cow",
            "person",
            "couch",
            "mouse1",
            "mouse2, mouse",
            "frisbee",
            "monkey",
            "cowboy hat",
        }
        assert standing_for([noun], space) == labels

    def test_its_own_name_comes_before_a_wider_class(self) -> None:
        assert standing_for(["girl"], {"girl", "person"}) == {"girl"}

    def test_a_compound_comes_before_its_head(self) -> None:
        assert standing_for(["coat rack", "rack"], {"coat rack", "rack"}) == {"coat rack"}
        assert standing_for(["coat rack", "rack"], {"coat", "rack"}) == {"rack"}


class TestRelations:
    @pytest.mark.parametrize(
        ("prompt", "expected"),
        [
            ("a dog on side of a frog", [Relation("on side of", ("dog",), ("frog",))]),
            ("a dog on bottom of a frog", [Relation("on the bottom of", ("dog",), ("frog",))]),
            ("A dog To The Left Of a frog", [Relation("on the left of", ("dog",), ("frog",))]),
            ("a dog in front of a frog", [Relation("in front of", ("dog",), ("frog",))]),
            (
                "a dog next to a frog near a cow",
                [Relation("next to", ("dog",), ("frog",)), Relation("near", ("frog",), ("cow",))],
            ),
            ("a dog and a frog nearby", []),
            ("a dog near", []),
            ("near a dog", []),
        ],
    )
    def test_objects_around_the_wording(self, prompt: str, expected: list[Relation]) -> None:
        assert list(relations(tag(prompt))) == expected


class TestPlanar:
    def test_a_right_picture_scores_as_officially(self) -> None:
        things = thing("dog", LEFT), thing("frog", RIGHT)
        prompt = "a dog on the left of a frog"
        official = planar.spatial(prompt, tag(prompt), things)
        assert planar_score(prompt, *things).score == pytest.approx(official.score)

    def test_a_wrong_place_keeps_what_the_objects_earned(self) -> None:
        ruling = planar_score("a dog on the right of a frog", thing("dog", LEFT), thing("frog", RIGHT))
        assert ruling.score == pytest.approx(0.4)

    @pytest.mark.parametrize("wording", ["on top of", "on the top of"])
    def test_on_top_of_holds(self, wording: str) -> None:
        things = thing("dog", (0, 0, 50, 50)), thing("rack", (0, 100, 50, 150))
        ruling = planar_score(f"the dog {wording} the coat rack", *things)
        assert ruling.score == pytest.approx(0.9)
        assert ruling.numbers["relations"][0]["objects"] == ["dog", "coat rack"]

    def test_on_bottom_of_holds(self) -> None:
        things = thing("frog", (0, 0, 50, 50)), thing("dog", (0, 100, 50, 150))
        assert planar_score("a dog on bottom of a frog", *things).score == pytest.approx(0.9)

    def test_labels_match_by_meaning(self) -> None:
        things = thing("cattle, cow", LEFT), thing("frog", RIGHT)
        assert planar_score("a cow near a frog", *things).score == pytest.approx(0.9)

    def test_the_best_detection_counts_in_any_order(self) -> None:
        things = [thing("dog", RIGHT, 0.3), thing("dog", LEFT, 0.9), thing("frog", RIGHT)]
        prompt = "a dog on the left of a frog"
        assert planar_score(prompt, *things) == planar_score(prompt, *things[::-1])

    def test_two_neighbours_of_one_kind_are_two(self) -> None:
        one = thing("dog", LEFT)
        assert planar_score("a dog near a dog", one, thing("dog", RIGHT)).rule == "both objects"
        assert planar_score("a dog near a dog", one).rule == "one object"

    def test_several_relations_are_averaged(self) -> None:
        things = thing("dog", LEFT), thing("frog", RIGHT)
        assert planar_score("a dog next to a frog near a cow", *things).score == pytest.approx(
            (0.9 + 0.2) / 2
        )

    def test_a_flat_box_is_not_seen(self) -> None:
        ruling = planar_score("a dog near a frog", thing("dog", (5, 5, 5, 5)), thing("frog", (5, 5, 5, 5)))
        assert (ruling.score, ruling.rule) == (0, "no object")

    @pytest.mark.parametrize(
        ("prompt", "rule", "reason"),
        [
            ("a dog", "no relation", "names no two objects"),
            ("a dog behind a frog", "no relation", "names no two objects"),
            ("", "no relation", "names no two objects"),
            ("a unicorn near a dog", "outside the label space", "no label for 'unicorn'"),
            (
                "a girl on the left of a man",
                "one label for both",
                "'girl' and 'man' share the label 'person'",
            ),
        ],
    )
    def test_what_a_prompt_cannot_be_scored_for(self, prompt: str, rule: str, reason: str) -> None:
        ruling = planar_score(prompt, thing("dog", LEFT))
        assert (ruling.score, ruling.rule) == (None, rule)
        assert reason in ruling.reason
        assert ruling.measurement("score").status is Status.MEASUREMENT_ERROR

    def test_unscorable_depends_on_the_prompt_alone(self) -> None:
        prompt = "a girl on the left of a man"
        assert planar_score(prompt) == planar_score(prompt, thing("person", LEFT), thing("person", RIGHT))

    @given(
        st.lists(
            st.tuples(st.sampled_from(["dog", "frog"]), st.integers(0, 400), st.integers(1, 9)), max_size=6
        )
    )
    def test_scores_stay_in_range(self, found: list[tuple[str, int, int]]) -> None:
        things = [thing(label, (x, 0, x + 50, 50), score / 10) for label, x, score in found]
        score = planar_score("a dog on the left of a frog", *things).score
        assert score is not None
        assert 0 <= score <= 1


class TestDepth:
    A, B = (100.0, 200.0, 200.0, 400.0), (110.0, 200.0, 210.0, 400.0)

    def judge(self, prompt: str, depth: Any, *things: Detection) -> Ruling:
        return fixed_spatial.depth_spatial(tag(prompt), things, depth, SPACE)

    def test_rows_come_first(self) -> None:
        depth = np.zeros((479, 479), np.float32)
        depth[200:400, 100:110] = 1
        things = thing("dog", self.A), thing("frog", self.B)
        assert self.judge("a dog in front of a frog", depth, *things).score == pytest.approx(0.9)
        assert self.judge("a dog behind a frog", depth, *things).score == pytest.approx(0.4)

    def test_an_overlap_of_one_half_is_full(self) -> None:
        depth = np.zeros((100, 100), np.float32)
        depth[:, 50:] = 1
        things = thing("dog", (0, 0, 100, 100)), thing("frog", (0, 0, 50, 100))
        assert self.judge("a dog in front of a frog", depth, *things).score == pytest.approx(0.9)

    @pytest.mark.parametrize("box", [(-50, -50, -10, -10), (300, 300, 900, 900), (0.2, 0.2, 0.4, 0.4)])
    def test_every_box_has_a_depth(self, box: tuple[float, ...]) -> None:
        assert fixed_spatial.mean_depth(np.full((270, 480), 0.5, np.float32), box) == 0.5

    def test_no_map_no_score(self) -> None:
        assert self.judge("a dog behind a frog", np.zeros(5)).rule == "no depth map"


class TestNumeracy:
    def judge(self, prompt: str, *counts: tuple[str, int], space: Collection[str] = SPACE) -> Ruling:
        found = [
            thing(label, (50 * i, 100 * k, 50 * i + 40, 100 * k + 40))
            for k, (label, count) in enumerate(counts)
            for i in range(count)
        ]
        return fixed_numeracy.numeracy(prompt.split(), found, space)

    @pytest.mark.parametrize(
        ("prompt", "expected"),
        [
            ("two dogs", (("dog", 2),)),
            ("Ten dogs and 3 cats", (("dog", 10), ("cat", 3))),
            ("two dog", (("dog", 2),)),
            ("a dogs and two cats", (("dog", 1), ("cat", 2))),
            ("two dogs and a", (("dog", 2),)),
            ("two unicorns", ()),
        ],
    )
    def test_numbers_are_read_where_upstream_stumbles(
        self, prompt: str, expected: tuple[tuple[str, int], ...]
    ) -> None:
        assert fixed_numeracy.counted(prompt.split()) == expected

    def test_nouns_of_two_words(self) -> None:
        found = fixed_numeracy.counted(["two", "traffic", "lights"], [("traffic light", "traffic lights")])
        assert found == (("traffic light", 2),)

    def test_girls_and_men_are_counted_together(self) -> None:
        assert self.judge("a girl and two men", ("person", 3)).score == 1
        assert self.judge("a girl and two men", ("person", 2)).score == 0.5

    def test_a_carrot_is_no_car(self) -> None:
        assert self.judge("two cars", ("carrot", 2)).score == 0

    def test_duplicates_and_flat_boxes_do_not_count(self) -> None:
        things = [thing("dog", (0, 0, 40, 40)), thing("dog", (0, 0, 40, 39), 0.5), thing("dog", (9, 9, 9, 9))]
        assert fixed_numeracy.numeracy(["one", "dog"], things, SPACE).score == 1

    @pytest.mark.parametrize(
        ("prompt", "rule"),
        [
            ("two unicorns", "nothing counted"),
            ("", "nothing counted"),
            ("two cats", "outside the label space"),
        ],
    )
    def test_what_a_prompt_cannot_be_scored_for(self, prompt: str, rule: str) -> None:
        ruling = self.judge(prompt, ("dog", 2))
        assert (ruling.score, ruling.rule) == (None, rule)


class TestAttributes:
    def test_places_are_left_out_with_any_article(self) -> None:
        chunks = ["The top", "left", "a side", "the red top", "a dog", "the"]
        assert fixed_attributes.questions(chunks) == ("the red top?", "a dog?", "the?")

    def test_every_phrase_is_asked(self) -> None:
        assert len(fixed_attributes.questions([f"thing {i}" for i in range(12)])) == 12

    def test_nothing_is_rounded(self) -> None:
        assert fixed_attributes.attributes(["a dog", "a cat"], [0.12345, 0.5]).score == 0.061725

    @pytest.mark.parametrize("chunks", [[], ["the top"]])
    def test_nothing_to_ask_is_no_score(self, chunks: list[str]) -> None:
        assert fixed_attributes.attributes(chunks, []).rule == "nothing to ask"

    def test_answers_that_are_none(self) -> None:
        assert fixed_attributes.attributes(["a dog"], [2.0]).rule == "no usable answers"
